"""Calls of ipmitool: secrets, cipher suites, pauses, and what goes wrong in words to act on."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.ipmi import ipmitool
from stbernard.errors import (
    BMCError,
    BMCRefused,
    BMCUnreachable,
    HardwareError,
    InvalidDriverInfo,
)
from stbernard.nodes import Power
from stbernard.settings import Ipmi
from tests.unit.drivers.ipmi.conftest import AT_ONCE, PASSWORD, Simulator, a_free_port, ipmi_task

KG = "6b2d6f662d7468652d626d632d3230636861727321"[:40]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script in ipmitool's place, to be written by the test; it has a folder of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "ipmitool"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return script


def test_secrets_are_in_the_environment_only(program: Path) -> None:
    seen = program.with_name("seen")
    program.write_text(f'#!/bin/sh\n{{ echo "$@"; echo "$IPMI_PASSWORD $IPMI_KGKEY"; }} >{seen}\n')
    task = ipmi_task(ipmi_address="192.0.2.1", ipmi_password=PASSWORD, ipmi_hex_kg_key=KG)
    ipmitool.call(task, "power", "status")
    argv, environment = seen.read_text().splitlines()
    assert environment == f"{PASSWORD} {bytes.fromhex(KG).decode()}"
    assert PASSWORD not in argv
    assert KG not in argv
    assert bytes.fromhex(KG).decode() not in argv
    assert argv == (
        "-v -H 192.0.2.1 -p 623 -I lanplus -L ADMINISTRATOR -R 2 -N 1 -E -K -C 3 power status"
    )


def test_all_of_driver_info_comes_to_ipmitool(program: Path) -> None:
    seen = program.with_name("seen")
    program.write_text(f'#!/bin/sh\necho "$@" >{seen}\n')
    task = ipmi_task(
        ipmi_address="bmc.example",
        ipmi_port="6230",
        ipmi_username="operator",
        ipmi_priv_level="operator",
        ipmi_protocol_version="1.5",
        ipmi_bridging="dual",
        ipmi_local_address="0x20",
        ipmi_transit_channel="0",
        ipmi_transit_address="0x82",
        ipmi_target_channel="7",
        ipmi_target_address="0x72",
    )
    ipmitool.call(task, "power", "status")
    assert seen.read_text() == (
        "-v -H bmc.example -p 6230 -I lan -L OPERATOR -U operator -m 0x20 -B 0 -T 0x82 -b 7 -t 0x72"
        " -R 2 -N 1 -E power status\n"
    )


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"ipmi_password": "guess"}, BMCRefused, "check ipmi_password"),
        ({"ipmi_username": "nobody"}, BMCRefused, "check ipmi_username"),
        ({"ipmi_cipher_suite": 17}, InvalidDriverInfo, "set ipmi_cipher_suite"),
        ({"ipmi_address": "bmc.invalid"}, BMCUnreachable, "cannot be looked up"),
    ],
)
def test_what_goes_wrong(
    simulator: Simulator, wrong: dict[str, Any], error: type[HardwareError], text: str
) -> None:
    task = simulator.task(**wrong)
    with pytest.raises(error, match=text) as caught:
        task.driver.power.get_power_state(task)
    assert caught.value.final is (error is not BMCUnreachable)
    assert task.node.uuid in str(caught.value)
    assert "guess" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_bmc_that_is_down_may_come_back() -> None:
    task = ipmi_task(ipmi_address="127.0.0.1", ipmi_port=a_free_port())
    with pytest.raises(BMCUnreachable, match="Check ipmi_address, ipmi_port") as caught:
        task.driver.power.get_power_state(task)
    assert not caught.value.final


def test_the_best_cipher_suite_that_the_bmc_has(simulator: Simulator) -> None:
    """ipmi_sim has no 17; after the first call the one that works comes first."""
    task = simulator.task(replace(AT_ONCE, cipher_suite_versions=(3, 17)))
    assert task.driver.power.get_power_state(task) == Power.OFF
    access = ipmitool.check(task)
    assert ipmitool._suites(task, access, ipmitool._bmcs.get(access)) == (3, 17)


def test_a_bmc_is_left_alone_between_two_commands(program: Path) -> None:
    """No command begins before the interval since the last one's end is over."""
    times = program.with_name("times")
    program.write_text(f"#!/bin/sh\ndate +%s.%N >>{times}; sleep 0.2; date +%s.%N >>{times}\n")
    task = ipmi_task(Ipmi(min_command_interval=1), ipmi_address="192.0.2.1")
    with ThreadPoolExecutor(2) as threads:
        for call in [threads.submit(ipmitool.call, task, "power", "status") for _ in range(2)]:
            call.result()
    _, first_end, second_start, _ = map(float, times.read_text().split())
    assert second_start - first_end >= 1


def test_another_bmc_is_not_waited_for(program: Path) -> None:
    """The first call ends only when the second one, to another BMC, has been made."""
    pipe = program.with_name("pipe")
    os.mkfifo(pipe)
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *192.0.2.1*) cat {pipe} ;; *) echo done >{pipe} ;; esac\n'
    )
    one, two = (ipmi_task(ipmi_address=f"192.0.2.{last}") for last in (1, 2))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ipmitool.call, one, "power", "status")
        ipmitool.call(two, "power", "status")
        assert first.result() == "done\n"


def test_a_command_that_hangs_is_ended(program: Path) -> None:
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    task = ipmi_task(Ipmi(command_retry_timeout=1), ipmi_address="192.0.2.1")
    began = time.monotonic()
    with pytest.raises(BMCUnreachable, match=r"\[ipmi\]command_retry_timeout"):
        ipmitool.call(task, "power", "status")
    assert time.monotonic() - began < 300


def test_errors_that_an_operator_knows_to_pass(program: Path) -> None:
    program.write_text("#!/bin/sh\necho 'Node busy' >&2; exit 1\n")
    task = ipmi_task(ipmi_address="192.0.2.1")
    with pytest.raises(BMCError, match="failed at 'power status': Node busy"):
        ipmitool.call(task, "power", "status")
    options = replace(AT_ONCE, additional_retryable_ipmi_errors=("Node busy",))
    task = ipmi_task(options, ipmi_address="192.0.2.1")
    with pytest.raises(BMCUnreachable, match="Node busy"):
        ipmitool.call(task, "power", "status")


def test_a_user_that_may_not(program: Path) -> None:
    program.write_text("#!/bin/sh\necho 'Set failed: Insufficient privilege level' >&2; exit 1\n")
    task = ipmi_task(ipmi_address="192.0.2.1")
    with pytest.raises(BMCRefused, match="check ipmi_priv_level, and what the user may do"):
        task.driver.power.set_power_state(task, Power.ON)


def test_what_is_so_already_is_no_error(program: Path) -> None:
    program.write_text(
        "#!/bin/sh\necho 'Set Chassis Power Control to Down/Off failed: Command not supported in "
        "present state' >&2; exit 1\n"
    )
    task = ipmi_task(ipmi_address="192.0.2.1")
    task.driver.power.set_power_state(task, Power.OFF)


def test_a_host_without_ipmitool(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ipmi_task(ipmi_address="192.0.2.1")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InvalidDriverInfo, match="apt-get install ipmitool"):
        task.driver.power.validate(task)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"ipmi_port": "telnet"}, "ipmi_port is not a number from 1 to 65535"),
        ({"ipmi_port": 0}, "ipmi_port is not a number from 1 to 65535"),
        ({"ipmi_cipher_suite": "18"}, "ipmi_cipher_suite is not a number from 0 to 17"),
        ({"ipmi_priv_level": "KING"}, "ipmi_priv_level is none of ADMINISTRATOR"),
        ({"ipmi_protocol_version": "3"}, "ipmi_protocol_version is none of 2.0, 1.5"),
        ({"ipmi_protocol_version": "1.5", "ipmi_cipher_suite": 3}, "of IPMI 2.0 only"),
        ({"ipmi_username": "-v"}, "ipmi_username begins with '-'"),
        ({"ipmi_address": "a\nb"}, "ipmi_address holds a control character"),
        ({"ipmi_password": ["x"]}, "ipmi_password is not a string"),
        ({"ipmi_hex_kg_key": "abc"}, "ipmi_hex_kg_key is not 40 hexadecimal digits"),
        ({"ipmi_hex_kg_key": "00" * 20}, "has a zero byte"),
        ({"ipmi_bridging": "triple"}, "ipmi_bridging is none of no, single, dual"),
        ({"ipmi_bridging": "single"}, "ipmi_target_channel is missing, ipmi_bridging is single"),
        ({"ipmi_disable_boot_timeout": "perhaps"}, "is neither True nor False"),
    ],
)
def test_wrong_driver_info(wrong: dict[str, Any], text: str) -> None:
    task = ipmi_task(**{"ipmi_address": "192.0.2.1", **wrong})
    with pytest.raises(InvalidDriverInfo, match=text):
        task.driver.power.validate(task)


def test_all_that_is_wrong_is_named_at_once() -> None:
    task = ipmi_task(ipmi_address="192.0.2.1", ipmi_port="x", ipmi_cipher_suite="x")
    with pytest.raises(InvalidDriverInfo, match=r"ipmi_cipher_suite .*; ipmi_port "):
        task.driver.management.validate(task)


def test_an_address_is_needed() -> None:
    with pytest.raises(InvalidDriverInfo, match="ipmi_address"):
        ipmitool.check(ipmi_task())
