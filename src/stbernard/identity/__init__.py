"""Who calls: the ways of [DEFAULT]auth_strategy to find out, before a request is looked at."""
