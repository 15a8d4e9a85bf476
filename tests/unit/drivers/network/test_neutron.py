"""The network interfaces against a fake of Neutron, and what goes wrong there."""

from typing import Any

import pytest

from stbernard.errors import NetworkError, NetworkRefused
from tests.network.behaviour import NeutronBehaviour, a_card, a_server, task_of
from tests.network.fake import FakeNeutron
from tests.network.world import World


@pytest.fixture
def world(neutron: FakeNeutron) -> World:
    return World(neutron.options, neutron.url)


class TestNeutron(NeutronBehaviour):
    pass


def test_a_network_service_that_is_away(world: World, neutron: FakeNeutron) -> None:
    node = a_server()
    task = task_of(world, node, a_card(node), rescuing_network="rescuing")
    neutron.stop()
    with pytest.raises(NetworkError, match="cannot be asked") as raised:
        task.driver.network.validate(task)
    assert not raised.value.final


@pytest.mark.parametrize(("status", "kind"), [(500, NetworkError), (403, NetworkRefused)])
def test_a_refusal(world: World, neutron: FakeNeutron, status: int, kind: type) -> None:
    """Its own words; only what may pass is tried again."""
    node = a_server()
    network = world.network("rescuing")
    task = task_of(world, node, a_card(node), rescuing_network=network)
    neutron.fail("PUT /ports", status)
    with pytest.raises(NetworkError, match=rf"PUT /ports/.* \({status}\): It is broken") as raised:
        task.driver.network.join_rescuing_network(task)
    assert type(raised.value) is kind
    neutron.mend()
    task.driver.network.leave_rescuing_network(task)
    assert world.ports() == {}


def test_two_calls_make_a_port(world: World, neutron: FakeNeutron) -> None:
    node = a_server()
    task = task_of(world, node, a_card(node), rescuing_network=world.network("rescuing"))
    neutron.calls.clear()
    task.driver.network.join_rescuing_network(task)
    assert neutron.calls[-2:] == ["POST /ports", "PUT /ports"]


def test_endpoints_with_the_version(world: World, neutron: FakeNeutron) -> None:
    node, network = a_server(), world.network("rescuing")
    for end in ("/v2.0", "/v2.0/", "/"):
        options: dict[str, Any] = {"endpoint_override": neutron.url + end}
        task = task_of(world, node, a_card(node), rescuing_network=network, **options)
        task.driver.network.validate(task)
