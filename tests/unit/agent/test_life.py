"""The agent's whole life, as a process, in a server made of namespaces (needs root)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .calls import HASH, call, finalize, log_in, send_finalize
from .fakes import TOKEN, UUID, FakeService
from .namespaces import Machine, Site, needs_namespaces, run

pytestmark = needs_namespaces

MAC, OTHER_MAC = "52:54:00:77:00:11", "52:54:00:77:00:12"
COMMAND_LINE = f"root=x ipa-api-url=http://10.77.0.1:6385 BOOTIF=01-{MAC.replace(':', '-')}\n"


@pytest.fixture
def machine(site: Site) -> Iterator[Machine]:
    machine = Machine(site, COMMAND_LINE)
    yield machine
    machine.close()


@pytest.fixture
def service(site: Site) -> FakeService:
    """The usual site: one link with DHCP and the service behind it."""
    site.add_link("eth0", MAC, "10.77.0.1/24")
    site.start_dhcp("eth0", "10.77.0.11")
    return site.start_service("10.77.0.1")


def test_a_rescue(site: Site, service: FakeService, machine: Machine) -> None:
    machine.start_agent()
    agent, result = finalize(site, service)
    assert agent["callback_url"] == "https://10.77.0.11:9999"
    assert result["command_status"] == "SUCCEEDED", result
    assert result["command_result"]["addresses"] == ["10.77.0.11"]
    host_key = result["command_result"]["ssh_host_key"]
    assert log_in(site, "10.77.0.11", host_key) == "rescued\n"

    assert machine.wait_for("rescue login open").endswith("ssh rescue@10.77.0.11\n")
    for line in ("got 10.77.0.11 on eth0", f"looked up: node {UUID}", "heartbeat accepted"):
        machine.wait_for(line)
    with pytest.raises(ConnectionRefusedError):
        call(site, agent, "GET", "/v1/status")
    check_traces(machine)


def check_traces(machine: Machine) -> None:
    """The hash is where logins look it up and nowhere else, and the token is forgotten."""
    assert machine.path("/etc/sudoers.d/rescue").read_text().startswith("rescue ALL=")
    assert f"rescue:{HASH}:" in machine.path("/etc/shadow").read_text()
    for folder in ("/run", "/etc", "/home"):
        for file in machine.path(folder).rglob("*"):
            if file.is_file() and not file.is_symlink() and file.stat().st_mode & 0o004:
                assert HASH.encode() not in file.read_bytes(), file
    assert TOKEN not in "".join(_texts(machine.path("/run/stbernard")))
    assert not any(HASH in arguments for arguments in machine.processes().values())
    assert json.loads(machine.path("/run/stbernard/node").read_text())["uuid"] == UUID


def _texts(folder: Path) -> Iterator[str]:
    return (file.read_text() for file in folder.rglob("*") if file.is_file())


def test_a_restart_before_the_rescue(site: Site, service: FakeService, machine: Machine) -> None:
    """The service shows the token only once, and refuses another URL or certificate."""
    first = machine.start_agent()
    before = service.heartbeats.get(timeout=60)["body"]
    first.kill()
    first.wait()
    machine.start_agent()
    after, result = finalize(site, service)
    assert after == before
    assert result["command_status"] == "SUCCEEDED", result


def test_a_restart_after_the_rescue(site: Site, service: FakeService, machine: Machine) -> None:
    """It asks nobody and serves nothing any more, but sees to it that people can log in."""
    first = machine.start_agent()
    agent, result = finalize(site, service)
    machine.wait_for("rescue login open")
    first.kill()
    first.wait()
    sshd = int(machine.path("/run/stbernard/sshd.pid").read_text())
    os.kill(sshd, 9)
    service.lookups.get_nowait()
    machine.console.clear()

    machine.start_agent()
    machine.wait_for("rescue login is open")
    assert log_in(site, "10.77.0.11", result["command_result"]["ssh_host_key"]) == "rescued\n"
    assert service.lookups.empty()
    assert service.heartbeats.empty()
    with pytest.raises(ConnectionRefusedError):
        call(site, agent, "GET", "/v1/status")


def test_one_thing_after_the_other_comes_up(site: Site, machine: Machine) -> None:
    """Each missing thing is named on the console, and noticed when it comes."""
    machine.start_agent()
    machine.wait_for("no network card found")
    site.add_link("eth0", MAC, "10.77.0.1/24")
    machine.wait_for(f"no DHCP answer on eth0 ({MAC})")
    site.start_dhcp("eth0", "10.77.0.11")
    machine.wait_for("got 10.77.0.11 on eth0")
    machine.wait_for("http://10.77.0.1:6385 does not answer")
    service = site.start_service("10.77.0.1")
    assert finalize(site, service)[1]["command_status"] == "SUCCEEDED"


def test_two_links(site: Site, machine: Machine) -> None:
    """Both get an address; the one booted from leads to the rest of the world."""
    site.add_link("eth1", MAC, "10.77.0.1/24")
    site.add_link("eth0", OTHER_MAC, "10.88.0.1/24")
    routes = "--dhcp-option=121,10.99.0.0/16,10.88.0.7,0.0.0.0/0,10.88.0.1"
    site.start_dhcp("eth0", "10.88.0.11", routes, "--dhcp-option=26,1400")
    names = ("--dhcp-option=option:dns-server,10.77.0.5", "--domain=example.org")
    site.start_dhcp("eth1", "10.77.0.11", *names)
    service = site.start_service("10.77.0.1")
    machine.start_agent()
    service.heartbeats.get(timeout=60)
    machine.wait_for("got 10.88.0.11 on eth0")
    path, _ = service.lookups.get_nowait()
    assert path == f"/v1/lookup?addresses={MAC},{OTHER_MAC}"

    defaults = machine.ip("route", "show", "default").splitlines()
    assert defaults[0].startswith("default via 10.77.0.1 dev eth1")
    assert defaults[1].startswith("default via 10.88.0.1 dev eth0")
    assert "10.88.0.7" in machine.ip("route", "show", "10.99.0.0/16")
    assert "mtu 1400" in machine.ip("link", "show", "eth0")
    resolver = machine.path("/etc/resolv.conf").read_text()
    assert "search example.org\n" in resolver
    assert "nameserver 10.77.0.5\n" in resolver


def test_the_server_moves_to_another_network(
    site: Site, service: FakeService, machine: Machine
) -> None:
    """After the rescue the service changes the networks behind the ports, and tells nobody."""
    machine.start_agent()
    _, result = finalize(site, service)
    machine.wait_for("rescue login open")
    site.change_network("eth0", "10.66.0.1/24")
    site.start_dhcp("eth0", "10.66.0.5")
    machine.wait_for("got 10.66.0.5 on eth0")
    assert log_in(site, "10.66.0.5", result["command_result"]["ssh_host_key"]) == "rescued\n"
    assert "10.77.0.11" not in machine.ip("-4", "addr")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("import argparse", "raise SystemExit(3)\nimport argparse"), "sshd ended with status 3"),
        (('options["HostKey"]', '"/etc/other"'), "sshd does not let people in by password: "),
        (("        return True", "        return False"), "does not let people in by password"),
    ],
    ids=["ends", "shows another host key", "asks for no password"],
)
def test_an_sshd_that_lets_nobody_in(
    site: Site, service: FakeService, machine: Machine, change: tuple[str, str], reason: str
) -> None:
    """Then the command has failed, and can be sent again."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(machine.path("/etc/other")))
    sshd = machine.path("/usr/sbin/sshd")
    good = sshd.read_text()
    sshd.write_text(good.replace(*change, 1))
    machine.start_agent()
    agent, result = finalize(site, service)
    assert result["command_status"] == "FAILED"
    assert reason in result["command_error"]["details"]
    assert not any("sshd" in arguments for arguments in machine.processes().values())

    sshd.write_text(good)
    assert send_finalize(site, agent)["command_status"] == "SUCCEEDED"


def test_without_a_service_to_report_to(site: Site) -> None:
    machine = Machine(site, "quiet\n")
    try:
        agent = machine.start_agent()
        assert agent.wait(60) == 0  # there is nothing to try again
        machine.wait_for("no ipa-api-url on the kernel command line")
    finally:
        machine.close()
