"""One request, parsed: its version, where links point to, its query and its JSON body."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.exceptions import HTTPException, NotFoundException

from stbernard.api import microversions
from stbernard.api.access import EVERYTHING, Access
from stbernard.api.microversions import LATEST, Version
from stbernard.errors import BadRequest, InvalidParameter, MethodNotAllowed, NotFound
from stbernard.settings import Settings

DEPTH = 64  # of nested JSON; deeper than anything a node holds
_NAME = re.compile(r"[A-Za-z0-9._~-]{1,255}", re.ASCII)  # RFC 3986, unreserved characters
_HOST_NAME = re.compile(
    r"(?=.{1,255}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(r"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII)
_TRUE = ("1", "t", "true", "on", "y", "yes")
_FALSE = ("0", "f", "false", "off", "n", "no")


@dataclass(frozen=True)
class Call:
    """What a handler knows of its request. `base` is the address links start with."""

    version: Version
    base: str
    path: str
    query: Mapping[str, str]
    body: bytes
    access: Access = EVERYTHING

    def json(self) -> Any:
        """The body. Empty is `{}`, as in Ironic. Raises BadRequest, never with what was sent."""
        if not self.body:
            return {}
        try:
            value = msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:  # its texts tell places, and quote nothing
            raise BadRequest(f"The body is not valid JSON: {error}.") from None
        except (UnicodeDecodeError, RecursionError):
            raise BadRequest("The body is not valid JSON: not UTF-8, or too deep.") from None
        check_json(value)
        return value

    def arguments(self, allowed: Iterable[str], mandatory: str | None = None) -> dict[str, Any]:
        """The named arguments of a PUT, which has no query. Raises InvalidParameter, BadRequest."""
        self.only()
        given = self.json()
        if not isinstance(given, dict):
            raise InvalidParameter("The body has to be a JSON object.")
        refuse_unknown(given, allowed)
        if mandatory and mandatory not in given:
            raise InvalidParameter(f"Missing mandatory parameter: {mandatory}")
        return given

    def node_ident(self, ident: str) -> str:
        """A node's UUID (canonical) or name from a path. Raises NotFound, HTTPException (400)."""
        if found := as_uuid(ident):
            return found
        if not is_name(ident):
            detail = f"Expected UUID or name for node: {ident[:300]}"
            raise HTTPException(status_code=400, detail=detail)
        if not self.version.allows("behaviour", "names"):
            raise NotFound(f"Node {ident} could not be found.")
        return ident

    def link(self, path: str, rel: str = "self") -> dict[str, str]:
        """A link to a resource of the API, as `self` or (without the version) `bookmark`."""
        return {"href": f"{self.base}{'/v1' if rel == 'self' else ''}/{path}", "rel": rel}

    def links(self, path: str) -> list[dict[str, str]]:
        return links(self.base, path)

    def only(self, *allowed: str) -> None:
        """Raises InvalidParameter if the query has something else."""
        refuse_unknown(self.query, allowed)

    def flag(self, name: str) -> bool | None:
        """A boolean of the query. Raises InvalidParameter."""
        value = self.query.get(name)
        return None if value is None else boolean(name, value)

    def words(self, name: str) -> tuple[str, ...] | None:
        """A comma-separated list of the query, each word once and in lower case."""
        value = self.query.get(name)
        if value is None:
            return None
        stripped = (word.strip().lower() for word in value.split(","))
        return tuple(dict.fromkeys(word for word in stripped if word))

    def need(self, resource: str) -> None:
        """Raises NotFound if the version has no such resource."""
        if not self.version.allows("resource", resource):
            raise NotFound("Resource could not be found.")

    def need_to_change(self, resource: str) -> None:
        """Raises MethodNotAllowed if the version has no such resource."""
        if not self.version.allows("resource", resource):
            raise MethodNotAllowed(f"The API version {self.version} does not allow {resource}")

    def need_below_node(self, resource: str, refusal: Exception | None = None) -> None:
        if not self.version.allows("node resource", resource):
            raise refusal or NotFoundException


async def make_call(request: Request[Any, Any, Any]) -> Call:
    """The Call of a request. Raises NotAcceptable, BadRequest."""
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]
    }
    request.state.version = None
    version = microversions.negotiate(headers)
    request.state.version = str(version)
    query = dict(request.query_params.items()) if request.scope["query_string"] else {}
    if any("\0" in text for pair in query.items() for text in pair):
        raise BadRequest("The query holds a NUL character.")
    base = _base(request.scope["scheme"], headers, request.app.state.parts.settings)
    sends = "content-length" in headers or "transfer-encoding" in headers
    body = await request.body() if sends else b""
    if body and "content-type" not in headers:
        raise BadRequest("The body has no Content-Type. Send JSON as application/json.")
    call = Call(version, base, request.scope["path"], query, body)
    gate = request.app.state.parts.gate
    return call if gate is None else await _admitted(request, call, gate)


async def _admitted(request: Request[Any, Any, Any], call: Call, gate: Any) -> Call:
    """The call with what it may do. Raises Forbidden, NotFound."""
    route = f"{request.method} {request.scope['path_template']}"
    caller = request.state.get("caller")
    access = await sync_to_thread(gate.admit, call, route, request.path_params, caller)
    return replace(call, access=access)


def links(base: str, path: str) -> list[dict[str, str]]:
    """Both links to a resource."""
    return [
        {"href": f"{base}/v1/{path}", "rel": "self"},
        {"href": f"{base}/{path}", "rel": "bookmark"},
    ]


def _base(scheme: str, headers: Mapping[str, str], settings: Settings) -> str:
    """The public endpoint, else the address the client used, if it is one."""
    host = headers.get("host", "")
    if settings.api.public_endpoint or not _HOST.fullmatch(host):
        return settings.endpoint
    return f"{scheme}://{host}"


def refuse_unknown(given: Iterable[str], allowed: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise InvalidParameter(f"Unexpected arguments: {', '.join(unknown)}")


def boolean(name: str, value: object) -> bool:
    """A boolean as clients write it. Raises InvalidParameter."""
    text = str(value).strip().lower() if isinstance(value, (str, bool, int)) else ""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    known = ", ".join(f"'{word}'" for word in sorted(_TRUE + _FALSE))
    raise InvalidParameter(f"Invalid {name}: unrecognized value, acceptable values are: {known}")


def as_uuid(text: str) -> str | None:
    """The canonical form of a UUID, None if it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def is_name(text: str, version: Version = LATEST) -> bool:
    """Whether this may be the name of a node or a port."""
    free = version.allows("behaviour", "free names")
    return bool((_NAME if free else _HOST_NAME).fullmatch(text))


def check_json(value: object, depth: int = DEPTH) -> None:
    """Refuse what no database holds: NUL characters, and nesting without an end.

    Raises BadRequest."""
    if depth == 0:
        raise BadRequest(f"The body is nested more than {DEPTH} deep.")
    if isinstance(value, str) and "\0" in value:
        raise BadRequest("The body is not valid: a string holds a NUL character.")
    if isinstance(value, dict):
        for key, entry in value.items():
            check_json(key, depth - 1)
            check_json(entry, depth - 1)
    elif isinstance(value, list):
        for entry in value:
            check_json(entry, depth - 1)
