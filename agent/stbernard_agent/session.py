"""From the first address to the opened login: the part of the agent's life that has an API."""

import json
import random
import threading
import time
from collections.abc import Iterator

from stbernard_agent.api import MASKED, ApiError, BareMetalApi, Node
from stbernard_agent.certificate import Certificate
from stbernard_agent.console import Console
from stbernard_agent.network import Network
from stbernard_agent.rescue import USER, RescueLogin
from stbernard_agent.settings import Settings, write_file

LONGEST_PAUSE = 10.0  # seconds between tries
HEARTBEAT_AFTER = (0.3, 0.6)  # of the service's heartbeat_timeout: two may get lost
FALL_BACK_AFTER = 60.0  # seconds without an answer, until network data is not relied on any more
CLOCK_BEHIND = 60.0  # seconds that do no harm

random_source = random.SystemRandom()


class Session:
    """The agent as the service sees it, until the rescue login is open and the service knows."""

    def __init__(
        self, settings: Settings, console: Console, network: Network, login: RescueLogin
    ) -> None:
        self._settings = settings
        self._console = console
        self._network = network
        self._login = login
        self._api = BareMetalApi(settings)
        self._token_file = settings.run / "token"

    def serve_until_rescued(self) -> None:
        """Look up, heartbeat and serve commands; returns when nobody is served any more."""
        self._login.prepare()
        self._network.wait_for_address()
        node, token = self._look_up()
        set_clock(self._api.clock, self._console)
        certificate = Certificate(self._settings.run, self._api.own_address)

        # Read while openssl makes the certificate.
        from stbernard_agent.commands import Commands  # noqa: PLC0415
        from stbernard_agent.server import CommandServer  # noqa: PLC0415

        commands = Commands(token, self._login, self._network)
        self._login.host_key()  # the service may ask for it as soon as it has a heartbeat
        server = CommandServer(
            self._api.own_address, self._settings.port, certificate.context(), commands
        )
        self._heartbeat_until(commands.finished, node, token, certificate)
        server.stop()
        certificate.remove()
        self._token_file.unlink(missing_ok=True)
        self._console.say(f"rescue login open: ssh {USER}@{self._api.own_address}")

    def _look_up(self) -> tuple[Node, str]:
        """The node this server is, and its token."""
        pauses = growing_pauses()
        fall_back_at = time.monotonic() + FALL_BACK_AFTER
        while True:
            if time.monotonic() > fall_back_at:
                self._network.fall_back()
            try:
                node = self._api.lookup(self._network.macs())
            except ApiError as error:
                self._console.trouble(str(error))
            else:
                name = node.name or node.uuid
                if token := self._token(node):
                    self._console.say(f"looked up: node {name}")
                    identity = json.dumps({"uuid": node.uuid, "name": node.name})
                    write_file(self._settings.run / "node", identity, 0o644)
                    if node.tenant_network_data:
                        self._network.keep_for_later(node.tenant_network_data)
                    return node, token
                self._console.trouble(
                    f"the service gave the token of node {name} to another agent already;"
                    " rescue the node again if this is the right server"
                )
            self._network.wait_for_change(next(pauses))

    def _token(self, node: Node) -> str:
        """The token is shown once only, so it is kept for an agent that is started again."""
        if node.token not in {"", MASKED}:
            write_file(self._token_file, node.token, 0o600)
            return node.token
        return self._token_file.read_text() if self._token_file.exists() else self._settings.token

    def _heartbeat_until(
        self, finished: threading.Event, node: Node, token: str, certificate: Certificate
    ) -> None:
        pauses, accepted, pause = growing_pauses(), False, 0.0
        while not finished.wait(pause):
            try:
                self._api.heartbeat(node.uuid, token, certificate.pem)
            except ApiError as error:
                self._console.trouble(str(error))
                pause = next(pauses)
                continue
            if not accepted:
                self._console.say("heartbeat accepted")
            pauses, accepted = growing_pauses(), True
            pause = random_source.uniform(*HEARTBEAT_AFTER) * node.heartbeat_timeout


def growing_pauses() -> Iterator[float]:
    """Seconds to wait between tries: about 1, 2, 4, …, different for each of a thousand servers."""
    pause = 1.0
    while True:
        yield pause * random_source.uniform(0.5, 1)
        pause = min(2 * pause, LONGEST_PAUSE)


def set_clock(service_time: float | None, console: Console) -> None:
    """Take over the service's time: for it, the certificate must be valid already, and still.

    Clocks of broken servers are off by hours (a local time zone) or decades (a flat battery).
    """
    offset = time.time() - (service_time or time.time())
    if -CLOCK_BEHIND < offset <= 0:  # ahead by less than a second is not valid yet, too
        return
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.time() - offset)
    except OSError as error:
        console.trouble(f"the clock is {offset:+.0f} s off and cannot be set: {error}")
