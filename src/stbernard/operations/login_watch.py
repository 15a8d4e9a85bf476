"""The state never lies: is a server in `rescue` still in its ramdisk, and does its instance answer
after the unrescue?

Every node in `rescue` is looked at every ten seconds, by one line of its ssh. What is certain has
consequences: another system at an address where the rescue was seen, ssh refused there for longer
than the agent takes to start it again, or a BMC that says the power is off, or that the server was
started anew. What is not (silence: the network in between may be away) is said, in last_error too,
and leaves the state as it is. Nothing is certain by a single look. docs/decisions/0089, 0114, 0132.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue

import structlog
from msgspec import structs

from stbernard import clock
from stbernard.drivers.base import Answer, RescueInterface, Seen, Task
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
SURE = 2  # looks one after the other that saw no rescue: a single one may be mistaken
SILENT_FOR = 10.0  # seconds after the first look in vain, and four in all, until silence is said
REFUSED_FOR = 90.0  # seconds; the agent looks after its sshd every minute
ASK_AGAIN = 15.0  # seconds until the BMC of a node whose ssh says nothing is asked again
ASK_LATER = 120.0  # … if it did not answer
LATER = 2.0  # seconds by which a start is another one; some BMCs reckon it from a running time
MOST_DOUBTS = 64  # nodes that wait for a thread to ask their BMC; others have their turn later
PAGE = 500  # nodes read from the database at once
SILENT = "ssh does not answer any more at "
"""How a last_error begins that ends with the silence."""


@dataclass
class _Absence:
    """What is known since the ssh of a rescue is not there; the next look that sees it ends this.

    `looks` in vain, the last `others` of which saw another system; `bmc`: what it has said."""

    since: float
    looks: int = 0
    others: int = 0
    refused_since: float | None = None
    ask_at: float = 0
    bmc: str = "its BMC has not said anything so far"

    def look(self, known: Mapping[str, Seen], now: float) -> str:
        """One more in vain. Why the server has left, if ssh tells for certain."""
        answers = {each.answer: (address, each.shown) for address, each in known.items()}
        self.looks += 1
        self.others = self.others + 1 if Answer.OTHER in answers else 0
        if Answer.REFUSED not in answers:
            self.refused_since = None
        elif self.refused_since is None:
            self.refused_since = now
        if self.others >= SURE:
            address, shown = answers[Answer.OTHER]
            return f"another system answers ssh at {address} ({shown})."
        if self.refused_since is not None and now - self.refused_since >= REFUSED_FOR:
            address, _ = answers[Answer.REFUSED]
            return f"ssh at {address} has been refused for {REFUSED_FOR:.0f} s."
        return ""


class LoginWatch:
    """`doubts`: nodes whose BMC is to be asked, each with why it has left, if that is known."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._tasks = tasks
        self._settings = settings
        self._back = InstanceBack(store, settings)
        self._eyes: dict[tuple[str, str | None], RescueInterface] = {}
        self._absences: dict[Stay, _Absence] = {}
        self._round = 0
        self._stopping = threading.Event()
        self.doubts: SimpleQueue[tuple[NodeWithLogin, _Absence, str] | None] = SimpleQueue()

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
        now = clock.now()
        absence = self._absences.setdefault(stay(node), _Absence(now))
        known = {address: seen[address] for address in node.login.seen_at if address in seen}
        why = absence.look(known, now)
        if not absence.others:
            self._say_silent(node, absence)
        self._doubt(node, absence, why)

    def _is_there(self, node: NodeWithLogin, here: list[str]) -> None:
        self._absences.pop(stay(node), None)
        login = node.login
        if login.silent_since is None and set(here) <= set(login.seen_at):
            return
        seen_at = tuple(dict.fromkeys((*login.seen_at, *here)))
        now = structs.replace(login, seen_at=seen_at, silent_since=None)
        if known := self._store.idle.again(node):
            was_silence = (known.last_error or "").startswith(SILENT)
            error = None if was_silence else known.last_error
            self._note(known, now, f"ssh answers at {', '.join(here)}.", error)

    def _say_silent(self, seen: NodeWithLogin, absence: _Absence) -> None:
        login = seen.login
        if login.silent_since or not login.seen_at or clock.now() - absence.since < SILENT_FOR:
            return
        node = self._store.idle.again(seen)
        if not node:
            return
        text = (
            f"{SILENT}{', '.join(login.seen_at)}; {absence.bmc}. The server was reset and boots, "
            "its address is another one now, or the network between is away: look at its console. "
            f"If it has left the rescue: {ways_out(node)}"
        )
        self._note(node, structs.replace(login, silent_since=absence.since), text, text)

    def _doubt(self, node: NodeWithLogin, absence: _Absence, why: str) -> None:
        """Have its BMC asked soon; at once if it has left for certain."""
        now = clock.now()
        if (why or now >= absence.ask_at) and self.doubts.qsize() < MOST_DOUBTS:
            absence.ask_at = now + ASK_AGAIN
            self.doubts.put((node, absence, why))

    def _ask_bmcs(self) -> None:
        while (doubt := self.doubts.get()) and not self._stopping.is_set():
            try:
                self.ask(*doubt)
            except StBernardError as error:
                log.debug("left out of the rescue watch", node=doubt[0].uuid, reason=str(error))
            except Exception:
                log.exception("the rescue watch of a node is wrong", node=doubt[0].uuid)

    def ask(self, seen: NodeWithLogin, absence: _Absence, why: str) -> None:
        """What the BMC says of a server whose ssh is not there; `why` it has left, if it has."""
        node = self._store.idle.again(seen)
        if not node:
            return
        power: str | None = node.power_state
        started = None
        try:
            task = self._tasks.of(node)
            power = task.driver.power.get_power_state(task)
            started = _new_start(task)
            absence.bmc = f"its BMC says '{power}'"
        except StBernardError:
            absence.bmc = "its BMC does not answer either"
            absence.ask_at = clock.now() + ASK_LATER
        if power == Power.OFF:
            why = "it is switched off."
        elif started:
            why = why or f"its BMC says that it was started anew ({_utc(started)} by its clock)."
        if why and absence.looks < SURE:
            absence.ask_at = 0  # after the next look
        elif why and self._absences.get(stay(seen)) is absence:  # not seen since
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
        absence = self._absences.get(stay(node))
        return bool(absence and login.seen_at and (absence.others or not login.silent_since))

    def _forget_all_but(self, there: set[Stay]) -> None:
        for gone in self._absences.keys() - there:
            del self._absences[gone]
        self._back.forget_all_but(there)

    def _eye(self, kind: tuple[str, str | None], node: NodeWithLogin) -> RescueInterface:
        if kind not in self._eyes:
            task = self._tasks.of(self._store.nodes.get(node.uuid), ())
            self._eyes[kind] = task.driver.rescue
        return self._eyes[kind]


def _new_start(task: Task) -> float | None:
    """When the server was started since its login was proven, by its BMC's clock.

    Where that clock was put forward meanwhile, a start reckoned from a running time is a later one,
    too, but by the same clock still older than the rescue, by the time that the ramdisk took."""
    node, management = task.node, task.driver.management
    known = node.login.started_at if node.login else None
    started = management.last_start(task)
    if not known or not started or started <= known + LATER:
        return None
    now = management.clock(task)
    rescued_for = clock.now() - (node.provision_updated_at or 0)
    return started if now is None or now - started <= rescued_for + LATER else None


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
