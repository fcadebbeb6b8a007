"""What CAs allow per account, domain and time: known beforehand, counted here, kept across stacks."""
