"""Which kernel package a metapackage stands for."""

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import kernel
from stbernard.ramdisk.host import Package


def test_the_metapackage_names_the_kernel() -> None:
    record = (
        "Package: linux-image-cloud-amd64\n"
        "Version: 6.1.192-2\n"
        "Architecture: amd64\n"
        "Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)\n"
    )
    assert kernel.parse_metapackage(record) == Package(
        "linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", "amd64"
    )


def test_without_apt_lists_the_error_names_the_remedy() -> None:
    with pytest.raises(RamdiskError, match="apt-get update"):
        kernel.parse_metapackage("")
