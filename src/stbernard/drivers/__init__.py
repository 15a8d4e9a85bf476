"""How hardware is touched: one protocol, one file."""
