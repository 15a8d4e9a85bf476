"""`stbernard why`: what a node is doing, since when, and why it waits, in words."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from rich.console import Console
from rich.table import Table
from typer import Argument, Option

from stbernard.cli.options import ConfigFiles, errors_as_lines, read_settings
from stbernard.errors import NotFound, StBernardError, Unavailable

ANSWER_WITHIN = 60  # seconds; a BMC may take its time

_ON_THE_WAY = {
    "the node was looked up again before its agent called": "Its agent may have missed its token: "
    "if it does not call within half a minute, the server is booted again, once.",
    "agent looked its node up": "The agent knows its node and is to call every few seconds. If it "
    "does not, look for 'heartbeat refused' in the service's log.",
    "ramdisk fetched": "The ramdisk has been loaded and starts. If this takes more than a minute "
    "or two, look at the console: does it find its network card, does it get an address by DHCP, "
    "can it reach the service?",
    "kernel fetched": "The ramdisk is being loaded. If it does not arrive, look at the console: "
    "the server may have too little memory.",
    "boot script fetched": "The server loads the kernel next. If it does not, look at the console: "
    "can it reach [deploy]http_url?",
    "DHCP request seen": "The server has asked for an address. If it fetches nothing, look at the "
    "console: does its firmware load what DHCP names?",
}
"""What a server shows of its boot, the latest first, and what that means."""
_NOTHING_YET = (
    "The server has fetched nothing yet: it is in its self-test, gets no address by DHCP, or does "
    "not boot from the network. Look at its console, at the DHCP server's log, at its boot order, "
    "and whether its ports have the right MAC addresses: openstack baremetal port list --node {}"
)
_FROM_MEDIUM = (
    "The server boots from the medium in its virtual CD drive, which may take minutes. If no agent "
    "calls, look at its console: does it boot from the drive, does the ramdisk get an address?"
)

_SILENT = "But ssh has not answered there for {}."  # the last error says what that may be


def why(
    node: Annotated[str, Argument(help="Name or UUID.")],
    *,
    url: Annotated[
        str | None,
        Option(envvar="OS_ENDPOINT", help="The API; without it, as the configuration says."),
    ] = None,
    bmc: Annotated[
        bool, Option("--bmc", help="Ask the BMC for the boot device in any case.")
    ] = False,
    config_file: ConfigFiles = None,
) -> None:
    """Say what a node is doing, since when, and why it waits."""
    console = Console(highlight=False, soft_wrap=True)
    with errors_as_lines():
        service = _Service(url or read_settings(config_file).endpoint)
        shown = service.get(f"nodes/{node}")
        rescue = service.rescue(node)
        ask = bmc or (rescue and _waits_for_agent(rescue) and not _since_power_on(rescue)[1])
        device = service.boot_device(node) if ask else None
        for sentence in sentences(shown, rescue, device):
            console.print(sentence, markup=False)
        if rescue:
            console.print(_timeline(rescue))


def sentences(
    node: dict[str, Any], rescue: dict[str, Any] | None, device: dict[str, Any] | None
) -> Iterator[str]:
    """What there is to say, the most important thing first."""
    name = node["name"] or node["uuid"]
    since = ""
    if rescue and node["provision_updated_at"]:
        since = f" for {_age(node['provision_updated_at'], rescue['now'])}"
    yield f"{name} is in the state '{node['provision_state']}'{since}."
    if node["maintenance"]:
        fault = f" (fault: {node['fault']})" if node["fault"] else ""
        yield f"It is in maintenance{fault}: {node['maintenance_reason'] or 'no reason given'}"
    if rescue and rescue["step"]:
        yield from _going_on(node, rescue, device)
    elif rescue and rescue["login"]:
        yield f"Log in: {_ssh(rescue['login'])}"
        if silent := rescue["login"]["silent_since"]:
            yield _SILENT.format(_age(silent, rescue["now"]))
    elif rescue and rescue["instance"]:
        yield _instance(rescue)
    elif node["reservation"]:
        yield f"An operation goes on; {node['reservation']} works on it."
    if node["last_error"]:
        yield f"Last error: {node['last_error']}"
    known = f"Power: {node['power_state'] or 'not known'}"
    yield known + (f". Boot device: {_device(device)}." if device else ".")


def _going_on(
    node: dict[str, Any], rescue: dict[str, Any], device: dict[str, Any] | None
) -> Iterator[str]:
    now = rescue["now"]
    doing = f"step {rescue['step']} for {_age(rescue['step_started_at'], now)}"
    left = rescue["seconds_left"]
    until = "without a limit" if left is None else f"{_words(left)} left"
    if rescue["undoing"]:
        yield f"The {rescue['operation']} failed and is being undone ({doing}, {until})."
        yield f"It failed because: {rescue['last_error']}"
    else:
        yield f"The {rescue['operation']} goes on: {doing}, {until}."
    if rescue["waits"]:
        yield f"It waits: {rescue['waits']}"
    if _waits_for_agent(rescue):
        yield from _boot(node, rescue, device)


def _waits_for_agent(rescue: dict[str, Any]) -> bool:
    return rescue["step"] == "wait_for_agent" and not rescue["undoing"]


def _boot(
    node: dict[str, Any], rescue: dict[str, Any], device: dict[str, Any] | None
) -> Iterator[str]:
    """How far the server has come since it was switched on, and what it boots from next."""
    on, seen = _since_power_on(rescue)
    facts = [(on["at"], "power on")] if on else []
    facts += [(line["at"], line["detail"]) for line in seen]
    told = "; ".join(f"{what} {_age(at, rescue['now'])} ago" for at, what in facts)
    if not seen:
        told += ", no DHCP request seen" if rescue["dhcp_is_seen"] else ", nothing fetched yet"
    yield told + (f", boot device is {_device(device)}." if device else ".")
    known = {line["detail"] for line in seen}
    meaning = next((text for what, text in _ON_THE_WAY.items() if what in known), None)
    boots_by = node["boot_interface"] or ""
    if "virtual-media" in boots_by:
        meaning = meaning or _FROM_MEDIUM
    if meaning or "pxe" in boots_by:
        yield meaning or _NOTHING_YET.format(node["uuid"])


def _since_power_on(rescue: dict[str, Any]) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The last power on, and what was seen of the server since."""
    lines = rescue["timeline"]
    on = [
        i for i, line in enumerate(lines) if (line["step"], line["event"]) == ("power_on", "done")
    ]
    seen = [line for line in lines[on[-1] if on else 0 :] if line["event"] == "seen"]
    return lines[on[-1]] if on else None, seen


def _instance(rescue: dict[str, Any]) -> str:
    """What is known of it after the unrescue."""
    instance = rescue["instance"]
    if instance["answers"] is None:
        on, _ = _since_power_on(rescue)
        since = f" since power on {_age(on['at'], rescue['now'])} ago" if on else ""
        where = ", ".join(instance["looked_for_at"])
        return f"The instance has not answered at {where}{since}; it is looked for."
    after = f" {_words(instance['seconds'])} after power on" if instance["seconds"] else ""
    return f"{instance['detail']} That was{after} {_age(instance['at'], rescue['now'])} ago."


def _timeline(rescue: dict[str, Any]) -> Table:
    table = Table("after", "what", "took", "", "worker", box=None)
    start = rescue["started_at"]
    for line in rescue["timeline"]:
        what = " ".join(word for word in (line["step"] or line["operation"], line["event"]) if word)
        took = "" if line["seconds"] is None else _words(line["seconds"])
        table.add_row(_age(start, line["at"]), what, took, line["detail"], line["worker"])
    return table


def _ssh(login: dict[str, Any]) -> str:
    ways = " or ".join(f"ssh {login['user']}@{address}" for address in login["addresses"])
    key = f" (host key {login['ssh_host_key']})" if login["ssh_host_key"] else ""
    return f"{ways or 'its address is not known'}{key}"


def _device(device: dict[str, Any]) -> str:
    how = {True: " (always)", False: " (once)"}.get(device["persistent"], "")
    return f"{device['boot_device'] or 'as the firmware orders'}{how}"


def _age(then: str, now: str) -> str:
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(then)
    return _words(max(passed.total_seconds(), 0))


def _words(seconds: float) -> str:
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


class _Service:
    """The API at this address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")

    def get(self, path: str) -> dict[str, Any]:
        """Raises Unavailable, NotFound, StBernardError with what the service said."""
        import requests  # noqa: PLC0415 (other commands start faster without it)

        version = {"X-OpenStack-Ironic-API-Version": "latest"}
        try:
            answer = requests.get(f"{self._url}/v1/{path}", headers=version, timeout=ANSWER_WITHIN)
        except requests.RequestException as error:
            raise Unavailable(
                f"The service at {self._url} does not answer: {_reason(error)}. Name another one "
                "with --url or OS_ENDPOINT."
            ) from error
        if answer.ok:
            shown: dict[str, Any] = answer.json()
            return shown
        kind = NotFound if answer.status_code == requests.codes.not_found else StBernardError
        raise kind(_fault(answer.text))

    def boot_device(self, node: str) -> dict[str, Any] | None:
        """What its BMC says; None if it does not."""
        try:
            return self.get(f"nodes/{node}/management/boot_device")
        except StBernardError:
            return None

    def rescue(self, node: str) -> dict[str, Any] | None:
        """The node's last rescue, None if there was none."""
        try:
            return self.get(f"nodes/{node}/rescue")
        except NotFound:
            return None


def _fault(text: str) -> str:
    """The words in an error of the contract's shape, or the text as it is."""
    try:
        return str(json.loads(json.loads(text)["error_message"])["faultstring"])
    except (ValueError, KeyError, TypeError):
        return text[:500] or "the answer is empty"


def _reason(error: Exception) -> str:
    return "connection refused" if "refused" in str(error) else type(error).__name__
