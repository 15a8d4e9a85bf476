"""`stbernard import`: take over what a running Ironic knows (docs/import.md).

A source (`ironic_api`, `ironic_database`) gives rows with the API's field names, `records` makes
records of this service of them or refuses them, `run` writes what is new.
"""
