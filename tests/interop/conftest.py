"""The real Ironic, filled over its own API with some of all that can be carried over."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.ironic import Ironic

PASSWORD = "Fetch-the-barrel"
CONFIG = """
[DEFAULT]
default_vendor_interface = no-vendor
[oslo_policy]
policy_file = {folder}/policy.yaml
"""
SHOW_SECRETS = '{"show_password": "", "show_instance_secrets": ""}'


@dataclass
class Filled:
    """A running Ironic and the UUIDs of its records, by what is special about each."""

    ironic: Ironic
    nodes: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def post(self, path: str, **body: Any) -> str:
        answer = self.ironic.call("POST", path, body)
        assert answer.ok, answer.text
        uuid: str = answer.json()["uuid"]
        self.paths.append(f"{path}/{uuid}")
        return uuid

    def node(self, name: str, *verbs: tuple[str, str], **values: Any) -> str:
        """A node taken through (verb, state it leads to)."""
        values = {"driver": "fake-hardware", "driver_info": {"fake_password": PASSWORD}} | values
        uuid = self.nodes[name] = self.post("/v1/nodes", name=name, **values)
        for verb, state in verbs:
            arguments = {"rescue_password": PASSWORD} if verb == "rescue" else {}
            assert self.ironic.provision(uuid, verb, **arguments).status_code == 202
            self.ironic.wait_for_state(uuid, state)
        return uuid

    def power_off(self, name: str) -> None:
        path = f"/v1/nodes/{self.nodes[name]}"
        answer = self.ironic.call("PUT", f"{path}/states/power", {"target": "power off"})
        assert answer.ok, answer.text
        self.ironic.wait(lambda: self.ironic.get(path)["power_state"] == "power off", "it is off")

    def sql(self, statement: str) -> None:
        path = self.ironic.database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            connection.execute(statement)


MANAGE, PROVIDE, ADOPT = ("manage", "manageable"), ("provide", "available"), ("adopt", "active")
RESCUE = ("rescue", "rescue")


def fill(ironic: Ironic) -> Filled:
    filled = Filled(ironic)
    chassis = filled.post("/v1/chassis", description="Row 3", extra={"site": "Zürich"})
    filled.node("new")
    filled.node("managed", MANAGE, chassis_uuid=chassis, properties={"cpus": 4})
    filled.node("free", MANAGE, PROVIDE, resource_class="baremetal")
    active = filled.node(
        "used",
        MANAGE,
        ADOPT,
        instance_info={"display_name": "web-1", "image_url": "http://192.0.2.1/image"},
        extra={"rack": "r17"},
        network_data={},
        description="Serves the web",
    )
    filled.node("rescued", MANAGE, ADOPT, RESCUE)
    filled.node("child", parent_node=active)
    traits = {"traits": ["CUSTOM_GPU", "HW_CPU_X86_VMX"]}
    assert ironic.call("PUT", f"/v1/nodes/{active}/traits", traits).ok
    maintenance = {"reason": "broken fan"}
    assert ironic.call("PUT", f"/v1/nodes/{active}/maintenance", maintenance).ok
    group = filled.post("/v1/portgroups", node_uuid=active, name="bond0", mode="802.3ad")
    for last in (1, 2):
        filled.post(
            "/v1/ports",
            node_uuid=active,
            address=f"52:54:00:77:00:0{last}",
            portgroup_uuid=group,
            pxe_enabled=last == 1,
            physical_network="physnet1",
            local_link_connection={"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": f"Ethernet{last}"},
        )
    connector = {"type": "iqn", "connector_id": "iqn.2026-11.example:used"}
    target = {"volume_type": "iscsi", "volume_id": "vol-1", "boot_index": 0}
    filled.power_off("used")
    filled.post("/v1/volume/connectors", node_uuid=active, **connector)
    filled.post("/v1/volume/targets", node_uuid=active, **target)
    filled.power_off("free")  # an allocation takes no node whose power is not known
    allocation = filled.post("/v1/allocations", name="job-1", resource_class="baremetal")
    path = f"/v1/allocations/{allocation}"
    ironic.wait(lambda: ironic.get(path)["state"] == "active", "the node is allocated")
    return filled


def spoil(filled: Filled) -> None:
    """Nodes that cannot be carried over."""
    changes = {
        "busy": "provision_state = 'clean wait', target_provision_state = 'available'",
        "locked": "reservation = 'ironic-1'",
        "foreign": "driver = 'snow'",
        "vendored": "vendor_interface = 'fake'",
    }
    for name, change in changes.items():
        filled.node(name)
        filled.sql(f"UPDATE nodes SET {change} WHERE name = '{name}'")  # noqa: S608
    filled.post("/v1/ports", node_uuid=filled.nodes["busy"], address="52:54:00:77:00:0f")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("ironic")
    (folder / "policy.yaml").write_text(SHOW_SECRETS)
    ironic = Ironic(folder, CONFIG.format(folder=folder)).start()
    try:
        filled = fill(ironic)
        spoil(filled)
        yield filled
    finally:
        ironic.kill()  # it would wait for the locked node
