"""The layer of this project: which files, with which modes, and that their shell is shell."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import rescue

SCRIPTS = [
    path for path in sorted(rescue.FILES.rglob("*"))
    if path.is_file() and (path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/"))
]  # fmt: skip


def test_the_layer_holds_the_agent_and_the_configuration() -> None:
    names = rescue.sources()
    assert "usr/lib/python3/dist-packages/stbernard_agent/__init__.py" in names
    assert {"usr/lib/stbernard/init", "etc/ssh/sshd_config"} <= names.keys()
    assert not [name for name in names if "__pycache__" in name]


def test_scripts_are_executable_and_nothing_else_is(tmp_path: Path) -> None:
    for name, content in (("script", "#!/bin/sh\n"), ("table", "a b\n")):
        (tmp_path / name).write_text(content)
        rescue.place_file(tmp_path / name, tmp_path / "tree" / name)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "tree").iterdir()}
    assert modes == {"script": 0o755, "table": 0o644}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_good_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)


def test_byte_code_is_valid_whatever_the_time_of_its_source(tmp_path: Path) -> None:
    source = tmp_path / "hello.py"
    source.write_text("GREETING = 'woof'\n")
    rescue.compile_file(source, source)
    (compiled,) = tmp_path.glob("__pycache__/*.pyc")
    source.write_text("GREETING = 'changed'\n")
    spec = importlib.util.spec_from_file_location("hello", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.GREETING == "woof"
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01  # PEP 552: hash-based, never checked


@pytest.mark.skipif(not shutil.which("mksquashfs"), reason="mksquashfs is not installed")
def test_the_layer_is_built_twice_the_same(tmp_path: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    images = []
    for number in (1, 2):
        image = tmp_path / str(number)
        rescue.build_rescue_layer(image, python=python)
        images.append(image.read_bytes())
    assert images[0] == images[1]


def test_a_missing_agent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue, "find_spec", lambda name: None)
    with pytest.raises(RamdiskError, match="stbernard_agent is not installed"):
        rescue.agent_directory()
