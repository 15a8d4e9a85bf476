"""The whole chain, all real: Compute builds, rescues and deletes a server on a lab machine."""

import pytest
from tools.openstack import story
from tools.openstack.site import Site

from stbernard.lab.stages import Stages

pytestmark = pytest.mark.timeout(3600)


def test_a_server_is_built_rescued_and_deleted(site: Site, stages: Stages) -> None:
    """Each step raises if it is not so; `make openstack` shows the same."""
    story.prepare(site, stages)
    before = site.ports()
    server = story.build_server(site, stages)
    story.rescue_and_repair(site, stages, server)
    story.break_and_rescue(site, stages, server)
    story.delete_server(site, stages, server)
    site.check_memory()
    [left] = set(site.ports()) - set(before)  # the port that the user made
    assert site.openstack(f"port show {left} -f value -c name") == "server-port"
