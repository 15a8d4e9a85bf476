"""The whole chain, as people do it: a server is built, rescued and repaired through Compute."""

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

from stbernard.errors import LabError
from stbernard.lab.demo import SET_ROOT_PASSWORD
from stbernard.lab.stages import Stages
from tools.openstack import switch
from tools.openstack.site import FLAVOR, IMAGE, Site

BROKEN_WITHIN = 120  # seconds after which a rescue with a broken ramdisk has failed


def prepare(site: Site, stages: Stages) -> None:
    """What an operator does once: networks, images, the service, the node, a flavor."""
    with stages.stage("Networks and images"):
        site.make_networks()
        kernel = site.upload("rescue-kernel", site.images / "kernel", "aki")
        ramdisk = site.upload("rescue-ramdisk", site.images / "ramdisk", "ari")
        stamp = site.lab.state_dir / "preinstalled"
        stamp.write_text("what the disks hold already")
        image = site.upload(IMAGE, stamp)
    with stages.stage("St. Bernard, and the machine as a node"):
        site.start_service()
        site.enrol(image, kernel, ramdisk)
    with stages.stage("Compute, until it knows the node"):
        site.start_compute()
        site.openstack(
            f"flavor create {FLAVOR} --ram 1024 --disk 10 --vcpus 2 "
            "--property resources:CUSTOM_BAREMETAL=1 --property resources:VCPU=0 "
            "--property resources:MEMORY_MB=0 --property resources:DISK_GB=0"
        )


def build_server(site: Site, stages: Stages) -> str:
    """A server on the machine, booted; its UUID."""
    with stages.stage("A server: openstack server create"):
        port = site.made(
            f"port create --network {switch.TENANT.name} "
            f"--fixed-ip ip-address={site.address} --vnic-type baremetal server-port"
        )
        server = site.made(
            f"server create --image {IMAGE} --flavor {FLAVOR} --nic port-id={port} server-1"
        )
        expect(site, server, "ACTIVE")
        site.lab.wait_port(site.address, 22, 600)
    check(site.bridge() == switch.TENANT.bridge, "the machine is in the tenant network")
    return server


def rescue_and_repair(site: Site, stages: Stages, server: str) -> None:
    """Nobody knows root's password: it is set anew from the rescue ramdisk."""
    password, root = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    with stages.stage("Rescue: openstack server rescue"):
        for bridge in _rescue(site, server, password):
            stages.note(f"the machine is in {bridge}")
        expect(site, server, "RESCUE")
    heard = (site.cloud.folder / "log/nova-compute.log").read_text()
    check("The power-update POWER_OFF event" in heard, "Compute hears of power changes")
    with stages.stage("ssh as rescue, and set root's password on the disk"):
        commands = [line.format(password=root) for line in SET_ROOT_PASSWORD]
        site.ssh("rescue", password, *commands)
    with stages.stage("Unrescue: openstack server unrescue"):
        site.openstack(f"server unrescue {server}")
        expect(site, server, "ACTIVE")
    with stages.stage("ssh as root with the new password"):
        check("uid=0(root)" in site.ssh("root", root, "id"), "root can log in")
    check(site.bridge() == switch.TENANT.bridge, "the machine is in the tenant network again")


def break_and_rescue(site: Site, stages: Stages, server: str) -> None:
    """A ramdisk that does not start: Compute says why, and the next rescue works."""
    broken = site.lab.state_dir / "broken"
    broken.write_bytes(b"no ramdisk" * 1000)
    before = site.ports()
    with stages.stage("Rescue with a broken ramdisk: the server is in ERROR"):
        bad = site.upload("broken-ramdisk", broken, "ari")
        good = site.openstack("image show rescue-ramdisk -f value -c id")
        _use_ramdisk(site, bad)
        site.start_service(callback_timeout=BROKEN_WITHIN)
        site.openstack(f"server rescue --password irrelevant {server}")
        fault = expect(site, server, "ERROR")["fault"]["message"]
        stages.note(fault)
    check("No agent called back" in fault, "the server's fault holds the last_error")
    check(site.bridge() == switch.TENANT.bridge, "the machine is in the tenant network")
    check(site.ports() == before, "no port is left in the Network service")
    password = secrets.token_urlsafe(12)
    with stages.stage("Rescue again, with the right one"):
        _use_ramdisk(site, good)
        site.start_service()
        site.openstack(f"server rescue --password {password} {server}")
        expect(site, server, "RESCUE")
        site.ssh("rescue", password, "id")
        site.openstack(f"server unrescue {server}")
        expect(site, server, "ACTIVE")


def delete_server(site: Site, stages: Stages, server: str) -> None:
    with stages.stage("openstack server delete"):
        site.openstack(f"server delete --wait {server}")
        line = f"baremetal node show {site.node} -f value -c provision_state"
        site.wait(lambda: site.openstack(line, system=True) == "available", "the node is free")
    check(site.bridge() is None, "the machine is in no network")


def expect(site: Site, server: str, status: str) -> dict[str, Any]:
    """Raises LabError if it comes out otherwise."""
    found = site.wait_for(server, "ACTIVE", "RESCUE", "ERROR")
    if found["status"] != status:
        raise LabError(f"The server is {found['status']} and not {status}: {found.get('fault')}")
    return found


def check(true: bool, what: str) -> None:
    """Raises LabError."""
    if not true:
        raise LabError(f"It is not so that {what}.")


def _rescue(site: Site, server: str, password: str) -> Iterator[str]:
    """Ask for it; yields the networks the machine comes through."""
    site.openstack(f"server rescue --password {password} {server}")
    for segment in (switch.RESCUING, switch.TENANT):
        site.wait(partial(_is_in, site, segment.bridge), f"it is in {segment.name}")
        yield segment.name


def _is_in(site: Site, bridge: str) -> bool:
    return site.bridge() == bridge


def _use_ramdisk(site: Site, image: str) -> None:
    line = f"baremetal node set {site.node} --driver-info rescue_ramdisk={image}"
    site.openstack(line, system=True)
