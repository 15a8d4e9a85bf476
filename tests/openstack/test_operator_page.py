"""The operator's page for rescue mode, step by step, with the real clients.

Build a ramdisk, make a rescuing network, name it in ironic.conf by name and by UUID, override it
for a node, restart the service, set rescue_kernel and rescue_ramdisk from the Image service and by
href, rescue, ssh, unrescue, and the same through Compute.
"""

import re
from pathlib import Path

import pytest
from tools.openstack import story, switch
from tools.openstack.site import NODE, Site

from stbernard.lab.service import PROGRAMS
from stbernard.lab.stages import Stages
from stbernard.programs import run

pytestmark = pytest.mark.timeout(3600)

PASSWORD = "Resc-ue&me 1"


def deployed(site: Site) -> None:
    """An instance of the operator's own: what is on the disk, in the tenant network."""
    port = site.made(
        f"port create --network {switch.TENANT.name} --fixed-ip ip-address={site.address} "
        "--vnic-type baremetal of-the-operator"
    )
    site.openstack(f"baremetal node vif attach {NODE} {port}", system=True)
    site.openstack(f"baremetal node deploy {NODE} --wait 600", system=True)
    site.lab.wait_port(site.address, 22, 600)


def rescued(site: Site, bridge: str) -> None:
    """Rescue, ssh and unrescue, with the client for bare metal; it boots in this network."""
    site.openstack(f'baremetal node rescue {NODE} --rescue-password "{PASSWORD}"', system=True)
    site.wait(lambda: site.bridge() == bridge, f"the machine is in {bridge}")
    wait = f"baremetal node show {NODE} -f value -c provision_state -c last_error"
    seen: list[str] = []

    def ended() -> bool:
        seen[:] = [site.openstack(wait, system=True)]
        return bool(re.search(r"^rescue( failed)?$", seen[0], re.M))

    site.wait(ended, "the rescue has ended")
    assert re.search(r"^rescue$", seen[0], re.M), seen
    assert "uid" in site.ssh("rescue", PASSWORD, "sudo id")
    site.openstack(f"baremetal node unrescue {NODE} --wait 600", system=True)
    assert site.bridge() == switch.TENANT.bridge


def test_the_page(site: Site, stages: Stages, tmp_path: Path) -> None:
    """Its steps in its order."""
    # Build a ramdisk.
    out = tmp_path / "ramdisk"
    run(PROGRAMS / "stbernard", "ramdisk", "build", "--output", out, "--cache", ".cache")
    site.images = out
    # Make the networks, upload the images, name the network in ironic.conf, by name.
    story.prepare(site, stages)
    deployed(site)
    rescued(site, switch.RESCUING.bridge)
    # By UUID, and restart.
    uuid = site.openstack(f"network show {switch.RESCUING.name} -f value -c id")
    site.start_service(rescuing_network=uuid)
    rescued(site, switch.RESCUING.bridge)
    # Override it for the node: what ironic.conf names is not there.
    site.start_service(rescuing_network="nowhere")
    site.openstack(f"baremetal node set {NODE} --driver-info rescuing_network={uuid}", system=True)
    # The images by href.
    for kind in ("kernel", "ramdisk"):
        href = f"file://{site.images}/{kind}"
        line = f"baremetal node set {NODE} --driver-info rescue_{kind}={href}"
        site.openstack(line, system=True)
    rescued(site, switch.RESCUING.bridge)
    # The same through Compute.
    site.openstack(f"baremetal node undeploy {NODE} --wait 600", system=True)
    site.openstack("port delete of-the-operator")
    site.wait_until_free()
    server = story.build_server(site, stages)
    story.rescue_and_repair(site, stages, server)
