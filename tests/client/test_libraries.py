"""Programs that use openstacksdk or python-ironicclient, and Go's gophercloud by its requests."""

from typing import Any

import openstack
import pytest
import requests
from ironicclient import client as ironic_client

from tests.service import PATIENCE, Service

# openstacksdk warns of its own plans.
pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK50Warning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK60Warning"),
]

PASSWORD = "Sesame-1234"
MAC = "52:54:00:88:00:01"


def test_openstacksdk(service: Service) -> None:
    cloud: Any = openstack.connect(
        auth_type="none", endpoint=service.url, baremetal_endpoint_override=service.url
    )
    bare = cloud.baremetal
    node = bare.create_node(driver="fake-hardware", name="sdk")
    port = bare.create_port(node_uuid=node.id, address=MAC)
    assert [each.id for each in bare.ports(node=node.id)] == [port.id]
    bare.set_node_provision_state(node, "manage", wait=True)
    bare.set_node_provision_state(node, "adopt")
    (node,) = bare.wait_for_nodes_provision_state([node], "active")
    node = bare.patch_node(node, [{"op": "add", "path": "/extra/rack", "value": 7}])
    assert node.extra == {"rack": 7}
    node = bare.set_node_provision_state(node, "rescue", rescue_password=PASSWORD, wait=True)
    assert node.provision_state == "rescue"
    bare.set_node_provision_state(node, "unrescue")
    (node,) = bare.wait_for_nodes_provision_state([node], "active")
    assert bare.validate_node(node)["rescue"].result
    bare.set_node_boot_device(node, "pxe")
    assert bare.get_node_boot_device(node)["boot_device"] == "pxe"


def test_what_else_openstacksdk_knows(service: Service) -> None:
    """VIFs, traits, allocations, portgroups, chassis, volumes, power, maintenance and history."""
    cloud: Any = openstack.connect(
        auth_type="none", endpoint=service.url, baremetal_endpoint_override=service.url
    )
    bare = cloud.baremetal
    chassis = bare.create_chassis(description="rack 7")
    node = bare.create_node(
        driver="fake-hardware", name="sdk-more", resource_class="metal", chassis_id=chassis.id
    )
    group = bare.create_port_group(node_uuid=node.id, name="bond-sdk")
    assert [each.id for each in bare.port_groups(node=node.id)] == [group.id]
    target = bare.create_volume_target(
        node_uuid=node.id, volume_type="iscsi", volume_id="lun-1", boot_index=0
    )
    assert [each.id for each in bare.volume_targets(node=node.id)] == [target.id]
    bare.add_node_trait(node, "CUSTOM_SDK")
    assert bare.get_node(node).traits == ["CUSTOM_SDK"]
    bare.attach_vif_to_node(node, "5c9dcd04-2073-49bc-9618-99ae634d8971")
    assert bare.detach_vif_from_node(node, "5c9dcd04-2073-49bc-9618-99ae634d8971")
    for verb in ("manage", "provide"):
        node = bare.set_node_provision_state(node, verb, wait=True)
    bare.set_node_power_state(node, "power off", wait=True)
    allocation = bare.create_allocation(resource_class="metal", traits=["CUSTOM_SDK"])
    allocation = bare.wait_for_allocation(allocation)
    assert (allocation.state, allocation.node_id) == ("active", node.id)
    bare.delete_allocation(allocation)
    bare.set_node_maintenance(node, reason="disk")
    assert bare.get_node(node).maintenance_reason == "disk"
    bare.unset_node_maintenance(node)
    # the proxy has no method for it in this release, but speaks any path
    history = bare.get(f"/nodes/{node.id}/history", microversion="1.78").json()["history"]
    assert [event["event"] for event in history][:1] == ["The manage operation succeeded."]
    bare.delete_node(node)
    bare.delete_chassis(chassis)


def test_ironicclient(service: Service) -> None:
    client: Any = ironic_client.get_client(
        "1", endpoint=service.url, token="none", os_ironic_api_version="latest"
    )
    made = client.node.create(driver="fake-hardware", name="library")
    assert client.node.get("library").uuid == made.uuid
    client.node.set_provision_state("library", "manage")
    client.node.wait_for_provision_state("library", "manageable", poll_interval=0.1)
    client.node.set_maintenance("library", "on", maint_reason="disk")
    assert client.node.get("library").maintenance_reason == "disk"
    client.node.delete("library")
    assert made.uuid not in [each.uuid for each in client.node.list()]


def test_gophercloud(service: Service) -> None:
    """Its node life: both headers, `Accept` and bodies as it sends them."""
    headers = {
        "Accept": "application/json",
        "User-Agent": "gophercloud/v2.0.0",
        "X-OpenStack-Ironic-API-Version": "1.80",
        "OpenStack-API-Version": "baremetal 1.80",
    }

    def call(method: str, path: str, json: Any = None) -> requests.Response:
        url = f"{service.url}/v1/{path}"
        return requests.request(method, url, json=json, headers=headers, timeout=PATIENCE)

    made = call("POST", "nodes", {"driver": "fake-hardware", "name": "go"})
    assert made.status_code == 201
    assert made.headers["X-OpenStack-Ironic-API-Version"] == "1.80"
    path = f"nodes/{made.json()['uuid']}"
    patch = [{"op": "replace", "path": "/maintenance", "value": "true"}]
    assert call("PATCH", path, patch).json()["maintenance"] is True
    assert call("GET", f"{path}/validate").json()["power"]["result"] is True
    device = {"boot_device": "pxe", "persistent": False}
    assert call("PUT", f"{path}/management/boot_device", device).status_code == 204
    assert call("PUT", f"{path}/states/power", {"target": "power off"}).status_code == 202
    service.wait(lambda: call("GET", path).json()["power_state"] == "power off", "it is off")
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).status_code == 404


def test_slashes_and_the_oldest_version(service: Service) -> None:
    """Empty parts of a path do not count; without a version it is 1.1, without names of states."""
    made = service.call("POST", "/v1/nodes", {"driver": "fake-hardware"}).json()["uuid"]
    service.provision(made, "manage")
    service.wait_for_state(made, "manageable")
    service.provision(made, "provide")
    service.wait_for_state(made, "available")
    answer = requests.get(f"{service.url}//v1//nodes/{made}", timeout=PATIENCE)
    assert answer.headers["X-OpenStack-Ironic-API-Version"] == "1.1"
    assert answer.json()["provision_state"] is None
    assert "name" not in answer.json()
