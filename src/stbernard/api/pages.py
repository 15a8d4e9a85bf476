"""Lists in pages: limit, marker, order, fields, and the link to the next page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from stbernard.api.call import Call
from stbernard.api.schemas import integer, uuid
from stbernard.errors import BadRequest, InvalidParameter
from stbernard.store.pages import Page

PAGING = ("limit", "marker", "sort_key", "sort_dir")


def page(call: Call, most: int, sortable: Iterable[str], **wanted: Any) -> Page:
    """The part of a list that the query asks for. Raises BadRequest, InvalidParameter."""
    return Page(
        limit=limit(call, most),
        marker=uuid("marker", call.query["marker"]) if "marker" in call.query else None,
        sort_key=sort_key(call, sortable, "id"),
        sort_dir=sort_dir(call),
        **wanted,
    )


def limit(call: Call, most: int) -> int:
    if "limit" not in call.query:
        return most
    wanted = integer("limit", call.query["limit"])
    if wanted <= 0:
        raise BadRequest("Limit must be positive")
    return min(wanted, most)


def sort_key(call: Call, sortable: Iterable[str], default: str) -> str:
    """Only what is shown can be sorted by: an order tells of values."""
    key = call.query.get("sort_key", default)
    if key not in sortable:
        raise InvalidParameter(f'The sort_key value "{key[:100]}" is an invalid field for sorting')
    return key


def sort_dir(call: Call) -> str:
    direction = call.query.get("sort_dir", "asc")
    if direction not in ("asc", "desc"):
        raise BadRequest(
            f"Invalid sort direction: {direction[:100]}. Acceptable values are 'asc' or 'desc'"
        )
    return direction


def fields(
    call: Call, default: Sequence[str] | None, detail_since: str = "list query"
) -> tuple[str, ...] | None:
    """The fields of each entry of a list; None (also as the default) for all.

    Raises InvalidParameter."""
    named, detail = call.words("fields"), call.flag("detail")
    if detail is not None and not call.version.allows(detail_since, "detail"):
        raise InvalidParameter(f"Invalid query parameter ?detail={detail} received.")
    if named is not None and detail:
        raise InvalidParameter("Can not specify ?detail=True and fields in the same request.")
    if named is None and (detail or default is None):
        return None
    return named or tuple(default or ())


def rendered(
    call: Call,
    where: tuple[str, str],
    entries: Sequence[Mapping[str, Any]],
    last: str | None,
    *,
    part: Page,
    fields: Sequence[str] | None,
) -> dict[str, Any]:
    """A list with the link to what follows, which keeps the filters.

    `where`: the list's name and path; `last`: the marker of the last entry."""
    name, path = where
    answer: dict[str, Any] = {name: entries}
    if last and len(entries) == part.limit:
        filters = {key: call.query[key] for key in call.query if key not in (*PAGING, "fields")}
        words = {"sort_key": part.sort_key, "sort_dir": part.sort_dir, **filters}
        if fields:
            words["fields"] = ",".join(fields)
        words |= {"limit": str(part.limit), "marker": last}
        query = "&".join(f"{key}={quote(value, safe=',:')}" for key, value in words.items())
        answer["next"] = call.link(f"{path}?{query}")["href"]
    return answer


def only(entry: dict[str, Any], fields: Iterable[str] | None) -> dict[str, Any]:
    """The fields asked for, and the links. Raises InvalidParameter if one does not exist."""
    if fields is None:
        return entry
    unknown = [name for name in fields if name not in entry]
    if unknown:
        raise InvalidParameter(f'Field(s) "{", ".join(unknown)[:300]}" are not valid')
    return {name: entry[name] for name in entry if name in fields or name == "links"}


def cut(
    entries: list[dict[str, Any]], part: Page, key: str, marker: str | None
) -> list[dict[str, Any]]:
    """A page of a list that is whole in memory; `key` is the field that names an entry.

    Raises BadRequest if the marker is no entry."""
    order = key if part.sort_key == "id" else part.sort_key
    ordered = sorted(entries, key=lambda entry: str(entry[order]), reverse=part.sort_dir == "desc")
    start = 0
    if marker is not None:
        names = [entry[key] for entry in ordered]
        if marker not in names:
            raise BadRequest(f"Marker {marker[:255]} could not be found.")
        start = names.index(marker) + 1
    return ordered[start : start + part.limit]
