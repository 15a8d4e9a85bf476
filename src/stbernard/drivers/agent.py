"""The rescue interface `agent`: an agent in the ramdisk opens the login, ssh proves it."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from stbernard.drivers import host_key, ssh_look
from stbernard.drivers.agent_client import NotListening, call, host
from stbernard.drivers.base import Answer, Seen, Task
from stbernard.errors import AgentError, AgentUnreachable
from stbernard.nodes import Login
from stbernard.settings import Settings


class AgentRescue:
    """`ssh_port` is where the rescued server's sshd listens."""

    needs_ramdisk = True

    def __init__(self, settings: Settings, ssh_port: int = host_key.PORT) -> None:
        self._ssh_port = ssh_port

    def properties(self) -> Mapping[str, str]:
        return {}

    def validate(self, task: Task) -> None:
        """What a rescue needs of the node is what its ramdisk needs."""
        task.driver.boot.validate(task)

    def meet(self, task: Task) -> Login:
        """St. Bernard's agent says where it is and which host key it has; the real
        ironic-python-agent does not, and is at least at the address it called from."""
        status = call(task, "GET", "/v1/status")
        addresses = [host(task.node.agent.url or "")]
        reported = status.get("addresses")
        if isinstance(reported, list):
            addresses += [str(address) for address in reported]
        key = status.get("ssh_host_key")
        return Login(
            addresses=tuple(dict.fromkeys(addresses)),
            ssh_host_key=key if isinstance(key, str) else None,
        )

    def open_login(self, task: Task, password_hash: str) -> None:
        """Send rescue.finalize_rescue. An agent that listens no more has done it before: then its
        sshd, which it starts only after that, shows the key it reported."""
        command = {
            "name": "rescue.finalize_rescue",
            "params": {"rescue_password": password_hash, "hashed": True},
        }
        try:
            result = call(task, "POST", "/v1/commands/", command, wait="true")
        except NotListening:
            if not self._is_open(task):
                raise
            return
        _check_result(task, result)

    def prove_login(self, task: Task) -> tuple[Login, str]:
        login = task.node.login or Login()
        keys = host_key.seen(login.addresses, login.ssh_host_key, self._ssh_port)
        if not keys and not login.ssh_host_key and self._refuses(login):
            raise AgentUnreachable(
                f"The agent of node {task.node.uuid} has taken the password, but ssh is refused at "
                f"{', '.join(login.addresses)}: its image has not opened the login. Look at the "
                "server's console."
            )
        if not keys:
            return login, (
                f"ssh at {', '.join(login.addresses)} cannot be reached from this host: "
                "the agent's own check of the login stands."
            )
        address, key = next(iter(keys.items()))
        if not login.ssh_host_key:  # what is there now is what is looked for from now on
            here = [each for each in keys if host_key.same(keys[each], key)]
            seen = structs.replace(login, ssh_host_key=key, seen_at=tuple(here))
            return seen, f"ssh answers at {', '.join(here)}; the agent has reported no host key."
        known = login.ssh_host_key
        if here := [each for each in keys if host_key.same(keys[each], known)]:
            return structs.replace(login, seen_at=tuple(here)), (
                f"ssh at {here[0]} shows the host key the agent reported, "
                f"{host_key.fingerprint(known)}."
            )
        raise AgentError(
            f"ssh at {address} shows another host key ({host_key.fingerprint(key)}) than the agent "
            f"of node {task.node.uuid} reported: is another machine at its address?"
        )

    def look(self, logins: Sequence[Login]) -> Sequence[Mapping[str, Seen]]:
        return ssh_look.look(logins, self._ssh_port)

    def _refuses(self, login: Login) -> bool:
        """The image of the real ironic-python-agent opens the login after the agent's answer."""
        (seen,) = self.look([login])
        return any(each.answer == Answer.REFUSED for each in seen.values())

    def _is_open(self, task: Task) -> bool:
        login = task.node.login
        if not login or not login.ssh_host_key:
            return False
        keys = host_key.seen(login.addresses, login.ssh_host_key, self._ssh_port)
        return any(host_key.same(key, login.ssh_host_key) for key in keys.values())


def _check_result(task: Task, result: Mapping[str, object]) -> None:
    """Raise AgentError unless the command SUCCEEDED; says what the agent says, not what we sent."""
    who = f"The agent of node {task.node.uuid}"
    match result.get("command_status"):
        case "SUCCEEDED":
            return
        case "RUNNING":
            raise AgentUnreachable(f"{who} is still at work on rescue.finalize_rescue.")
    error = result.get("command_error")
    if "hashed" in str(error):
        raise AgentError(
            f"{who} is too old: it does not take the password as a hash, and this service knows "
            "nothing else. Build the ramdisk with a newer ironic-python-agent (6.0 or later)."
        )
    reason = error.get("details") or error.get("message") if isinstance(error, dict) else error
    raise AgentError(f"{who} could not open the login: {reason or 'it gave no reason'}")
