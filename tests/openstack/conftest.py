"""The private OpenStack, once for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from tools.openstack.cloud import Cloud
from tools.openstack.config import HOST, PORTS, credentials
from tools.openstack.site import Site, a_site

from stbernard.lab.stages import Stages
from stbernard.openstack.settings import Neutron
from stbernard.ramdisk.build import ensure_ramdisk
from tests.network.world import World


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("openstack") / "run") as cloud:
        yield cloud


@pytest.fixture
def world(cloud: Cloud) -> Iterator[World]:
    options = Neutron(**credentials("ironic"))
    world = World(options, f"http://{HOST}:{PORTS['neutron']}")
    yield world
    world.clean()


@pytest.fixture
def stages() -> Stages:
    return Stages(Console(highlight=False, width=200))


@pytest.fixture
def site(tmp_path: Path, stages: Stages) -> Iterator[Site]:
    """A cloud with one bare metal server, before anything is made in it."""
    cache = Path(".cache")
    with a_site(tmp_path / "site", ensure_ramdisk(cache), cache, stages.note) as site:
        yield site
