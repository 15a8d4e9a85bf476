"""What the last sign of a server's boot says."""

from dataclasses import replace

import pytest
from msgspec import structs

from stbernard.drivers.base import Sign
from stbernard.operations.boot_signs import MEDIUM, RAMDISK, WITHOUT_TLS, how_far, seen_by
from tests.factories import a_node
from tests.unit.drivers.tasks import a_task, all_enabled

BEGAN = 1000.0


@pytest.mark.parametrize(
    ("boots_by", "signs", "says"),
    [
        ("redfish-virtual-media", (), "Its BMC has not read the rescue medium: can it reach"),
        ("redfish-virtual-media", ((BEGAN + 5, MEDIUM),), "does the server boot from the medium?"),
        # when it was inserted, before the server was switched on
        ("redfish-virtual-media", ((BEGAN - 5, MEDIUM),), "does the server boot from the medium?"),
        ("ipxe", ((BEGAN - 5, RAMDISK),), "It has fetched nothing."),
        ("ipxe", ((BEGAN + 5, RAMDISK), (BEGAN + 9, WITHOUT_TLS)), "[agent]require_tls is on"),
    ],
)
def test_what_it_says(boots_by: str, signs: tuple[tuple[float, str], ...], says: str) -> None:
    task = a_task(all_enabled(), a_node(started_at=BEGAN))
    node = structs.replace(task.node, boot_interface=boots_by)
    task = replace(task, node=node, signs=lambda: [Sign(*each) for each in signs])
    assert says in how_far(task, seen_by(task))
