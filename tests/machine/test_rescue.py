"""A real machine is rescued, and brought back whatever goes wrong: one lab, story after story.

Each story begins and ends with the instance running from its disk. What the machine boots is read
from its serial console, and who answers from ssh.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest
import sushy

from stbernard.lab.lab import Lab
from stbernard.lab.service import enrol
from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.world import INSTANCE_BOOTS, RAMDISK_BOOTS, World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1200)]

RESCUE_PASSWORD = "Resc-ue&me 1"
ROOT_PASSWORD = "N3w-root"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    cache = Path(".cache")
    lab = Lab(tmp_path_factory.mktemp("lab"), cache_dir=cache, namespace="stbernard-rescue")
    with lab:
        world = World(lab, ensure_ramdisk(cache))
        world.start()
        for line in enrol(world.machine):
            world.client(line)
        world.client(f"baremetal node power on {world.machine.name}")
        world.wait_serial(INSTANCE_BOOTS)
        yield world


def as_it_was(world: World, node: Any) -> None:
    """Nothing of a rescue is left: on the node, on the BMC, in the boot folder."""
    known = world.state / "httpboot"
    assert [path.name for path in known.rglob("*") if path.is_file()] == ["boot.ipxe"]
    assert not {"agent_url", "agent_secret_token", "agent_verify_ca"} & {
        *node["driver_internal_info"]
    }
    assert node["instance_info"] == {}
    assert node["power_state"] == "power on"
    device = world.call("GET", f"/v1/nodes/{world.node}/management/boot_device").json()
    assert device["boot_device"] in (None, "disk")
    database = world.state / "stbernard.sqlite"
    content = b"".join(path.read_bytes() for path in database.parent.glob("stbernard.sqlite*"))
    assert RESCUE_PASSWORD.encode() not in content + world.log.read_bytes()


def test_nobody_knows_the_password_then_a_rescue_repairs_it(world: World) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        world.ssh("root", ROOT_PASSWORD, "true")

    world.client(f"baremetal node rescue {world.node} --rescue-password '{RESCUE_PASSWORD}' --wait")
    repair = (
        "sudo mount /dev/vda1 /mnt && "
        f"echo root:{ROOT_PASSWORD} | sudo chroot /mnt chpasswd && sudo umount /mnt && id -un"
    )
    assert world.ssh("rescue", RESCUE_PASSWORD, repair) == "rescue\n"
    processes = world.ssh("rescue", RESCUE_PASSWORD, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "$5$" not in processes

    world.client(f"baremetal node unrescue {world.node} --wait")
    assert world.ssh("root", ROOT_PASSWORD, "id -un") == "root\n"
    as_it_was(world, world.show())


def test_a_second_rescue_and_an_unrescue(world: World) -> None:
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    commands = [one.info["cmdline"] or () for one in psutil.process_iter(["cmdline"])]
    assert not any(RESCUE_PASSWORD in word for command in commands for word in command)
    assert world.ssh("rescue", RESCUE_PASSWORD, "sudo -n id -un") == "root\n"
    with pytest.raises(asyncssh.PermissionDenied):
        world.ssh("rescue", "another", "true")
    assert world.provision("unrescue").status_code == 202
    world.wait_for_state("active")
    world.wait_serial(INSTANCE_BOOTS)


def test_kill_9_in_the_middle_of_a_rescue_and_of_an_unrescue(world: World) -> None:
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_state("rescue wait")
    world.kill()  # it finds no boot script now, and would go on to its disk
    world.start()
    world.wait_serial(RAMDISK_BOOTS)
    world.kill()  # and now nobody is there to be called
    world.start()
    world.wait_for_good("rescue", "rescue failed")
    assert world.ssh("rescue", RESCUE_PASSWORD, "id -un") == "rescue\n"
    assert world.provision("unrescue").status_code == 202
    world.kill()
    world.start()
    world.wait_for_good("active", "unrescue failed")
    world.wait_serial(INSTANCE_BOOTS)
    as_it_was(world, world.show())


def test_an_abort_in_rescue_wait_brings_the_instance_back(world: World) -> None:
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_state("rescue wait")
    assert world.provision("abort").status_code == 202
    node = world.wait_for_state("rescue failed")
    assert "the rescue operation was aborted" in node["last_error"]
    world.wait_serial(INSTANCE_BOOTS)
    as_it_was(world, node)


def test_a_ramdisk_that_never_calls_back(world: World) -> None:
    """It cannot: the address it is told to call is nobody's."""
    world.stop()
    world.start(
        "[conductor]\nrescue_callback_timeout = 10\n"
        "[deploy]\nexternal_callback_url = http://10.77.0.99:6385\n"
        "http_url = http://10.77.0.1:6385/boot\n"
    )
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    node = world.wait_for_state("rescue failed")
    assert "rescue_callback_timeout" in node["last_error"]
    assert "http://10.77.0.99:6385" in node["last_error"]
    world.wait_serial(INSTANCE_BOOTS)
    as_it_was(world, node)
    world.stop()
    world.start()


def test_an_image_that_is_not_there_touches_nothing(world: World) -> None:
    world.machine.serial.skip()
    world.client(
        f"baremetal node set {world.node} --driver-info rescue_kernel=http://10.77.0.1:1/kernel"
        " --driver-info rescue_ramdisk=http://10.77.0.1:1/ramdisk"
    )
    world.rescue(RESCUE_PASSWORD)
    node = world.wait_for_state("rescue failed")
    assert "http://10.77.0.1:1/kernel" in node["last_error"]
    assert world.ssh("root", ROOT_PASSWORD, "id -un") == "root\n"
    assert world.machine.serial.unread() == ""  # it was not even reset
    world.client(
        f"baremetal node unset {world.node} --driver-info rescue_kernel"
        " --driver-info rescue_ramdisk"
    )


def test_a_wrong_bmc_password_touches_nothing(world: World) -> None:
    world.machine.serial.skip()
    world.client(f"baremetal node set {world.node} --driver-info redfish_password=wrong")
    world.rescue(RESCUE_PASSWORD)
    node = world.wait_for_state("rescue failed")
    assert "check redfish_username and redfish_password" in node["last_error"]
    assert world.machine.serial.unread() == ""
    right = world.machine.bmc_password
    world.client(f"baremetal node set {world.node} --driver-info redfish_password={right}")
    # And from there back to where the node was, without a rescue in between.
    assert world.provision("unrescue").status_code == 202
    world.wait_for_state("active")
    world.wait_serial(INSTANCE_BOOTS)


def test_strangers_are_not_the_agent(world: World) -> None:
    """A wrong token, a stale one, another address: refused, and the rescue goes on."""
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_state("rescue wait")
    for token, why in (("x" * 43, "token"), ("******", "token"), (None, "token")):
        answer = world.call(
            "POST",
            f"/v1/heartbeat/{world.node}",
            {"callback_url": "https://10.77.0.66:9999", "agent_version": "1", "agent_token": token},
        )
        assert answer.status_code == 400
        assert why in answer.text
    world.wait_for_good("rescue", "rescue failed")
    assert world.provision("unrescue").status_code == 202
    world.wait_for_state("active")
    world.wait_serial(INSTANCE_BOOTS)


def left(world: World, *why: str) -> Any:
    """The node once it is said that its server has left the rescue, for one of these reasons."""
    node = world.wait_for_state("rescue failed")
    said = node["last_error"]
    assert any(f"The server has left the rescue: {each}" in said for each in why), said
    assert f"openstack baremetal node unrescue {world.machine.name}" in said
    assert node["power_state"] == "power on"
    return node


def test_a_server_that_leaves_the_rescue_unseen(world: World) -> None:
    """Where this host reaches no ssh of it, as in a tenant's network: its BMC tells."""
    world.machine.serial.skip()
    with world.without_ssh():
        world.rescue(RESCUE_PASSWORD)
        world.wait_for_good("rescue", "rescue failed")
        assert world.told()["login"]["seen_at"] == []
        world.reset(sushy.ResetType.FORCE_RESTART)
        left(world, "its BMC says that it was started anew")


def test_a_server_that_leaves_the_rescue_is_not_called_rescued(world: World) -> None:
    """Reset by its BMC, which says so, or its instance does, if that is quicker."""
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    here = world.machine.address  # IPv6's is another one
    world.wait(lambda: here in world.told()["login"]["seen_at"], "its ssh was seen")
    world.reset(sushy.ResetType.FORCE_RESTART)
    left(world, "its BMC says that it was started anew", "another system answers ssh at ")


def test_a_bmc_that_says_nothing_of_a_reset(world: World) -> None:
    """Silence is said, and then who answers instead: `reboot`, by the person in the rescue."""
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    with world.bmc_that_misses_resets():
        world.leave(RESCUE_PASSWORD)
        world.wait(lambda: world.show()["last_error"] is not None, "it is said")
        node = world.show()
        if node["provision_state"] == "rescue":  # else the instance was quicker
            assert node["last_error"].startswith("ssh does not answer any more at ")
        left(world, "another system answers ssh at ")
    world.wait_serial(INSTANCE_BOOTS)

    assert world.provision("unrescue").status_code == 202
    world.wait_for_state("active")
    world.wait_serial(INSTANCE_BOOTS)
    world.wait(lambda: world.told()["instance"]["answers"] is not None, "the instance was seen")
    instance = world.told()["instance"]
    assert instance["answers"] is True
    assert "The instance answers ssh at " in instance["detail"]
    assert "(host key SHA256:" in instance["detail"]
    as_it_was(world, world.show())


def test_a_server_switched_off_in_the_rescue_is_not_called_rescued(world: World) -> None:
    world.machine.serial.skip()
    world.rescue(RESCUE_PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    world.reset(sushy.ResetType.FORCE_OFF)
    node = world.wait_for_state("rescue failed")
    assert node["power_state"] == "power off"
    assert "it is switched off" in node["last_error"]
    assert world.provision("unrescue").status_code == 202
    assert world.wait_for_state("active")["power_state"] == "power on"
    world.wait_serial(INSTANCE_BOOTS)
