"""Which networks a server is in."""
