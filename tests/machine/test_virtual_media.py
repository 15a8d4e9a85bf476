"""A real machine is rescued from virtual media (BIOS); tests/boot has the other firmwares."""

from collections.abc import Iterator

import pytest

from tests.machine.media import PASSWORD, media_world, no_medium_is_left, rescue, unrescue
from tests.machine.world import INSTANCE_BOOTS, World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with media_world(tmp_path_factory.mktemp("media")) as world:
        yield world


def test_a_rescue_from_virtual_media_and_back(world: World) -> None:
    rescue(world)
    unrescue(world)


def test_an_abort_ejects_the_medium_and_the_instance_comes_back(world: World) -> None:
    world.machine.serial.skip()
    world.rescue(PASSWORD)
    world.wait_for_state("rescue wait")
    token = world.call("GET", f"/v1/lookup?addresses={world.machine.mac}").json()["config"]
    assert token["agent_token"] == "******"
    assert world.provision("abort").status_code == 202
    assert "was aborted" in world.wait_for_state("rescue failed")["last_error"]
    no_medium_is_left(world)
    world.wait_serial(INSTANCE_BOOTS)
