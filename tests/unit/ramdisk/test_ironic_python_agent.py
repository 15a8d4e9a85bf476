"""The layer of the real ironic-python-agent; what is in it runs in tests/agents."""

import re
from pathlib import Path

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import ironic_python_agent


def test_every_package_is_pinned_and_by_name_only() -> None:
    lines = ironic_python_agent.REQUIREMENTS.read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    assert any(line.startswith("ironic-python-agent==") for line in lines)


def test_the_layer_is_made_of_the_list_and_of_scripts() -> None:
    names = [path.name for path in ironic_python_agent.sources()]
    assert names == [*("ironic_python_agent.py", "ironic-python-agent.txt", "agent", "open-login")]


def test_another_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RamdiskError, match=r"Python is 3\.2 and this one 3\."):
        ironic_python_agent.build_agent_layer("3.2", tmp_path)
    assert not list(tmp_path.iterdir())
