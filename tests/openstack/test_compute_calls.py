"""Each call that Compute makes, by its own driver, as docs/openstack.md lists them."""

import base64
import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openstack.compute import CONFIG, IMAGE, Compute, Raised, available_node, spawned
from tests.service import Service

CLEANING = """
automated_clean = true
[fake]
deploy_delay = 2
state_dir = {folder}/hardware
"""
ISO9660 = b"CD001"  # at the start of the volume descriptor
DESCRIPTOR = 16 * 2048
CONNECTOR = {"type": "iqn", "connector_id": "iqn.2026-11.example:server-1"}
VOLUME = {
    "id": "11111111-0000-4000-8000-0000000000e1",
    "type": "iscsi",
    "boot_index": 0,
    "properties": {"target_iqn": "iqn.2026-11.example:v", "target_portal": "192.0.2.7:3260"},
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path, CONFIG + CLEANING.format(folder=tmp_path)).start()
    yield service
    if not service.is_dead():
        service.stop()


@pytest.fixture
def interfaces() -> dict[str, Any]:
    """What differs from other tests' nodes; parametrized by those that want it to."""
    return {}


@pytest.fixture
def node(service: Service, interfaces: dict[str, Any]) -> str:
    return available_node(service, **interfaces)


@pytest.fixture
def compute(service: Service, node: str, tmp_path: Path) -> Iterator[Compute]:
    compute = Compute(service.url, tmp_path / "compute", node)
    yield compute
    compute.end()


def kept(service: Service, node: str, field: str) -> Any:
    """A field of the node as it is in the database."""
    with sqlite3.connect(next(service.folder.glob("*.sqlite"))) as database:
        query = f"SELECT {field} FROM nodes WHERE uuid = ?"  # noqa: S608 (no input)
        return json.loads(database.execute(query, (node,)).fetchone()[0])


def test_volumes(service: Service, compute: Compute, node: str) -> None:
    """Stored and returned; a deleted server's are gone, how its node reaches volumes is not."""
    assert service.call("POST", "/v1/volume/connectors", CONNECTOR | {"node_uuid": node}).ok
    spawned(compute, volumes=[VOLUME])
    assert compute.call("volume_connector")["initiator"] == CONNECTOR["connector_id"]
    path = f"/v1/volume/targets?node={node}&detail=true"
    [target] = service.get(path)["targets"]
    assert (target["volume_id"], target["volume_type"]) == (VOLUME["id"], "iscsi")
    assert (target["boot_index"], target["properties"]) == (0, VOLUME["properties"])
    compute.call("destroy")
    service.wait_for_state(node, "available")
    assert service.get(path) == {"targets": []}
    assert len(service.get("/v1/volume/connectors")["connectors"]) == 1


def test_volumes_of_a_server_that_is_not_built(
    service: Service, compute: Compute, node: str
) -> None:
    """Compute takes them back itself, and the node is as it was."""
    assert service.call("PUT", f"/v1/nodes/{node}/states/power", {"target": "power off"}).ok
    service.wait(
        lambda: service.get(f"/v1/nodes/{node}/states")["target_power_state"] is None, "it is off"
    )
    compute.call("prepare_for_spawn")
    how = {"image": IMAGE.replace("d1", "d2"), "volumes": [VOLUME | {"boot_index": 1}]}
    with pytest.raises(Raised, match="preinstalled_image"):
        compute.call("spawn", how)
    compute.call("failed_spawn_cleanup")
    assert service.get("/v1/volume/targets") == {"targets": []}
    shown = service.get(f"/v1/nodes/{node}")
    assert (shown["instance_uuid"], shown["instance_info"]) == (None, {})


def test_the_config_drive(service: Service, compute: Compute, node: str) -> None:
    """Base64 of a compressed ISO 9660: kept, and shown to nobody."""
    spawned(compute, config_drive=True)
    shown = service.get(f"/v1/nodes/{node}")
    assert (shown["provision_state"], shown["instance_info"]["configdrive"]) == (
        *("active", "******"),
    )
    drive = gzip.decompress(base64.b64decode(kept(service, node, "instance_info")["configdrive"]))
    assert drive[DESCRIPTOR + 1 :].startswith(ISO9660)
    assert b"config-2" in drive
    assert b"admin-password" in drive
    compute.call("destroy")
    service.wait_for_state(node, "available")
    assert kept(service, node, "instance_info") == {}


def test_the_console_is_off(compute: Compute) -> None:
    spawned(compute)
    with pytest.raises(Raised, match="ConsoleTypeUnavailable"):
        compute.call("console")


@pytest.mark.parametrize("interfaces", [{"deploy_interface": "fake"}])
def test_deployment_that_takes_its_time(service: Service, compute: Compute, node: str) -> None:
    """The deploy interface `fake`: any image; and cleaning, in which the node is not to be had."""
    spawned(compute, image=IMAGE.replace("d1", "d2"))
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "active"
    compute.call("rebuild")
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "active"
    compute.call("destroy")  # which does not wait for the cleaning
    assert compute.call("inventory")["inventory"]["CUSTOM_BAREMETAL"]["reserved"] == 1
    service.wait_for_state(node, "available")
    assert compute.call("inventory")["inventory"]["CUSTOM_BAREMETAL"]["reserved"] == 0


def test_a_deployment_that_fails(service: Service, compute: Compute, node: str) -> None:
    """Compute hears why; what is left can be deleted."""
    faults = service.folder / "hardware" / f"{node}.faults.json"
    faults.parent.mkdir(exist_ok=True)
    faults.write_text(json.dumps({"set_boot_device": [1, "BMCRefused", "no such device"]}))
    with pytest.raises(Raised, match=r"InstanceDeployFailure.*no such device"):
        spawned(compute)
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "deploy failed"
    compute.call("destroy")
    assert service.wait_for_state(node, "available")["instance_uuid"] is None


def test_who_says_what_is_wrong_with_a_node(service: Service, compute: Compute, node: str) -> None:
    """`node validate` has the keys that Compute looks at."""
    found = service.get(f"/v1/nodes/{node}/validate")
    assert [found[kind]["result"] for kind in ("deploy", "power", "storage")] == [True] * 3
    spawned(compute)
    assert service.get(f"/v1/nodes/{node}/validate")["deploy"] == {"result": True}
