"""The past of a stack: its versions, and what differs between two of them."""
