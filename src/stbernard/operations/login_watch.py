"""The state never lies: is a server in `rescue` still in its ramdisk, and does its instance answer
after the unrescue?

Every node in `rescue` is looked at every ten seconds, by one line of its ssh. What is certain has
consequences: another system at an address where the rescue was seen, ssh refused there for longer
than the agent takes to start it again, or a BMC that says the power is off, or that the server was
started anew. What is not (silence: the network in between may be away) is said, in last_error too,
and leaves the state as it is. docs/decisions/0089 and 0114.
"""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from queue import SimpleQueue

import structlog
from msgspec import structs

from stbernard import clock
from stbernard.drivers.base import Answer, RescueInterface, Seen
from stbernard.errors import StBernardError
from stbernard.nodes import Login, Node, Power
from stbernard.operations.instance_back import InstanceBack
from stbernard.operations.left_rescue import left_rescue, ways_out
from stbernard.operations.machine import State
from stbernard.operations.rescue import RESCUE
from stbernard.operations.share import is_for
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.idle import NodeWithLogin, Stay, stay
from stbernard.store.journal import Event, entry

log = structlog.get_logger()

EVERY = 2  # seconds between two rounds
ROUNDS = 5  # in which each node in rescue has its turn once
SILENT_FOR = 10.0  # seconds after the first look in vain, and four in all, until silence is said
REFUSED_FOR = 90.0  # seconds; the agent looks after its sshd every minute
ASK_AGAIN = 15.0  # seconds until the BMC of a node whose ssh says nothing is asked again
ASK_LATER = 120.0  # … if it did not answer
LATER = 2.0  # seconds by which a start is another one; some BMCs reckon it from a running time
MOST_DOUBTS = 64  # nodes that wait for a thread to ask their BMC; others have their turn later
PAGE = 500  # nodes read from the database at once
SILENT = "ssh does not answer any more at "
"""How a last_error begins that ends with the silence."""


class LoginWatch:
    """`doubts`: nodes whose BMC is to be asked, each with what is known already."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._tasks = tasks
        self._settings = settings
        self._back = InstanceBack(store, settings)
        self._eyes: dict[tuple[str, str | None], RescueInterface] = {}
        self._missed: dict[Stay, float] = {}  # since when its ssh is not the rescue's
        self._refused: dict[Stay, float] = {}  # since when it is refused
        self._ask_at: dict[Stay, float] = {}
        self._said: dict[Stay, str] = {}  # by its BMC meanwhile
        self._round = 0
        self._stopping = threading.Event()
        self.doubts: SimpleQueue[tuple[NodeWithLogin, str] | None] = SimpleQueue()

    def start(self) -> None:
        """Begin to ask BMCs, in threads that do not keep the process from ending."""
        for _ in range(self._settings.conductor.sync_power_state_workers):
            threading.Thread(target=self._ask_bmcs, name="rescue watch", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        for _ in range(self._settings.conductor.sync_power_state_workers):
            self.doubts.put(None)

    def look(self) -> None:
        """One round: the nodes whose turn it is, and all whose instance is looked for."""
        self._round += 1
        by_eye: dict[tuple[str, str | None], list[NodeWithLogin]] = {}
        for node in self._due():
            by_eye.setdefault((node.driver, node.rescue_interface), []).append(node)
        for kind, nodes in by_eye.items():
            try:
                eye = self._eye(kind, nodes[0])
            except StBernardError as error:  # gone, or its interfaces are not enabled here
                log.debug("left out of the rescue watch", node=nodes[0].uuid, reason=str(error))
                continue
            for node, seen in zip(nodes, eye.look([each.login for each in nodes]), strict=True):
                self._judge(node, seen)

    def _judge(self, node: NodeWithLogin, seen: Mapping[str, Seen]) -> None:
        try:
            if node.provision_state == State.RESCUE:
                self._rescued(node, seen)
            else:
                self._back.judge(node, seen)
        except StBernardError as error:  # gone, or in an operation by now
            log.debug("left out of the rescue watch", node=node.uuid, reason=str(error))

    # A server in rescue.

    def _rescued(self, node: NodeWithLogin, seen: Mapping[str, Seen]) -> None:
        here = [address for address, each in seen.items() if each.answer == Answer.RESCUE]
        if here:
            self._is_there(node, here)
            return
        known = {address: seen[address] for address in node.login.seen_at if address in seen}
        for address, each in known.items():
            if each.answer == Answer.OTHER:
                why = f"another system answers ssh at {address} ({each.shown})."
                self._doubt(node, why)
                return
        refused = next((at for at, each in known.items() if each.answer == Answer.REFUSED), None)
        now = clock.now()
        since = self._refused.setdefault(stay(node), now) if refused else now
        if not refused:
            self._refused.pop(stay(node), None)
        why = ""
        if now - since >= REFUSED_FOR:
            why = f"ssh at {refused} has been refused for {REFUSED_FOR:.0f} s."
        self._say_silent(node, self._missed.setdefault(stay(node), now))
        self._doubt(node, why)

    def _is_there(self, node: NodeWithLogin, here: list[str]) -> None:
        self._forget(stay(node))
        login = node.login
        if login.silent_since is None and set(here) <= set(login.seen_at):
            return
        seen_at = tuple(dict.fromkeys((*login.seen_at, *here)))
        now = structs.replace(login, seen_at=seen_at, silent_since=None)
        if known := self._store.idle.again(node):
            was_silence = (known.last_error or "").startswith(SILENT)
            error = None if was_silence else known.last_error
            self._note(known, now, f"ssh answers at {', '.join(here)}.", error)

    def _say_silent(self, seen: NodeWithLogin, since: float) -> None:
        login = seen.login
        if login.silent_since or not login.seen_at or clock.now() - since < SILENT_FOR:
            return
        node = self._store.idle.again(seen)
        if not node:
            return
        bmc = self._said.get(stay(seen), "its BMC has not said anything so far")
        text = (
            f"{SILENT}{', '.join(login.seen_at)}; {bmc}. The server was reset and boots, its "
            "address is another one now, or the network between is away: look at its console. If "
            f"it has left the rescue: {ways_out(node)}"
        )
        self._note(node, structs.replace(login, silent_since=since), text, text)

    def _doubt(self, node: NodeWithLogin, why: str) -> None:
        """Have its BMC asked soon; at once if it has left for certain."""
        now = clock.now()
        soon = why or now >= self._ask_at.get(stay(node), 0)
        if soon and self.doubts.qsize() < MOST_DOUBTS:
            self._ask_at[stay(node)] = now + ASK_AGAIN
            self.doubts.put((node, why))

    def _ask_bmcs(self) -> None:
        while (doubt := self.doubts.get()) and not self._stopping.is_set():
            try:
                self.ask(*doubt)
            except StBernardError as error:
                log.debug("left out of the rescue watch", node=doubt[0].uuid, reason=str(error))
            except Exception:
                log.exception("the rescue watch of a node is wrong", node=doubt[0].uuid)

    def ask(self, seen: NodeWithLogin, why: str) -> None:
        """What the BMC says of a server whose ssh is not there; `why` it has left, if it has."""
        node = self._store.idle.again(seen)
        if not node or not node.login:
            return
        power: str | None = node.power_state
        started = None
        try:
            task = self._tasks.of(node)
            power = task.driver.power.get_power_state(task)
            started = task.driver.management.last_start(task)
            self._said[stay(seen)] = f"its BMC says '{power}'"
        except StBernardError:
            self._said[stay(seen)] = "its BMC does not answer either"
            if stay(seen) in self._ask_at:
                self._ask_at[stay(seen)] = clock.now() + ASK_LATER
        if power == Power.OFF:
            why = "it is switched off."
        elif started and node.login.started_at and started > node.login.started_at + LATER:
            why = why or f"its BMC says that it was started anew ({_utc(started)} by its clock)."
        if why and stay(seen) in self._ask_at:  # else it has answered while its BMC was asked
            left_rescue(self._store, self._settings, node, why, power)

    def _note(self, node: Node, login: Login, text: str, last_error: str | None) -> None:
        """In the timeline of its rescue."""
        lines = self._store.journal.last_rescue(node.uuid)
        run = lines[-1].operation_id if lines else None
        line = entry(
            node,
            Event.SEEN,
            operation=RESCUE.name,
            operation_id=run,
            detail=text,
            worker=self._settings.default.host,
        )
        if self._store.idle.note(node, {"login": login, "last_error": last_error}, line):
            log.info(text, node=node.uuid)

    # Which nodes, and who looks at them.

    def _due(self) -> Iterator[NodeWithLogin]:
        workers = self._store.conductors.list()
        last = 0
        there: set[Stay] = set()
        while not self._stopping.is_set():
            page = self._store.idle.with_login(last, PAGE, (State.RESCUE, State.ACTIVE))
            for node in page:
                if is_for(self._settings.default.host, node, workers):
                    there.add(stay(node))
                    turn = node.id % ROUNDS == self._round % ROUNDS
                    if turn or self._is_pressing(node):
                        yield node
            if len(page) < PAGE:
                self._forget_all_but(there)
                return
            last = page[-1].id

    def _is_pressing(self, node: NodeWithLogin) -> bool:
        """It is looked for, or has just fallen silent: it has its turn in each round."""
        if node.provision_state != State.RESCUE:
            return True
        login = node.login
        return bool(stay(node) in self._missed and login.seen_at and not login.silent_since)

    def _forget_all_but(self, there: set[Stay]) -> None:
        for gone in (self._missed.keys() | self._ask_at.keys() | self._said.keys()) - there:
            self._forget(gone)
        self._back.forget_all_but(there)

    def _forget(self, gone: Stay) -> None:
        for known in (self._missed, self._refused, self._ask_at, self._said):
            known.pop(gone, None)

    def _eye(self, kind: tuple[str, str | None], node: NodeWithLogin) -> RescueInterface:
        if kind not in self._eyes:
            task = self._tasks.of(self._store.nodes.get(node.uuid), ())
            self._eyes[kind] = task.driver.rescue
        return self._eyes[kind]


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
