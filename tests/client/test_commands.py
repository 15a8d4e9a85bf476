"""Every `openstack baremetal …` subcommand: one call that works, one that is refused."""

import shlex
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests.client.commands.nodes import NODES
from tests.client.commands.records import RECORDS
from tests.client.commands.row import Row, holds
from tests.client.commands.states import STATES
from tests.client.conftest import Client
from tests.client.world import World
from tests.service import Server

ROWS = (*NODES, *STATES, *RECORDS)


def _cases(rows: Iterable[Row]) -> list[Any]:
    return [pytest.param(row, id=row.command) for row in rows]


@pytest.fixture
def world(service: Server, tmp_path: Path) -> World:
    return World(service, tmp_path)


@pytest.mark.parametrize("row", _cases(row for row in ROWS if row.offered))
def test_it_works(row: Row, client: Client, service: Server, world: World) -> None:
    arguments, shows = shlex.split(world.fill(row.works)), world.fill(row.shows)
    if shows is None:
        assert world.fill(row.says) in client.do(*row.command.split(), *arguments)
    else:
        found = client.json(*row.command.split(), *arguments)
        assert holds(shows, found), found
    if row.leaves:
        path, fields = world.fill(row.leaves[0]), world.fill(row.leaves[1])
        service.wait(lambda: holds(fields, world.get(path)), f"{path} has {fields}")
    if row.gone:
        assert service.call("GET", f"/v1/{world.fill(row.gone)}").status_code == 404


@pytest.mark.parametrize("row", _cases(row for row in ROWS if row.refused))
def test_it_is_refused(row: Row, client: Client, world: World) -> None:
    assert row.refused
    arguments, because = shlex.split(world.fill(row.refused.arguments)), row.refused.because
    assert world.fill(because) in client.refused(*row.command.split(), *arguments)


def test_no_subcommand_is_forgotten() -> None:
    offered = {
        entry.name.removeprefix("baremetal_").replace("_", " ")
        for entry in entry_points(group="openstack.baremetal.v1")
    }
    assert {row.command for row in ROWS} == offered
