"""openstacksdk's own functional tests of baremetal, unmodified, against an empty service.

On both databases."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.client.conftest import CONFIG
from tests.postgresql import PostgreSQL
from tests.service import Service

SUITE = "openstack.tests.functional.baremetal.v1"
SIZE = 96  # of the suite in the openstacksdk of constraints.txt: fewer did not look at everything
CLOUDS = ("devstack", "devstack-alt", "devstack-admin", "devstack-system-admin")
SECONDS_A_TEST = "60"  # the suite's own limit, 5 unless told


@pytest.mark.timeout(600)  # the suite waits in steps of two seconds
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_suite_passes(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    config = CONFIG
    if database == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        config += f"[database]\nconnection = {server.database()}\n"
    service = Service(tmp_path, config).start()
    try:
        outcomes = run_suite(service)
    finally:
        service.stop()
    assert len(outcomes) == SIZE
    troubles = [f"{test}: {how}" for test, how in outcomes.items() if how != "passed"]
    assert not troubles, "\n".join(troubles)


def run_suite(service: Service) -> dict[str, str]:
    """How each test ended: `passed`, or why it did not."""
    folder = service.folder
    clouds = folder / "clouds.yaml"
    clouds.write_text(json.dumps({"clouds": dict.fromkeys(CLOUDS, _cloud(service))}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    environment |= {"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_TEST_TIMEOUT": SECONDS_A_TEST}
    report = folder / "sdk.xml"
    command: list[str | Path] = [sys.executable, "-m", "pytest", "--pyargs", SUITE]
    command += ["--junitxml", report, "-c", os.devnull, "--rootdir", folder]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-q"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,  # the report says more than the exit code
        text=True,
    )
    assert report.exists(), run.stdout + run.stderr
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 (written by pytest above)
    return {f"{case.get('classname')}.{case.get('name')}": _outcome(case) for case in cases}


def _cloud(service: Service) -> dict[str, object]:
    return {
        "auth_type": "none",
        "auth": {"endpoint": service.url},  # where the suite looks up the versions
        "baremetal_endpoint_override": service.url,
        "has_compute": False,
        "has_image": False,
    }


def _outcome(case: ElementTree.Element) -> str:
    """Of a trouble its last line, which names the exception."""
    troubles = [each for each in case if each.tag in ("failure", "error", "skipped")]
    texts = [(each.text or each.get("message") or each.tag).strip() for each in troubles]
    return "; ".join(text.rpartition("\n")[2] for text in texts) if troubles else "passed"
