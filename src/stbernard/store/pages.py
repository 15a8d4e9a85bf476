"""Parts of lists: filters, order, marker; stable while rows come and go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

from stbernard.errors import InvalidParameter, NotFound
from stbernard.store import schema


@dataclass(frozen=True)
class Page:
    """What part of a list is asked for: `filters` are column → value, all of which must match.

    `of_nodes` are conditions on the node of a part (a port …)."""

    filters: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[ColumnElement[bool], ...] = ()
    of_nodes: tuple[ColumnElement[bool], ...] = ()
    limit: int = 1000
    marker: str | None = None
    sort_key: str = "id"
    sort_dir: str = "asc"


def list_rows(
    connection: Connection,
    table: Table,
    page: Page,
    name: str,
    columns: Sequence[ColumnElement[Any]] | None = None,
) -> list[Row[Any]]:
    """Rows after the marker, in a total order (the id breaks ties), so that pages are stable.

    Whole ones, or these `columns` of them; `name` is what errors call one of them. Raises
    InvalidParameter, NotFound (the marker)."""
    if page.sort_key not in table.c:
        raise InvalidParameter(
            f'The sort_key value "{page.sort_key}" is an invalid field for sorting'
        )
    wanted = table.c if columns is None else columns
    query = select(*wanted).order_by(*_order(table, page)).limit(page.limit)
    query = query.where(*page.conditions)
    for column, value in page.filters.items():
        query = query.where(
            table.c[column].is_(value) if value is None else table.c[column] == value
        )
    if page.of_nodes:
        nodes = select(schema.nodes.c.uuid).where(*page.of_nodes)
        query = query.where(table.c.node_uuid.in_(nodes))
    if page.marker:
        query = query.where(_after(connection, table, page, name))
    return list(connection.execute(query).all())


def _order(table: Table, page: Page) -> tuple[ColumnElement[Any], ...]:
    """Empty values come first (last backwards). By the id alone the primary key is the order."""
    key, ident = table.c[page.sort_key], table.c.id
    if page.sort_dir == "desc":
        return (ident.desc(),) if key is ident else (key.desc().nulls_last(), ident.desc())
    return (ident.asc(),) if key is ident else (key.asc().nulls_first(), ident.asc())


def _after(connection: Connection, table: Table, page: Page, name: str) -> ColumnElement[bool]:
    """The condition for what follows the marker; empty values come first (last backwards)."""
    key: ColumnElement[Any] = table.c[page.sort_key]
    ident: ColumnElement[int] = table.c.id
    marker = connection.execute(select(key, ident).where(table.c.uuid == page.marker)).first()
    if marker is None:
        raise NotFound(f"{name.capitalize()} {page.marker} could not be found.")
    value, marker_id = marker
    backwards = page.sort_dir == "desc"
    later: ColumnElement[bool] = ident < marker_id if backwards else ident > marker_id
    if page.sort_key == "id":
        return later  # a range of the primary key, not a look at each row before it
    if value is None:
        same = and_(key.is_(None), later)
        return same if backwards else or_(same, key.is_not(None))
    if backwards:
        return or_(key < value, and_(key == value, later), key.is_(None))
    return or_(key > value, and_(key == value, later))
