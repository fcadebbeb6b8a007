"""The certificates of all stacks: a table that follows their states, what is due, and renewing it."""
