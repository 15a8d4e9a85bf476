"""Conditions on lists that are more than `column = value` (see `pages.Page`)."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement

from stbernard.store import schema

_columns = schema.nodes.c


def is_set(column: str, wanted: bool) -> ColumnElement[bool]:
    return _columns[column].is_not(None) if wanted else _columns[column].is_(None)


def one_of(column: str, values: Iterable[str]) -> ColumnElement[bool]:
    return _columns[column].in_(list(values))


def of_project(project: str) -> ColumnElement[bool]:
    return (_columns.owner == project) | (_columns.lessee == project)


def owned_or_public(project: str) -> ColumnElement[bool]:
    """Of runbooks."""
    columns = schema.runbooks.c
    return (columns.owner == project) | columns.public


def contains(column: str, text: str, table: str = "nodes") -> ColumnElement[bool]:
    return schema.metadata.tables[table].c[column].contains(text, autoescape=True)
