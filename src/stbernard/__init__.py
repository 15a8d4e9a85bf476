"""St. Bernard: a Bare Metal service built around rescue."""
