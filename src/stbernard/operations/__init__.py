"""What happens to a node: one file is one operation, read from top to bottom."""
