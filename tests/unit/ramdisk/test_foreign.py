"""Another architecture than the host's: its package lists, its key, what is taken from ours."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import build, foreign, host, kernel, pack
from stbernard.ramdisk.host import Architecture, Package
from stbernard.ramdisk.ironic_python_agent import Agent
from stbernard.ramdisk.kernel import Kernel

LINUX = Package("linux-image-6.1.0-56-cloud-arm64", "6.1.192-2", "arm64")
NATIVE = build.Inputs(("curl",), (Package("curl", "7.88", "amd64"),), LINUX)


class Apt:
    """Notes the calls; an update brings the lists of these architectures."""

    def __init__(self, *architectures: str) -> None:
        self.calls: list[tuple[str | Path, ...]] = []
        self.architectures = architectures

    def __call__(self, *command: str | Path) -> str:
        self.calls.append(command)
        (lists,) = (
            str(word).partition("=")[2] for word in command if "Dir::State::lists=" in str(word)
        )
        for each in self.architectures:
            Path(lists, f"mirror_dists_bookworm_main_binary-{each}_Packages.lz4").touch()
        return ""


@pytest.fixture
def host_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "mirror_dists_bookworm_main_binary-amd64_Packages.lz4").touch()
    monkeypatch.setattr(host, "APT_LISTS", lists)
    return lists


def test_its_lists_are_fetched_when_the_hosts_are_newer(
    tmp_path: Path, host_lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = Apt("arm64")
    monkeypatch.setattr(foreign, "run", apt)
    options = foreign.apt_options(tmp_path / "cache", "arm64")
    assert foreign.apt_options(tmp_path / "cache", "arm64") == options
    assert "APT::Architecture=arm64" in options
    (update,) = apt.calls
    assert update[-1] == "update"

    stamp = tmp_path / "cache/apt-arm64/fetched"
    (renewed,) = host_lists.iterdir()
    os.utime(renewed, (stamp.stat().st_mtime + 1,) * 2)
    foreign.apt_options(tmp_path / "cache", "arm64")
    assert len(apt.calls) == 2


@pytest.mark.usefixtures("host_lists")
def test_sources_without_the_architecture_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "run", Apt("amd64"))
    with pytest.raises(RamdiskError, match="no packages for arm64"):
        foreign.apt_options(tmp_path / "cache", "arm64")


def test_the_key_follows_both_layers() -> None:
    packages = (Package("curl", "7.88", "arm64"),)
    other = build.Inputs(
        NATIVE.names, packages, LINUX, architecture=Architecture.ARM64, native=NATIVE
    )
    newer = dataclasses.replace(NATIVE, packages=(Package("curl", "7.89", "amd64"),))
    keys = {
        NATIVE.debian_key,
        other.debian_key,
        dataclasses.replace(other, native=newer).debian_key,
    }
    assert len(keys) == 3


def test_the_agent_from_pypi_needs_a_host_of_the_architecture(tmp_path: Path) -> None:
    theirs = dataclasses.replace(NATIVE, agent=Agent.IRONIC)
    with pytest.raises(RamdiskError, match="on a host of arm64"):
        build.foreign_inputs(theirs, Kernel.CLOUD, Architecture.ARM64, tmp_path)


def test_each_architecture_has_its_kernels() -> None:
    names = [each.metapackage(Architecture.ARM64) for each in kernel.Kernel]
    assert names == ["linux-image-cloud-arm64", "linux-image-arm64"]


@pytest.mark.skipif(
    not (shutil.which("mksquashfs") and shutil.which("unsquashfs")), reason="needs squashfs-tools"
)
def test_what_scripts_make_is_taken_from_the_hosts_layer(tmp_path: Path) -> None:
    native, tree = tmp_path / "native", tmp_path / "tree"
    for name in (*foreign.MADE_BY_SCRIPTS, "usr/bin"):
        (native / name).mkdir(parents=True)
    (native / "etc/passwd").write_text("sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n")
    (native / "etc/ld.so.cache").write_text("libraries of the host")
    (native / "usr/bin/awk").symlink_to("/etc/alternatives/awk")
    (native / "usr/bin/mawk").write_text("a program of the host")
    pack.squashfs(native, tmp_path / "native.squashfs")
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "etc/passwd").write_text("")
    (tree / "usr/bin/mawk").write_text("a program of the server")

    foreign.take_over(tmp_path / "native.squashfs", tmp_path / "unpacked", tree)
    assert "sshd" in (tree / "etc/passwd").read_text()
    assert not (tree / "etc/ld.so.cache").exists()
    assert str((tree / "usr/bin/awk").readlink()) == "/etc/alternatives/awk"
    assert (tree / "usr/bin/mawk").read_text() == "a program of the server"
