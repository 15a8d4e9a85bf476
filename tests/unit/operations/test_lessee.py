"""[conductor]automatic_lessee: whose instance it is may use the node, until it is undeployed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from stbernard.importing.kinds import KINDS
from stbernard.importing.records import read
from stbernard.nodes import Node
from stbernard.settings import Settings
from stbernard.store import Store
from tests.unit.operations.conftest import Engine, engine_on

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OF_COMPUTE = {"project_id": "instances", "display_name": "web"}


@pytest.fixture
def options() -> dict[str, Any]:
    """Those of [conductor]."""
    return {}


@dataclass
class World:
    engine: Engine

    def deployed(self, **values: Any) -> Node:
        fresh = {"provision_state": "available", "instance_info": OF_COMPUTE, **values}
        node = self.engine.enroll(**fresh)
        return self.done(node, "active", project="asking")

    def done(self, node: Node, verb: str, **given: Any) -> Node:
        self.engine.requests.provision(node.uuid, verb, **given)
        return self.engine.wait(node)


@pytest.fixture
def world(store: Store, settings: Settings, options: dict[str, Any]) -> Iterator[World]:
    with engine_on(store, settings, **options) as engine:
        engine.reconciler.start()
        yield World(engine)


@pytest.mark.parametrize(
    ("options", "lessee"),
    [
        ({}, "instances"),
        ({"automatic_lessee_source": "instance"}, "instances"),
        ({"automatic_lessee_source": "request"}, "asking"),
        ({"automatic_lessee_source": "none"}, None),
        ({"automatic_lessee": False}, None),
    ],
)
def test_a_lessee_comes_and_goes_with_its_instance(world: World, lessee: str | None) -> None:
    node = world.deployed()
    assert (node.provision_state, node.lessee) == ("active", lessee), node.last_error
    assert node.driver_internal_info == ({"automatic_lessee": True} if lessee else {})
    free = world.done(node, "deleted")
    assert (free.provision_state, free.lessee) == ("available", None), free.last_error
    assert free.driver_internal_info == {}


def test_an_operators_lessee_stays(world: World) -> None:
    node = world.deployed(lessee="operators")
    assert node.lessee == "operators"
    assert world.done(node, "deleted").lessee == "operators"


@pytest.mark.parametrize("project", [None, "", 5, ["x"]])
def test_nobody_is_no_lessee(world: World, project: object) -> None:
    assert world.deployed(instance_info={"project_id": project}).lessee is None


def test_a_rebuild_changes_no_lessee(world: World) -> None:
    node = world.engine.enroll(instance_info=OF_COMPUTE)
    assert world.done(node, "rebuild", project="asking").lessee is None


def test_a_lessee_that_ironic_set_goes_with_its_instance_here(world: World) -> None:
    row = {
        **{"uuid": "5b7a9c1e-0000-4000-8000-000000000001", "driver": "fake-hardware"},
        **{"created_at": "2026-01-01T00:00:00", "provision_state": "active", "lessee": "instances"},
        "driver_internal_info": {"automatic_lessee": True, "agent_secret_token": "left"},
    }
    [kind] = [kind for kind in KINDS if kind.struct is Node]
    imported, _ = read(kind, row)
    assert isinstance(imported, Node)
    assert imported.driver_internal_info == {"automatic_lessee": True}
    node = world.engine.enroll(
        lessee=imported.lessee, driver_internal_info=imported.driver_internal_info
    )
    assert world.done(node, "deleted").lessee is None
