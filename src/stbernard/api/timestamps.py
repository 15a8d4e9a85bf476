"""Times as Ironic writes them."""

from datetime import UTC, datetime


def timestamp(seconds: float | None) -> str | None:
    """ISO 8601 in UTC; `seconds` since the epoch."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
