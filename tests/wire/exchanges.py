"""Recorded exchanges with the service, and what makes two recordings comparable.

`requests.jsonl` has a request a line (JSON: name, method, path; version, body, raw body, and the
provision state of a node to wait for afterwards), `answers.jsonl` the answer to each. Record anew,
after reading what changed: `python -m tests.wire.exchanges`.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import requests

from tests.service import PATIENCE, Service

HERE = Path(__file__).parent
REQUESTS, ANSWERS = HERE / "requests.jsonl", HERE / "answers.jsonl"
CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = fake,no-rescue
"""
_KEPT = ("Location", "Content-Type", "X-OpenStack-Ironic-API-Version", "Allow", "Retry-After")
_VARIABLE = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00"), "<time>"),
    (re.compile(r"req-[0-9a-f-]{36}"), "<request>"),
    (
        re.compile(r"(?!aaaaaaaa|99999999|ffffffff)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "<uuid>",
    ),
)


class Request(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    name: str
    method: str
    path: str
    version: str | None = "1.115"
    body: Any = None
    raw: str | None = None
    wait: tuple[str, str] | None = None  # a node and the provision state it comes to


def play(service: Service) -> list[dict[str, Any]]:
    """The answers of a service with an empty database."""
    return [_exchange(service, request) for request in read_requests()]


def read_requests() -> list[Request]:
    lines = REQUESTS.read_text().splitlines()
    return [msgspec.json.decode(line, type=Request) for line in lines]


def read_answers() -> list[dict[str, Any]]:
    return [json.loads(line) for line in ANSWERS.read_text().splitlines()]


def _exchange(service: Service, request: Request) -> dict[str, Any]:
    headers = {"X-OpenStack-Ironic-API-Version": request.version} if request.version else {}
    data = request.raw if request.body is None else json.dumps(request.body)
    if data is not None:
        headers["Content-Type"] = "application/json"
    url = f"{service.url}{request.path}"
    answer = requests.request(request.method, url, data=data, headers=headers, timeout=PATIENCE)
    if request.wait:
        service.wait_for_state(*request.wait)
    kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
    body = answer.json() if answer.content else None
    text = json.dumps(
        {"name": request.name, "status": answer.status_code, "headers": kept, "body": body}
    )
    text = text.replace(service.url, "<service>")
    for pattern, name in _VARIABLE:
        text = pattern.sub(name, text)
    return dict(json.loads(text))


def record() -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), CONFIG).start()
        try:
            answers = play(service)
        finally:
            service.stop()
    ANSWERS.write_text("".join(json.dumps(answer, sort_keys=True) + "\n" for answer in answers))


if __name__ == "__main__":
    record()
