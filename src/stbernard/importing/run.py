"""Carries records over and tells what became of each.

A record is known by its UUID. What is not here yet is written; what is here and says the same is
left alone, so that a second run changes nothing. What is here and differs was changed in one of the
two: it is reported, and set to Ironic's values only on request (`update`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint

from stbernard.drivers.registry import Registry
from stbernard.errors import StBernardError
from stbernard.importing.kinds import KINDS, Kind, Source
from stbernard.importing.records import Refused, check, fields, fitted, read
from stbernard.nodes import Node, Record
from stbernard.store import Store, schema
from stbernard.store.pages import Page
from stbernard.store.records import Records

GROUP = 500  # records in one transaction
_ALL = Page(limit=2**31)


class Outcome(StrEnum):
    CARRIED = "carried over"
    UNCHANGED = "there already"
    UPDATED = "updated"
    DIFFERS = "differs"
    REFUSED = "refused"


@dataclass
class Report:
    """How many of each kind ended how, and a line for each one that people should look at."""

    counts: dict[str, Counter[Outcome]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all that Ironic has is here, as it is there."""
        left = (Outcome.REFUSED, Outcome.DIFFERS)
        return not any(count[outcome] for count in self.counts.values() for outcome in left)


@dataclass
class Import:
    """One run. `instead`: kind of interface → the one for nodes whose own is not enabled here."""

    source: Source
    store: Store
    registry: Registry
    instead: Mapping[str, str] = field(default_factory=dict)
    update: bool = False
    dry_run: bool = False

    def run(self) -> Report:
        """Raises SourceError, Unavailable."""
        self._report = Report()
        self._nodes: set[str] = set()
        for kind in KINDS:
            self._report.counts[kind.label] = Counter()
            self._carry(kind)
        return self._report

    def _carry(self, kind: Kind) -> None:
        records: Records[Any] = getattr(self.store, kind.table)
        here = {record.uuid: records.revealed(record) for record in records.list(_ALL)}
        taken = _Taken(kind, here.values())
        if kind.struct is Node:
            self._nodes |= here.keys()
        new: list[Record] = []
        for row in self.source.rows(kind):
            who = f"{kind.label} {' '.join(_names(row))}"
            try:
                record = self._record(kind, row, who)
                if found := here.get(record.uuid):
                    outcome = self._compare(kind, records, found, record, who)
                else:
                    taken.claim(record)
                    new.append(record)
                    outcome = Outcome.CARRIED
            except Refused as error:
                outcome = Outcome.REFUSED
                self._report.lines.append(f"{who}: refused: {error}")
            else:
                if isinstance(record, Node):
                    self._nodes.add(record.uuid)
            self._report.counts[kind.label][outcome] += 1
        for start in range(0, 0 if self.dry_run else len(new), GROUP):
            records.add(new[start : start + GROUP])

    def _record(self, kind: Kind, row: Mapping[str, Any], who: str) -> Record:
        """Raises Refused."""
        record, notes = read(kind, row)
        check(record, row)
        node_uuid = getattr(record, "node_uuid", None)
        if node_uuid and node_uuid not in self._nodes:
            raise Refused(f"its node {node_uuid} is not here.")
        if isinstance(record, Node):
            record = fitted(record, self.registry, self.instead)
        self._report.lines += [f"{who}: {note}" for note in notes]
        return record

    def _compare(
        self, kind: Kind, records: Records[Any], here: Record, there: Record, who: str
    ) -> Outcome:
        changes = {
            name: getattr(there, name)
            for name in fields(kind)
            if getattr(there, name) != getattr(here, name)
        }
        if not changes:
            return Outcome.UNCHANGED
        if not self.update:
            self._report.lines.append(f"{who}: differs in {', '.join(changes)}; left as it is here")
            return Outcome.DIFFERS
        try:
            if not self.dry_run:
                records.change(there.uuid, changes)
        except StBernardError as error:
            raise Refused(str(error)) from None
        return Outcome.UPDATED


class _Taken:
    """The names, addresses … that are in use here, by whom."""

    def __init__(self, kind: Kind, records: Iterable[Record]) -> None:
        self._keys = list(_unique(kind))
        self._owners: dict[tuple[Any, ...], str] = {}
        for record in records:
            self._owners |= dict.fromkeys(self._values(record), record.uuid)

    def claim(self, record: Record) -> None:
        """Raises Refused if another record has it."""
        for names, *values in self._values(record):
            if owner := self._owners.get((names, *values)):
                what = ", ".join(f"{n} {v}" for n, v in zip(names, values, strict=True))
                raise Refused(f"{what} is already that of {owner} here.")
        self._owners |= dict.fromkeys(self._values(record), record.uuid)

    def _values(self, record: Record) -> Iterator[tuple[Any, ...]]:
        for names in self._keys:
            values = [getattr(record, name) for name in names]
            if None not in values:
                yield (names, *values)


def _unique(kind: Kind) -> Iterator[tuple[str, ...]]:
    """The columns of a table whose values belong to one record, besides the UUID."""
    table = schema.metadata.tables[kind.table]
    unique: list[Any] = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    unique += [index for index in table.indexes if index.unique]
    for each in unique:
        names = tuple(column.name for column in each.columns)
        if names != ("uuid",):
            yield names


def _names(row: Mapping[str, Any]) -> Iterator[str]:
    """What a person knows it by."""
    yield from (str(row[key]) for key in ("name", "address", "uuid") if row.get(key))
