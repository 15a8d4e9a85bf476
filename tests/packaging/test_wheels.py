"""What `make dist` makes is all that a host of the service needs. Takes the rest from PyPI."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.ramdisk import rescue
from tests.service import Service

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
EXTRAS = {"pytest", "mypy", "hatchling", "sushy-tools", "qemu.qmp", "python-openstackclient"}
FAKE = (
    "enabled_hardware_types = fake-hardware\n"
    "enabled_power_interfaces = fake\nenabled_management_interfaces = fake\n"
    "enabled_boot_interfaces = fake\nenabled_rescue_interfaces = fake\n"
)


def run(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the two wheels and what they say they need."""
    folder = tmp_path_factory.mktemp("packaging")
    dist, environment = folder / "dist", folder / "environment"
    run("make", "-C", ROOT, "dist", f"DIST={dist}", f"VENV={sys.prefix}")
    run(sys.executable, "-m", "venv", environment)
    pip = (environment / "bin/python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--constraint", dist / "constraints.txt", *dist.glob("*.whl"))
    return environment


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far from the sources, so that nothing is found there by chance."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def sources() -> Iterator[tuple[Path, Path]]:
    """Each file of the two packages, and its place among the installed ones."""
    for parent in (ROOT / "src", ROOT / "agent"):
        for package in parent.glob("stbernard*"):
            for path in package.rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield path, path.relative_to(parent)


def test_every_file_is_in_a_wheel(environment: Path) -> None:
    [packages] = environment.glob("lib/python*/site-packages")
    places = list(sources())
    assert len(places) > 100
    for source, place in places:
        assert (packages / place).read_bytes() == source.read_bytes(), place


def test_the_wheels_need_no_extra(environment: Path) -> None:
    pip = (environment / "bin/python", "-m", "pip")
    assert "No broken requirements" in run(*pip, "check")
    installed = {line.split("==")[0] for line in run(*pip, "list", "--format=freeze").splitlines()}
    assert installed >= {"stbernard", "stbernard-agent"}
    assert not installed & EXTRAS


@pytest.mark.parametrize("words", ["", "serve", "db upgrade", "ramdisk build", "lab up"])
def test_each_command_explains_itself(environment: Path, words: str) -> None:
    assert "Usage: stbernard" in run(environment / "bin/stbernard", *words.split(), "--help")


def test_it_serves(environment: Path, tmp_path: Path) -> None:
    service = Service(tmp_path, FAKE, environment / "bin/python").start()
    try:
        assert service.get("/v1")["id"] == "v1"
        assert service.get("/v1/drivers")["drivers"][0]["name"] == "fake-hardware"
    finally:
        assert service.stop() == 0


def test_the_ramdisks_layer_is_the_same(environment: Path, tmp_path: Path) -> None:
    """Names, links, bytes and modes, which a wheel need not keep."""
    fill = "import pathlib, sys; from stbernard.ramdisk import rescue; "
    fill += "rescue.fill(pathlib.Path(sys.argv[1]))"
    run(environment / "bin/python", "-c", fill, tmp_path / "installed")
    rescue.fill(tmp_path / "here")
    here = describe(tmp_path / "here")
    assert "etc/acpi/PWRF/00000080" in here
    assert "usr/lib/python3/dist-packages/stbernard_agent/lease.sh" in here
    assert describe(tmp_path / "installed") == here


def describe(tree: Path) -> dict[str, tuple[str, bytes]]:
    """Path to mode and content; a link's content is its target."""
    return {
        str(path.relative_to(tree)): (
            oct(path.lstat().st_mode),
            str(path.readlink()).encode() if path.is_symlink() else path.read_bytes(),
        )
        for path in tree.rglob("*")
        if path.is_symlink() or path.is_file()
    }
