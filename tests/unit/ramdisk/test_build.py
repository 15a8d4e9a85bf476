"""Keys, the cache and the outputs; the slow layers are stood in for."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import build, debian, host, kernel, rescue
from stbernard.ramdisk.host import Package
from stbernard.ramdisk.ironic_python_agent import Agent

PYTHON = Package("python3.11", "3.11.2-6", "amd64")
INPUTS = build.Inputs(
    names=("curl",),
    packages=(Package("curl", "7.88", "amd64"), PYTHON),
    kernel=Package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", "amd64"),
)


def test_the_key_follows_packages_and_kernel() -> None:
    newer = dataclasses.replace(INPUTS, packages=(Package("curl", "7.89", "amd64"), PYTHON))
    other_kernel = dataclasses.replace(INPUTS, kernel=Package("linux-image-6.2", "6.2", "amd64"))
    assert len({INPUTS.key, newer.key, other_kernel.key}) == 3
    assert newer.kernel_key == INPUTS.kernel_key
    assert other_kernel.debian_key == INPUTS.debian_key


def test_the_key_follows_the_agent_but_the_slow_layers_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = INPUTS.key, INPUTS.debian_key, INPUTS.kernel_key
    changed = tmp_path / "__main__.py"
    changed.write_text("print('another agent')\n")
    sources = rescue.sources() | {f"{rescue.PYTHON_PATH}/stbernard_agent/__main__.py": changed}
    monkeypatch.setattr(rescue, "sources", lambda: sources)
    assert INPUTS.key != before[0]
    assert (INPUTS.debian_key, INPUTS.kernel_key) == before[1:]


def test_another_agent_is_a_layer_more() -> None:
    theirs = dataclasses.replace(INPUTS, agent=Agent.IRONIC)
    assert theirs.key != INPUTS.key
    assert (theirs.debian_key, theirs.kernel_key) == (INPUTS.debian_key, INPUTS.kernel_key)


def test_the_python_of_the_ramdisk_is_known_from_its_packages() -> None:
    assert INPUTS.python == "3.11"
    with pytest.raises(RamdiskError, match="python3"):
        _ = dataclasses.replace(INPUTS, packages=()).python


def test_a_cache_entry_is_filled_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def fill(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("content")

    for _ in range(2):
        assert build.cached(tmp_path, "entry", fill) == tmp_path / "entry"
    assert len(calls) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RamdiskError("no space")

    with pytest.raises(RamdiskError):
        build.cached(tmp_path, "entry", fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not (shutil.which("mksquashfs") and shutil.which("cpio")), reason="needs mksquashfs and cpio"
)
def test_the_outputs_are_the_same_when_built_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def debian_layer(names: tuple[str, ...], folder: Path) -> None:
        (folder / "busybox").write_text("busybox")
        (folder / "debian.squashfs").write_text(" ".join(names))
        if (tmp_path / "one").exists():  # a second name of the layer must not show
            (tmp_path / "elsewhere").hardlink_to(folder / "debian.squashfs")

    def kernel_parts(package: Package, folder: Path, _: tuple[str, ...]) -> None:
        (folder / "kernel").write_text(package.name)
        (folder / "modules.squashfs").write_text("modules")
        (folder / "initramfs-modules").mkdir()

    monkeypatch.setattr(debian, "build_debian_layer", debian_layer)
    monkeypatch.setattr(kernel, "build_kernel_parts", kernel_parts)
    monkeypatch.setattr(host, "require_host", lambda: None)
    monkeypatch.setattr(build, "resolve_inputs", lambda *_: INPUTS)
    for name in ("one", "two"):
        build.build(tmp_path / name, tmp_path / f"cache-{name}")
    for file in build.OUTPUTS:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

    assert (tmp_path / "one/packages.txt").read_text().splitlines() == [
        "curl 7.88 amd64",
        "linux-image-6.1.0-56-cloud-amd64 6.1.192-2 amd64",
        "python3.11 3.11.2-6 amd64",
    ]
    manifest = json.loads((tmp_path / "one/manifest.json").read_text())
    assert manifest["key"] == INPUTS.key
    assert manifest["files"]["kernel"]["bytes"] == len(INPUTS.kernel.name)
