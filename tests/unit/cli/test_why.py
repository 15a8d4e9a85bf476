"""`stbernard why` in words: of a node that waits, fails, is rescued, is left alone."""

from typing import Any

import pytest

from stbernard.cli.why import sentences

NODE: dict[str, Any] = {
    "uuid": "3f3a9c0e-0000-4000-8000-000000000001",
    "name": "rack1-u7",
    "provision_state": "rescue wait",
    "provision_updated_at": "2030-01-01T10:00:20+00:00",
    "maintenance": False,
    "maintenance_reason": None,
    "fault": None,
    "reservation": None,
    "last_error": None,
    "power_state": "power on",
    "boot_interface": "ipxe",
}


def line(seconds: int, event: str, step: str | None = None, detail: str | None = None) -> Any:
    at = f"2030-01-01T10:00:{seconds:02}+00:00"
    return {"at": at, "step": step, "event": event, "detail": detail}


RESCUE: dict[str, Any] = {
    "now": "2030-01-01T10:01:01+00:00",
    "operation": "rescue",
    "step": "wait_for_agent",
    "step_started_at": "2030-01-01T10:00:20+00:00",
    "undoing": False,
    "waits": "for the agent's heartbeat",
    "seconds_left": 1739.0,
    "last_error": None,
    "login": None,
    "instance": None,
    "dhcp_is_seen": False,
    "timeline": [
        line(0, "accepted"),
        line(5, "seen", "power_off", "boot script fetched"),
        line(20, "done", "power_on"),
    ],
}


def said(node: Any = None, rescue: Any = None, device: Any = None) -> str:
    return "\n".join(sentences(NODE | (node or {}), rescue, device))


def test_a_server_that_fetched_nothing() -> None:
    text = said(rescue=RESCUE)
    assert "rack1-u7 is in the state 'rescue wait' for 41 s." in text
    assert "step wait_for_agent for 41 s, 28 min 59 s left" in text
    assert "It waits: for the agent's heartbeat" in text
    assert "power on 41 s ago, nothing fetched yet." in text  # and no word of the boot before
    assert "gets no address by DHCP" in text


def test_a_server_that_boots_its_disk() -> None:
    text = said(rescue=RESCUE, device={"boot_device": "disk", "persistent": True})
    assert "power on 41 s ago, nothing fetched yet, boot device is disk (always)." in text


def test_a_server_that_sent_no_dhcp_request() -> None:
    device = {"boot_device": "disk", "persistent": None}
    text = said(rescue=RESCUE | {"dhcp_is_seen": True}, device=device)
    assert "power on 41 s ago, no DHCP request seen, boot device is disk." in text


def test_a_server_that_boots_from_virtual_media() -> None:
    text = said({**NODE, "boot_interface": "redfish-virtual-media"}, RESCUE)
    assert "boots from the medium in its virtual CD drive" in text
    assert "DHCP server's log" not in text


@pytest.mark.parametrize(
    ("what", "advice"),
    [
        ("boot script fetched", "[deploy]http_url"),
        ("kernel fetched", "too little memory"),
        ("ramdisk fetched", "does it find its network card"),
        ("agent looked its node up", "heartbeat refused"),
    ],
)
def test_how_far_the_boot_has_come(what: str, advice: str) -> None:
    seen = [line(50, "seen", "wait_for_agent", what)]
    text = said(rescue=RESCUE | {"timeline": RESCUE["timeline"] + seen})
    assert f"power on 41 s ago; {what} 11 s ago." in text
    assert advice in text


def test_who_boots_otherwise_is_not_told_of_dhcp() -> None:
    assert "DHCP" not in said({"boot_interface": "redfish-virtual-media"}, RESCUE)


def test_an_operation_that_is_undone() -> None:
    undone = {"undoing": True, "step": "power_on", "waits": None, "last_error": "no agent called"}
    text = said(rescue=RESCUE | undone)
    assert "The rescue failed and is being undone (step power_on" in text
    assert "It failed because: no agent called" in text


def test_a_rescued_server() -> None:
    login = {
        "user": "rescue",
        "addresses": ["192.0.2.7"],
        "ssh_host_key": "ssh-ed25519 AAAA",
        "silent_since": None,
    }
    text = said({"provision_state": "rescue"}, RESCUE | {"step": None, "login": login})
    assert "Log in: ssh rescue@192.0.2.7 (host key ssh-ed25519 AAAA)" in text
    assert "has not answered" not in text
    silent = RESCUE | {
        "step": None,
        "login": login | {"silent_since": "2030-01-01T10:00:21+00:00"},
    }
    text = said({"provision_state": "rescue"}, silent)
    assert "But ssh has not answered there for 40 s." in text


@pytest.mark.parametrize(
    ("instance", "words"),
    [
        (
            {"answers": None, "looked_for_at": ["192.0.2.7"]},
            "has not answered at 192.0.2.7 since power on 41 s ago; it is looked for.",
        ),
        (
            {
                "answers": True,
                "detail": "The instance answers ssh at 192.0.2.7.",
                "seconds": 31.4,
                "at": "2030-01-01T10:00:51+00:00",
            },
            "The instance answers ssh at 192.0.2.7. That was 31 s after power on 10 s ago.",
        ),
    ],
)
def test_an_instance_that_is_looked_for(instance: Any, words: str) -> None:
    back = RESCUE | {"operation": "unrescue", "step": None, "instance": instance}
    assert words in said({"provision_state": "active"}, back)


def test_a_node_that_was_never_rescued_and_its_bmc() -> None:
    maintenance = {"maintenance": True, "maintenance_reason": "a new fan", "last_error": "it broke"}
    text = said(
        {"provision_state": "active", **maintenance},
        None,
        {"boot_device": "disk", "persistent": True},
    )
    assert text.splitlines() == [
        "rack1-u7 is in the state 'active'.",
        "It is in maintenance: a new fan",
        "Last error: it broke",
        "Power: power on. Boot device: disk (always).",
    ]
