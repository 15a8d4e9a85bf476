"""Booting a server over the network."""
