"""What the resources of the API have in common: reading, showing, listing and patching them.

A resource is described once, as a `Resource`; its handlers, in a file of its own, say what is
special about it.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, get_origin

import msgspec
from litestar import Response

from stbernard import clock
from stbernard.api import pages, schemas
from stbernard.api.call import Call, as_uuid, is_name
from stbernard.api.microversions import Version
from stbernard.api.patches import patched, root, steps
from stbernard.api.timestamps import timestamp
from stbernard.errors import InvalidParameter
from stbernard.nodes import Record
from stbernard.settings import Settings
from stbernard.store.pages import Page

R = TypeVar("R", bound=Record)

_TIMES = ("created_at", "updated_at")


@dataclass(frozen=True)
class Resource(Generic[R]):
    """A kind of record as clients see it.

    `name` is the word for one in errors and in the table of microversions ("<name> field"), `path`
    its place below /v1. `given` is what a client may set, of which `required` is a must and
    `patchable` may change. `shown` are the fields that are the record's own, `also` those that are
    made from it; `below` are the collections it has, shown as links. `in_a_list` is what a list
    shows of each unless more is asked for; None: everything. `detail_since` is the entry of the
    table of microversions that says when `?detail=` came; `links_in_a_list`: those of `below` are
    in one more list (Ironic's chassis)."""

    name: str
    path: str
    kind: type[R]
    given: schemas.Fields
    required: tuple[str, ...]
    patchable: tuple[str, ...]
    shown: tuple[str, ...]
    in_a_list: tuple[str, ...] | None = None
    detail_since: str = "list query"
    also: Mapping[str, Callable[[R], Any]] = field(default_factory=dict)
    below: tuple[str, ...] = ()
    links_in_a_list: bool = False

    @property
    def collection(self) -> str:
        """The key of its lists."""
        return self.path.rpartition("/")[2]

    @cached_property
    def fields(self) -> tuple[str, ...]:
        return (*self.shown, *self.also, *_TIMES)

    @cached_property
    def sortable(self) -> frozenset[str]:
        """What is shown and has an order."""
        plain = {
            each.name
            for each in msgspec.structs.fields(self.kind)
            if get_origin(each.type) not in (dict, tuple)
        }
        return frozenset(self.fields) & plain | {"id"}

    def need(self, call: Call) -> None:
        """Raises NotFound if the version does not know the resource."""
        call.need(self.path.partition("/")[0])

    def need_to_change(self, call: Call) -> None:
        """Raises MethodNotAllowed if the version does not know the resource."""
        call.need_to_change(self.collection)

    def ident(self, call: Call, text: str) -> str:
        """A UUID (canonical) from a path, or a name if the resource has them.

        Raises InvalidParameter, NotFound."""
        self.need(call)
        if found := as_uuid(text):
            return found
        if "name" not in self.shown:
            raise InvalidParameter(f"Expected UUID for {self.name}_uuid: {text[:300]}")
        if not is_name(text):
            raise InvalidParameter(f"Expected UUID or name for {self.name}_ident: {text[:300]}")
        return text

    # What clients send.

    def read_new(self, call: Call) -> dict[str, Any]:
        """The checked body of a POST. Raises InvalidParameter, NotAcceptable."""
        self.need(call)
        call.only()
        given = schemas.check(self.name, call.json(), self.given, required=self.required)
        call.version.require(f"{self.name} field", given)
        return given

    def new(self, values: Mapping[str, Any]) -> R:
        """The record of these values; those that are None get their default."""
        known = {name: value for name, value in values.items() if value is not None}
        known["uuid"] = known.get("uuid") or str(uuid.uuid4())
        return self.kind(created_at=clock.now(), **known)

    def read_patch(self, call: Call, record: R) -> dict[str, Any]:
        """All patchable fields as a PATCH leaves them, None where it removes one.

        Raises InvalidParameter, BadRequest, NotAcceptable."""
        call.only()
        wanted = steps(call, self.patchable)
        call.version.require(f"{self.name} field", {root(step) for step in wanted})
        document = patched({name: _as_json(record, name) for name in self.patchable}, wanted)
        required = tuple(name for name in self.required if name in self.patchable)
        checked = schemas.check("patch", document, self.given, required=required)
        return {name: checked.get(name, self._default(name)) for name in self.patchable}

    def changed(self, record: R, values: Mapping[str, Any]) -> dict[str, Any]:
        """What of these values differs from the record; None stands for the default."""
        wanted = {
            name: self._default(name) if value is None else value for name, value in values.items()
        }
        return {name: wanted[name] for name in wanted if wanted[name] != getattr(record, name)}

    def _default(self, name: str) -> Any:
        found = next(each for each in msgspec.structs.fields(self.kind) if each.name == name)
        if found.default_factory is not msgspec.NODEFAULT:
            return found.default_factory()
        return None if found.default is msgspec.NODEFAULT else found.default

    # What clients see.

    def check_fields(self, names: Iterable[str], version: Version) -> None:
        """Raises NotAcceptable if a field came later, InvalidParameter if there is none."""
        version.require(f"{self.name} field", names)
        known = (*self.fields, *self.below, "links")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InvalidParameter(f'Field(s) "{", ".join(unknown)[:300]}" are not valid')

    def show(self, record: R, call: Call, names: Iterable[str] | None = None) -> dict[str, Any]:
        """All fields of the version, or those asked for."""
        wanted = (*self.fields, *self.below) if names is None else names
        here = f"{self.path}/{record.uuid}"
        shown = {
            name: self._value(record, name, call)
            for name in wanted
            if name in self.fields and call.version.allows(f"{self.name} field", name)
        }
        shown |= {name: self._collection(here, name, call) for name in wanted if name in self.below}
        return shown | {"links": call.links(here)}

    def show_one(self, record: R, call: Call) -> dict[str, Any]:
        """The answer to a GET of one, which may name the `fields`."""
        names = call.words("fields")
        if names is not None:
            call.version.require("list query", ("fields",))
            self.check_fields(names, call.version)
        return self.show(record, call, names)

    def created(self, record: R, call: Call) -> Response[dict[str, Any]]:
        """The answer to a POST."""
        location = call.link(f"{self.path}/{record.uuid}")["href"]
        return Response(self.show(record, call), status_code=201, headers={"Location": location})

    def listed_fields(self, call: Call) -> tuple[str, ...] | None:
        """The fields of each entry of a list; None for all."""
        self.need(call)
        call.version.require("list query", {"fields"} & call.query.keys())
        names = pages.fields(call, self.in_a_list, self.detail_since)
        if names is not None:
            self.check_fields(names, call.version)
        return names

    def page(self, call: Call, settings: Settings, **wanted: Any) -> Page:
        """The part of a list that the query asks for. Raises InvalidParameter, NotAcceptable."""
        self.need(call)
        if "sort_key" in call.query:
            call.version.require(f"{self.name} field", (call.query["sort_key"],))
        return pages.page(call, settings.api.max_limit, self.sortable, **wanted)

    def listed(
        self,
        records: tuple[R, ...],
        call: Call,
        part: Page,
        *,
        names: tuple[str, ...] | None,
        path: str | None = None,
    ) -> dict[str, Any]:
        """The answer to a GET of many; `path` is the list's own, for the link to what follows."""
        entries = [self.show(record, call, names) for record in records]
        last = records[-1].uuid if records else None
        where = (self.collection, path or self.path)
        return pages.rendered(call, where, entries, last, part=part, fields=names)

    def _value(self, record: R, name: str, call: Call) -> Any:  # noqa: ARG002 (see ports.py)
        if name in _TIMES:
            return timestamp(getattr(record, name))
        return self.also[name](record) if name in self.also else getattr(record, name)

    def _collection(self, here: str, name: str, call: Call) -> list[Any]:
        links = call.links(f"{here}/{name}")
        return [links] if self.links_in_a_list else links


def _as_json(record: Record, name: str) -> Any:
    """A field as a patch sees it."""
    value = getattr(record, name)
    return list(value) if isinstance(value, tuple) else value
