"""Other OpenStack services."""
