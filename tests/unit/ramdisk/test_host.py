"""What the build asks of its host: tools, apt, keys."""

import os
import shutil
from pathlib import Path

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import host


def test_missing_tools_are_named_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"cpio", "depmod", "dpkg-deb", "apt-get"}
    monkeypatch.setattr(shutil, "which", lambda tool: tool if tool in there else None)
    with pytest.raises(RamdiskError, match=r"apt-get install mmdebstrap squashfs-tools$"):
        host.require_host()


def test_building_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: tool)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RamdiskError, match="needs root"):
        host.require_host()


def test_empty_package_lists_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: tool)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "APT_LISTS", tmp_path)
    with pytest.raises(RamdiskError, match=r"apt-get update$"):
        host.require_host()
    (tmp_path / "somewhere_dists_bookworm_main_binary-amd64_Packages.lz4").touch()
    host.require_host()


def test_apts_simulation_gives_packages_sorted() -> None:
    simulation = (
        "Inst zlib1g (1:1.2.13.dfsg-1 Debian:12.15/oldstable [amd64])\n"
        "Inst adduser (3.134 Debian:12.15/oldstable, Debian-Security:12/oldstable [all]) []\n"
        "Conf adduser (3.134 Debian:12.15/oldstable [all])\n"
    )
    assert host.parse_simulation(simulation) == [
        host.Package("adduser", "3.134", "all"),
        host.Package("zlib1g", "1:1.2.13.dfsg-1", "amd64"),
    ]


def test_a_key_tells_parts_apart() -> None:
    assert host.digest(["ab", "c"]) != host.digest(["a", "bc"])
    assert host.digest(["ab", b"c"]) == host.digest(["ab", "c"])
