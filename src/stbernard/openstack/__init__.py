"""Other OpenStack services: how their options are named, and how they are talked to."""
