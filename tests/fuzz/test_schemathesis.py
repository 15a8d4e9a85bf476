"""Thousands of requests made from the API's description: what is answered is what it describes.

Run against a service with a record of each kind, so that more than "not found" is met.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.docs.openapi import document

from stbernard.api.microversions import SINCE
from stbernard.nodes import Power
from tests.client.conftest import CONFIG
from tests.service import Service

pytestmark = pytest.mark.timeout(600)

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "response_headers_conformance"),
)
VERSIONS = ["1.1", "1.50", "1.92", "1.115", "latest"]  # that of each old one is tested elsewhere
FEWEST_CASES = 5000
TARGETS = {
    "/v1/nodes/{ident}/states/provision": [*SINCE["verb"], "active", "deleted", "rebuild"],
    "/v1/nodes/{ident}/states/power": [*Power],
}
STEP = {"interface": "bios", "step": "apply", "args": {}}
OF_EACH = 10


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"), CONFIG).start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def idents(service: Service) -> dict[str, list[str]]:
    """What there is below each path: UUIDs, and names where there are."""
    found: dict[str, list[str]] = {}
    for number in range(OF_EACH):
        for path, body in _records(number).items():
            answer = service.call("POST", path, body)
            assert answer.status_code == 201, answer.text
            made = answer.json()
            found.setdefault(path, []).extend((made["uuid"], made.get("name", made["uuid"])))
    return found


def test_what_is_answered_is_described(
    service: Service, idents: dict[str, list[str]], tmp_path: Path
) -> None:
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(_pointed_at(document(), idents)))
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", description),
            *("--url", service.url, "--phases", "coverage,fuzzing,stateful"),
            *("--checks", ",".join(CHECKS), "--max-examples", "12", "--seed", "1"),
            *("--generation-database", "none", "--no-shrink", "--continue-on-failure"),
            *("--exclude-path", "/v1/nodes/{ident}/rescue/events"),  # goes on as long as a rescue
            *("--workers", "1", "--warnings", "off", "--no-color", "--output-truncate", "false"),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cases = re.search(r"^ *(\d+) generated", done.stdout, re.MULTILINE)
    assert cases and int(cases[1]) >= FEWEST_CASES, done.stdout
    assert "failed unexpectedly" not in service.log.read_text()


def _pointed_at(description: dict[str, Any], idents: dict[str, list[str]]) -> dict[str, Any]:
    """With records and verbs that there are as values to choose from, beside any other."""
    description["components"]["parameters"]["microversion"]["schema"]["enum"] = VERSIONS
    for path, operations in description["paths"].items():
        there = next(
            (found for start, found in idents.items() if path.startswith(f"{start}/")), None
        )
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if there and parameter.get("name") == "ident":
                    parameter["schema"] = {"anyOf": [{"enum": there}, {"type": "string"}]}
    for path, targets in TARGETS.items():
        body = description["paths"][path]["put"]["requestBody"]["content"]["application/json"]
        body["schema"]["properties"]["target"] = {"anyOf": [{"enum": targets}, {}]}
    return description


def _records(number: int) -> dict[str, dict[str, Any]]:
    """A new record of each kind."""
    name, address = f"name-{number}", f"52:54:00:00:00:{number:02x}"
    return {
        "/v1/nodes": {"driver": "fake-hardware", "name": name},
        "/v1/ports": {"address": address, "node_ident": name, "name": name},
        "/v1/deploy_templates": {
            "name": f"CUSTOM_{number}",
            "steps": [STEP | {"priority": 1}],
        },
        "/v1/runbooks": {"name": name, "steps": [STEP | {"order": 1}]},
        "/v1/inspection_rules": {"actions": [{"op": "fail", "args": {"msg": "no"}}]},
    }
