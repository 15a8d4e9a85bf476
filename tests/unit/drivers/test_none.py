"""The interfaces that do nothing."""

import pytest

from stbernard.errors import InvalidDriverInfo
from tests.factories import a_node
from tests.unit.drivers.tasks import a_task, all_enabled


@pytest.mark.parametrize("kind", ["bios", "console", "firmware", "inspect", "raid", "vendor"])
def test_what_a_node_cannot_do_it_says_when_asked(kind: str) -> None:
    task = a_task(all_enabled(), a_node(**{f"{kind}_interface": f"no-{kind}"}))
    with pytest.raises(InvalidDriverInfo, match=f"fake-hardware does not support {kind} .disabled"):
        task.driver.named[kind].validate(task)


def test_a_node_without_rescue_is_not_rescued() -> None:
    task = a_task(all_enabled(), a_node(rescue_interface="no-rescue"))
    rescue = task.driver.rescue
    assert not rescue.needs_ramdisk
    with pytest.raises(InvalidDriverInfo, match=r"rescue_interface of node .* is 'no-rescue'"):
        rescue.validate(task)
    with pytest.raises(InvalidDriverInfo):
        rescue.meet(task)
    with pytest.raises(InvalidDriverInfo):
        rescue.open_login(task, "$5$hash")
    with pytest.raises(InvalidDriverInfo):
        rescue.prove_login(task)


@pytest.mark.parametrize(("kind", "name"), [("deploy", "noop"), ("storage", "noop")])
def test_noop_suits_every_node(kind: str, name: str) -> None:
    task = a_task(all_enabled(), a_node(**{f"{kind}_interface": name}))
    task.driver.named[kind].validate(task)


def test_the_noop_network_leaves_a_server_where_it_is() -> None:
    task = a_task(all_enabled(), a_node())
    network = task.driver.network
    network.validate(task)
    network.leave_tenant_networks(task)
    network.join_rescuing_network(task)
    network.leave_rescuing_network(task)
    network.join_tenant_networks(task)


@pytest.mark.parametrize("name", ["direct", "ramdisk"])
def test_a_deploy_interface_that_writes_images_is_carried_and_refused(name: str) -> None:
    settings = all_enabled(default={"enabled_deploy_interfaces": (name,)})
    task = a_task(settings, a_node(deploy_interface=name))
    with pytest.raises(
        InvalidDriverInfo, match=f"'{name}' .* cannot be used: .*--deploy-interface"
    ):
        task.driver.deploy.validate(task)
