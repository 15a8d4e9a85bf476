"""The DHCP clients that an earlier run of the agent left behind."""

from pathlib import Path

import pytest

from stbernard_agent import network

from .fakes import RecordingConsole, fake_settings

NOBODY = 2**22 + 1  # no process has this number: it is beyond the kernel's last


def test_one_that_ends_by_itself_at_this_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "running", lambda *_: NOBODY)
    network.Network(fake_settings(tmp_path), RecordingConsole())._stop_client("eth0")
