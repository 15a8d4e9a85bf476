"""The rescue: a server that no longer boots is put into the rescue ramdisk.

Whatever goes wrong on the way, the undos bring the server back to its instance, and the node is
`rescue failed` with a last_error that says what to do.
"""

from collections.abc import Mapping
from typing import Any

from passlib.hash import sha256_crypt, sha512_crypt

from stbernard.drivers.base import Task
from stbernard.errors import InvalidParameter
from stbernard.nodes import Agent, HowItWas
from stbernard.operations.operation import Accepted, Operation, Step, no_limit
from stbernard.operations.outcome import Next, Outcome, Wait
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
    """Power, boot device and boot mode; a second rescue keeps what the first one remembered."""
    if task.node.before_rescue:
        return Next()
    boot_device = task.driver.management.get_boot_device(task)
    return Next(
        before_rescue=HowItWas(
            power_state=task.driver.power.get_power_state(task),
            boot_device=boot_device.device,
            persistent=boot_device.persistent,
            boot_mode=task.driver.management.get_boot_mode(task),
        )
    )


def boot_ramdisk_next(task: Task) -> Outcome:
    if not task.driver.rescue.needs_ramdisk:
        return Next()
    params = {"ipa-api-url": task.settings.callback_url}
    device = task.driver.boot.prepare_ramdisk(task, params)
    task.driver.management.set_boot_device(task, device)
    return Next(agent=Agent(), login=None)  # nothing of an earlier ramdisk may count


def wait_for_agent(task: Task) -> Outcome:
    if task.node.agent.last_heartbeat or not task.driver.rescue.needs_ramdisk:
        return Next()
    seconds = task.settings.conductor.rescue_callback_timeout
    return Wait(
        "the agent's heartbeat",
        otherwise=f"No agent called back within {seconds} s of the request "
        "([conductor]rescue_callback_timeout). Look at the server's console: did it get an address "
        "by DHCP, did it load the boot script and the ramdisk, can it reach "
        f"{task.settings.callback_url}?",
    )


def meet_agent(task: Task) -> Outcome:
    """Addresses and ssh host key, before the agent stops serving."""
    return Next(login=task.driver.rescue.meet(task))


def open_login(task: Task) -> Outcome:
    task.driver.rescue.open_login(task, task.node.arguments["password_hash"])
    return Next()


def prove_login(task: Task) -> Outcome:
    """See the server's ssh; from now on the agent, its token and its address are nobody's."""
    seen = task.driver.rescue.prove_login(task)
    known = task.node.agent
    return Next(seen, agent=Agent(version=known.version, last_heartbeat=known.last_heartbeat))


RESCUE = Operation(
    name="rescue",
    fault="rescue abort failure",
    check=check_rescue,
    within=callback_timeout,
    steps=(  # without a limit of their own they have the rescue's
        Step(check_everything, within=no_limit),
        Step(remember_how_it_was, undo=forget_the_rescue),
        Step(power_off, undo=power_as_it_was),
        Step(leave_tenant_networks, undo=join_tenant_networks),
        Step(join_rescuing_network, undo=leave_rescuing_network),
        Step(boot_ramdisk_next, undo=boot_instance_next),
        Step(power_on, undo=power_off),
        Step(wait_for_agent, within=no_limit),
        Step(meet_agent, within=agent_timeout),
        Step(open_login, within=agent_timeout),
        Step(leave_rescuing_network),
        Step(join_tenant_networks),
        Step(boot_instance_next),  # a reset from here on boots the instance, not the ramdisk
        Step(prove_login, within=agent_timeout),
    ),
)
