"""What the lab says when it cannot be put up; putting it up is in tests/machine."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stbernard.cli.lab import app
from stbernard.errors import LabError
from stbernard.lab import Lab, host
from stbernard.lab import lab as lab_module
from stbernard.lab.network import Network
from stbernard.lab.service import by_hand, client_command


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab", machines=2, namespace="stbernard-unit-none")


def test_needs_root(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="needs root: use sudo"):
        lab.up()


def test_names_what_is_missing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "PACKAGES", ("dpkg", "no-such-package"))
    with pytest.raises(LabError, match=r"apt-get install no-such-package$"):
        lab.up()


def test_a_directory_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(LabError, match="another --state-dir"):
        Lab(tmp_path)._check_that_none_is_up()
    assert (tmp_path / "thesis.txt").exists()


def test_a_lab_is_loaded_as_it_was_put_up(lab: Lab) -> None:
    lab._empty_state_dir()
    loaded = Lab.load(lab.state_dir)
    assert [machine.uuid for machine in loaded.machines] == [m.uuid for m in lab.machines]
    assert loaded.network.namespace == lab.network.namespace
    lab._empty_state_dir()
    assert len({machine.system_id for machine in lab.machines}) == 2


def test_a_program_that_down_could_not_find_is_not_started(lab: Lab) -> None:
    with pytest.raises(ValueError, match="names a path below"):
        lab.start("sleep", ["sleep", "600"])


def test_down_without_a_lab(tmp_path: Path, lab: Lab) -> None:
    lab.down()
    answer = CliRunner().invoke(app, ["down", "--state-dir", str(tmp_path / "none")])
    assert answer.exit_code == 0


def test_status_without_a_lab_says_what_to_do(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["status", "--state-dir", str(tmp_path / "none")])
    assert answer.exit_code == 1
    assert "stbernard lab up" in answer.stderr


def test_status_shows_the_machines(lab: Lab) -> None:
    lab._empty_state_dir()
    answer = CliRunner().invoke(app, ["status", "--state-dir", str(lab.state_dir)])
    [state, _, first, second] = answer.stdout.splitlines()
    assert "is down" in state
    assert first.split()[:5] == [
        "machine-1",
        "off",
        "52:54:00:77:00:01",
        "10.77.0.11",
        lab.machines[0].system_id,
    ]
    assert second.split()[0] == "machine-2"


def test_another_lab_is_left_alone(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one in the same namespace nor one in the same directory is touched."""
    monkeypatch.setattr(lab_module, "_check_host", lambda: None)
    monkeypatch.setattr(Network, "exists", property(lambda it: it.namespace == "first"))
    monkeypatch.delattr(Lab, "down")
    Lab(tmp_path / "first", namespace="first")._empty_state_dir()
    for state_dir, namespace in (("first", "second"), ("second", "first")):
        second = Lab(tmp_path / state_dir, namespace=namespace)
        with pytest.raises(LabError, match=r"namespace first exists.*stbernard lab down"):
            second.up()


def test_what_to_type_by_hand(lab: Lab) -> None:
    lines = by_hand(lab).splitlines()
    assert lines[0].startswith("ip netns exec stbernard-unit-none bash")
    assert "OS_AUTH_TYPE=none OS_ENDPOINT=http://10.77.0.1:6385" in lines[1]
    assert f"--driver-info redfish_system_id={lab.machines[0].system_id}" in lines[2]
    assert lines[-2] == "ssh rescue@10.77.0.11"


def test_the_client_is_the_one_beside_this_python() -> None:
    command = client_command("baremetal node list --long")
    assert command[:3] == ["env", "OS_AUTH_TYPE=none", "OS_ENDPOINT=http://10.77.0.1:6385"]
    assert Path(command[3]).name == "openstack"
    assert command[4:] == ["baremetal", "node", "list", "--long"]
