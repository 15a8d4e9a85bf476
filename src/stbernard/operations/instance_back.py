"""After the unrescue: when does the instance answer again, or does it not?

The node is `active` as soon as its server is switched on, as clients expect; what comes then is
told in the timeline. Where the instance is looked for is where the rescued server was reached.
"""

from collections.abc import Mapping, Set

import structlog

from stbernard import clock
from stbernard.drivers.base import Answer, Seen
from stbernard.nodes import Login, Node
from stbernard.operations.steps import power_on
from stbernard.operations.unrescue import UNRESCUE
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.idle import NodeWithLogin, Stay, stay
from stbernard.store.journal import Entry, Event, entry

log = structlog.get_logger()

ANSWERS_WITHIN = 900.0  # seconds; the self-test of a large server takes minutes
WITHOUT_SSH = 120.0  # seconds that an sshd may come later than its network

ANSWERS = "instance_answers"
DOES_NOT_ANSWER = "instance_does_not_answer"
"""The `step` of the line that ends the search."""


class InstanceBack:
    """Judges what is seen of servers that were brought back from a rescue."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._worker = settings.default.host
        self._refused: dict[Stay, float] = {}  # since when

    def judge(self, node: NodeWithLogin, seen: Mapping[str, Seen]) -> None:
        """Say it if this is the end of the search. Raises NotFound."""
        now = clock.now()
        other = [(at, each.shown) for at, each in seen.items() if each.answer == Answer.OTHER]
        refused = [at for at, each in seen.items() if each.answer == Answer.REFUSED]
        since = self._refused.setdefault(stay(node), now) if refused else now
        if not refused:
            self._refused.pop(stay(node), None)
        if other:
            self._end(node, ANSWERS, f"The instance answers ssh at {other[0][0]} ({other[0][1]}).")
        elif now - since >= WITHOUT_SSH:
            self._end(node, ANSWERS, f"The instance is at {refused[0]}, without ssh.")
        elif now - (node.provision_updated_at or 0) >= ANSWERS_WITHIN:
            self._end(node, DOES_NOT_ANSWER, _silence(node.login))

    def forget_all_but(self, there: Set[Stay]) -> None:
        for gone in self._refused.keys() - there:
            del self._refused[gone]

    def _end(self, seen: NodeWithLogin, step: str, text: str) -> None:
        node = self._store.idle.again(seen)
        if not node:
            return
        lines = self._store.journal.last_rescue(node.uuid)
        line = entry(
            node,
            Event.SEEN,
            operation=UNRESCUE.name,
            operation_id=lines[-1].operation_id if lines else None,
            step=step,
            detail=text,
            seconds=_since_power_on(lines),
            worker=self._worker,
        )
        if self._store.idle.note(node, {"login": None}, line):
            log.info(text, node=node.uuid, seconds=line.seconds)


def is_looked_for(node: Node) -> bool:
    """Whether the search goes on."""
    return node.login is not None and node.provision_state == "active"


def _silence(login: Login) -> str:
    where = ", ".join(login.addresses)
    if not login.seen_at:
        return (
            f"The instance was not seen at {where} within {ANSWERS_WITHIN:.0f} s; this host has "
            "not reached the rescue there either, so that says nothing of the instance."
        )
    return (
        f"The instance has not answered at {where} within {ANSWERS_WITHIN:.0f} s. Look at the "
        "server's console: does it boot from its disk, and has it another address?"
    )


def _since_power_on(lines: tuple[Entry, ...]) -> float | None:
    name = power_on.__name__
    on = [line.at for line in lines if (line.step, line.event) == (name, Event.STEP_DONE)]
    return clock.now() - on[-1] if on else None
