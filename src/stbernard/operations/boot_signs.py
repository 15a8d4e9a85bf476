"""What shows how far a server has come on its way into the ramdisk.

The API and the service's own DHCP server note these in the journal, as they see them; what was seen
last says what to look at when no agent calls.
"""

from collections.abc import Collection

from stbernard.drivers.base import Task

DHCP_REQUEST = "DHCP request seen"
SCRIPT = "boot script fetched"
KERNEL = "kernel fetched"
RAMDISK = "ramdisk fetched"
MEDIUM = "rescue medium fetched"
LOOKED_UP = "agent looked its node up"
LOOKED_UP_AGAIN = "the node was looked up again before its agent called"
WITHOUT_TLS = "an agent without TLS was refused"

_THEN = {
    WITHOUT_TLS: "Its agent calls back by http:// only, and [agent]require_tls is on. Build the "
    "ramdisk with a newer ironic-python-agent (6.2 or later, which makes its own certificate) or "
    "with St. Bernard's own, or set require_tls = False.",
    LOOKED_UP_AGAIN: "Its agent has looked the node up more than once, and not called with its "
    "token: does another machine in its network ask for the node, too?",
    LOOKED_UP: "Its agent has looked the node up, and was not heard of again: look for 'heartbeat "
    "refused' in the service's log.",
    MEDIUM: "Its BMC has read the rescue medium, and no agent looked its node up: does the server "
    "boot from the medium?",
    RAMDISK: "It has fetched the ramdisk, and no agent looked its node up.",
    KERNEL: "It has fetched the kernel, but not the whole ramdisk: has it memory enough?",
    SCRIPT: "It has fetched its boot script, but no kernel: can it reach [deploy]http_url?",
    DHCP_REQUEST: "It has asked for an address by DHCP, but fetched no boot script: does its "
    "firmware load what DHCP names?",
}
"""The latest first."""


def seen_by(task: Task) -> Collection[str]:
    """What was seen of the server since the present step began."""
    begun = task.node.started_at or 0
    return {sign.what for sign in task.signs() if sign.at >= begun}


def how_far(task: Task, seen: Collection[str]) -> str:
    """A sentence, or nothing where nothing could be seen."""
    for sign, then in _THEN.items():
        if sign in seen:
            return f" {then}"
    boots_by = task.node.boot_interface or ""
    if "virtual-media" in boots_by:
        if any(sign.what == MEDIUM for sign in task.signs()):  # some read all of it at once
            return f" {_THEN[MEDIUM]}"
        return " Its BMC has not read the rescue medium: can it reach [deploy]external_http_url?"
    if "pxe" not in boots_by:
        return ""
    if interface := task.settings.dnsmasq.interface:
        return (
            f" No DHCP request of it was seen on {interface}: does it boot from the network, and "
            "from the right card?"
        )
    return " It has fetched nothing."
