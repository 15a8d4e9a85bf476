"""Requests as the API would have them accepted."""

import uuid
from typing import Any

from stbernard.store.requests import Request


def a_request(**values: Any) -> Request:
    defaults: dict[str, Any] = {
        "operation": "rescue",
        "operation_id": str(uuid.uuid4()),
        "first_step": "check_everything",
        "within": 60,
    }
    return Request(**(defaults | values))
