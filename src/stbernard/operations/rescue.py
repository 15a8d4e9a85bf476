"""The rescue: a server that no longer boots is put into the rescue ramdisk.

Whatever goes wrong on the way, the undos bring the server back to its instance, and the node is
`rescue failed` with a last_error that says what to do.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from msgspec import structs
from passlib.hash import sha256_crypt, sha512_crypt

from stbernard import clock
from stbernard.drivers.base import Task
from stbernard.errors import HardwareError, InvalidParameter
from stbernard.nodes import Agent, HowItWas, agent_with, new_agent_token, ports_for_boot
from stbernard.operations.boot_signs import LOOKED_UP_AGAIN, how_far, seen_by
from stbernard.operations.operation import (
    Accepted,
    Operation,
    Step,
    no_limit,
    with_any_driver,
    without_networks,
    without_ramdisk,
)
from stbernard.operations.outcome import Back, Next, Outcome, Wait
from stbernard.operations.steps import (
    boot_instance_next,
    forget_the_rescue,
    join_rescuing_network,
    join_tenant_networks,
    leave_rescuing_network,
    leave_tenant_networks,
    power_as_it_was,
    power_off,
    power_on,
)
from stbernard.settings import Settings

WITHOUT_TOKEN = 30.0  # seconds for an agent to call once somebody has looked its node up again

_HASHERS = {
    # crypt(3)'s own number of rounds: the ramdisk hashes the password again at each login
    "sha256": sha256_crypt.using(rounds=5000),
    "sha512": sha512_crypt.using(rounds=5000),
}


def callback_timeout(settings: Settings) -> int:
    return settings.conductor.rescue_callback_timeout


def agent_timeout(settings: Settings) -> int:
    return settings.agent.command_timeout


def check_rescue(task: Task, given: Mapping[str, Any]) -> Accepted:
    """Hash the password here and now: nothing after this line knows it."""
    if task.node.rescue_interface == "no-rescue":
        raise InvalidParameter(
            f"Node {task.node.uuid} has the rescue interface 'no-rescue', so it cannot be rescued. "
            "Set another one: openstack baremetal node set --rescue-interface agent NODE"
        )
    password = given.get("rescue_password")
    if not isinstance(password, str) or not password.strip():
        raise InvalidParameter(
            'A non-empty "rescue_password" is required when setting target provision state '
            "to rescue"
        )
    hasher = _HASHERS[task.settings.conductor.rescue_password_hash_algorithm]
    return Accepted({"password_hash": hasher.hash(password)})


def check_everything(task: Task) -> Outcome:
    """Images, network, BMC: before the server is touched."""
    driver = task.driver
    for interface in (driver.power, driver.management, driver.boot, driver.network, driver.rescue):
        interface.validate(task)
    state = driver.power.get_power_state(task)
    if driver.rescue.needs_ramdisk:
        driver.boot.check_ramdisk(task)
    return Next(power_state=state)


def remember_how_it_was(task: Task) -> Outcome:
    """Power, boot device and mode, medium; a second rescue keeps what the first one remembered."""
    if task.node.before_rescue:
        return Next()
    boot_device = task.driver.management.get_boot_device(task)
    return Next(
        before_rescue=HowItWas(
            power_state=task.driver.power.get_power_state(task),
            boot_device=boot_device.device,
            persistent=boot_device.persistent,
            boot_mode=task.driver.management.get_boot_mode(task),
            medium=task.driver.boot.medium(task),
        )
    )


def boot_ramdisk_next(task: Task) -> Outcome:
    if not task.driver.rescue.needs_ramdisk:
        return Next()
    params, agent = {"ipa-api-url": task.settings.callback_url}, Agent()
    if task.driver.boot.carries_token(task):
        token = new_agent_token()
        agent = agent_with(token)
        params["ipa-agent-token"] = token
    device = task.driver.boot.prepare_ramdisk(task, params)
    task.driver.management.set_boot_device(task, device)
    return Next(agent=agent, login=None)  # nothing of an earlier ramdisk may count


def wait_for_agent(task: Task) -> Outcome:
    if task.node.agent.last_heartbeat or not task.driver.rescue.needs_ramdisk:
        return Next()
    if not task.node.attempt:  # it has just been switched on
        return _wait_for_agent(task, ())
    lost = [sign for sign in task.signs() if sign.what == LOOKED_UP_AGAIN]
    seen = seen_by(task)
    if LOOKED_UP_AGAIN not in seen or len(lost) > 1:  # once: who asks may be a stranger
        return _wait_for_agent(task, seen)
    left = lost[0].at + WITHOUT_TOKEN - clock.now()
    if left > 0:
        return replace(_wait_for_agent(task, seen), look_again=left)
    return Back(power_off.__name__, "its agent has not got its token")


def _wait_for_agent(task: Task, seen: Collection[str]) -> Wait:
    seconds = task.settings.conductor.rescue_callback_timeout
    if too_old := task.node.agent.version:
        return Wait(
            "the agent's heartbeat",
            otherwise=f"An agent (version {too_old}) called back without an agent token, so it was "
            f"refused, and no other did within {seconds} s. Build the ramdisk with a newer "
            "ironic-python-agent (6.1 or later) or with St. Bernard's own.",
        )
    return Wait(
        "the agent's heartbeat",
        otherwise=f"No agent called back within {seconds} s of the request "
        f"([conductor]rescue_callback_timeout).{how_far(task, seen)} Look at the server's console: "
        "did it get an address by DHCP, did it load the boot script and the ramdisk, can it reach "
        f"{task.settings.callback_url}? `stbernard why {task.node.uuid}` shows what it has fetched."
        + _cards(task),
    )


def _cards(task: Task) -> str:
    """For a wrong MAC address, which nobody but a person can tell from a dead network."""
    macs = ", ".join(port.address for port in ports_for_boot(task.ports))
    return f" From the network it is known by {macs}: are these its cards?" if macs else ""


def meet_agent(task: Task) -> Outcome:
    """Addresses and ssh host key, before the agent stops serving."""
    return Next(login=task.driver.rescue.meet(task))


def open_login(task: Task) -> Outcome:
    task.driver.rescue.open_login(task, task.node.arguments["password_hash"])
    return Next()


def prove_login(task: Task) -> Outcome:
    """See the server's ssh; from now on the agent, its token and its address are nobody's."""
    login, seen = task.driver.rescue.prove_login(task)
    login = structs.replace(login, started_at=_last_start(task))
    known = task.node.agent
    nobody = Agent(version=known.version, last_heartbeat=known.last_heartbeat)
    return Next(seen, login=login, agent=nobody)


def _last_start(task: Task) -> float | None:
    """By which a later one is known (`login_watch.py`). A BMC that does not answer now must not
    spoil a rescue that has worked."""
    try:
        return task.driver.management.last_start(task)
    except HardwareError:
        return None


RESCUE = Operation(
    name="rescue",
    fault="rescue abort failure",
    check=check_rescue,
    within=callback_timeout,
    steps=(  # without a limit of their own they have the rescue's
        Step(check_everything, within=no_limit),
        Step(remember_how_it_was, undo=forget_the_rescue),
        Step(power_off, undo=power_as_it_was),
        Step(leave_tenant_networks, undo=join_tenant_networks, at_once=without_networks),
        Step(join_rescuing_network, undo=leave_rescuing_network, at_once=without_networks),
        Step(boot_ramdisk_next, undo=boot_instance_next, at_once=without_ramdisk),
        Step(power_on, undo=power_off),
        Step(wait_for_agent, within=no_limit, at_once=with_any_driver),
        Step(meet_agent, within=agent_timeout, at_once=without_ramdisk),
        Step(open_login, within=agent_timeout),
        Step(leave_rescuing_network, at_once=without_networks),
        Step(join_tenant_networks, at_once=without_networks),
        Step(boot_instance_next),  # a reset from here on boots the instance, not the ramdisk
        Step(prove_login, within=agent_timeout, at_once=without_ramdisk),
    ),
)
