"""What the agent in a ramdisk calls: lookup and heartbeat."""

import hmac
import ssl
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar import Response, get, post
from litestar.concurrency import sync_to_thread

from stbernard.api import node_view, schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.quick import quickly
from stbernard.api.tenant_network import tenant_network_data
from stbernard.api.timeline import tell
from stbernard.errors import Forbidden, InvalidParameter, NotFound
from stbernard.nodes import Node, hash_of_token, new_agent_token
from stbernard.operations.boot_signs import LOOKED_UP, LOOKED_UP_AGAIN, WITHOUT_TLS
from stbernard.operations.machine import LOOKUP_ALLOWED
from stbernard.operations.rescue import wait_for_agent
from stbernard.settings import Settings
from stbernard.store.journal import Event, entry

log = structlog.get_logger()

_NODE_FIELDS = ("uuid", "properties", "instance_info", "driver_internal_info")
_HEARTBEAT = (
    *("callback_url", "agent_version", "agent_token", "agent_verify_ca", "agent_status"),
    "agent_status_message",
)
_STATUSES = ("start", "end", "error")
_LONGEST = {"agent_version": 255, "callback_url": 2048, "agent_verify_ca": 65536}
_LONGEST_MESSAGE = 1000  # characters that go into the journal


@get("/v1/lookup", sync_to_thread=True)
def lookup(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    """Which node am I? The first to ask is given the token, once."""
    _check_enabled(call, parts.settings, "lookup")
    call.only("addresses", "node_uuid")
    node = _look_up(call, parts)
    token = None
    if call.version.allows("lookup", "agent_token"):
        token = new_agent_token()
        line = entry(node, Event.SEEN, detail=LOOKED_UP)
        if parts.store.leases.give_token(node.uuid, token, line):
            log.info(LOOKED_UP, node=node.uuid, operation=node.operation, run=node.operation_id)
        else:
            token = node_view.MASKED
            _tell_of_another_lookup(node, parts)
        node = parts.store.nodes.get(node.uuid)
    config = _config(token, node, parts.settings)
    ports = parts.store.ports.of_node(node.uuid)
    if network := tenant_network_data(node, ports, parts.store.portgroups.of_node(node.uuid)):
        config["tenant_network_data"] = network
    return {"node": node_view.show(node, parts.settings, call, _NODE_FIELDS), "config": config}


@post("/v1/heartbeat/{ident:str}", status_code=202)
async def heartbeat(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    """The agent is there: note where, and wake the node's operation. One write; the node is read
    only to say what is wrong with a call that changed nothing."""
    _check_enabled(call, parts.settings, "heartbeat")
    given = _arguments(call)
    known = call.node_ident(ident)
    if not (_is_in_order(given, parts.settings) and await _note(known, given, parts)):
        node = await quickly(parts, partial(parts.store.nodes.get, known))
        await _check(node, given, parts)
        if not await _note(node.uuid, given, parts):
            raise _bad_token(node)
    if given.get("agent_status") == "error":
        message = (given.get("agent_status_message") or "without a message")[:_LONGEST_MESSAGE]
        await sync_to_thread(_tell_error, known, message, parts)
    return Response(b"", status_code=202)


def _is_in_order(given: dict[str, str | None], settings: Settings) -> bool:
    """Whether nothing is wrong with it, whatever its node."""
    try:
        url = _callback_url(given)
        _check_status(given)
    except InvalidParameter:
        return False
    return bool(given.get("agent_token")) and (
        url.startswith("https://") or not settings.agent.require_tls
    )


async def _note(node_uuid: str, given: dict[str, str | None], parts: Parts) -> bool:
    values = {"agent_url": given["callback_url"], "agent_version": given.get("agent_version")}
    values["agent_verify_ca"] = given.get("agent_verify_ca")
    known = {name: value for name, value in values.items() if value is not None}
    return await parts.store.leases.heartbeat_soon(node_uuid, given["agent_token"] or "", known)


async def _check(node: Node, given: dict[str, str | None], parts: Parts) -> None:
    """Raises InvalidParameter for what is wrong with it."""
    url = _callback_url(given)
    if node.agent.url is not None and node.agent.url != url:
        log.warning("heartbeat refused: another callback_url", node=node.uuid, url=url[:200])
        raise InvalidParameter('Detected change in ramdisk provided "callback_url"')
    token = given.get("agent_token")
    if token is None:
        await sync_to_thread(_note_old_agent, node, given.get("agent_version"), parts)
        raise InvalidParameter("Agent token is required for heartbeat processing.")
    _check_status(given)
    if not hmac.compare_digest(hash_of_token(token), node.agent.token_hash or ""):
        raise _bad_token(node)
    if parts.settings.agent.require_tls and not url.startswith("https://"):
        await sync_to_thread(_tell_once, node, WITHOUT_TLS, parts)
        raise InvalidParameter("TLS is required by configuration")


def _tell_once(node: Node, what: str, parts: Parts) -> None:
    """It calls again and again."""
    lines = parts.store.journal.timeline(node.uuid, node.operation_id)
    if node.operation and what not in {line.detail for line in lines}:
        tell(node, what, parts)


def _tell_error(ident: str, message: str, parts: Parts) -> None:
    tell(parts.store.nodes.get(ident), f"the agent reports an error: {message}", parts)


def _tell_of_another_lookup(node: Node, parts: Parts) -> None:
    """The answer with the token may have been lost, as the service was killed: if nobody calls with
    it, the rescue sees to it (`wait_for_agent`)."""
    if node.step != wait_for_agent.__name__ or node.agent.last_heartbeat:
        return
    lines = parts.store.journal.timeline(node.uuid, node.operation_id)
    seen = {line.detail for line in lines if line.at >= (node.started_at or 0)}
    if LOOKED_UP in seen and LOOKED_UP_AGAIN not in seen:
        tell(node, LOOKED_UP_AGAIN, parts)
        parts.store.leases.wake(node)


def _check_enabled(call: Call, settings: Settings, resource: str) -> None:
    if not settings.api.enable_ramdisk_endpoints:
        raise Forbidden(f"Access was denied to the following resource: /v1/{resource}")
    call.need(resource)


def _look_up(call: Call, parts: Parts) -> Node:
    """The node; whatever is wrong with it, the same NotFound. Raises InvalidParameter."""
    addresses = tuple(
        word for word in call.words("addresses") or () if schemas.is_mac_address(word)
    )
    if "node_uuid" in call.query:
        ident = schemas.uuid("node_uuid", call.query["node_uuid"])
        nodes = _by_uuid(parts, ident)
    elif addresses:
        nodes = parts.store.nodes.by_addresses(addresses)
    else:
        raise InvalidParameter("At least one of 'addresses' and 'node_uuid' parameters is required")
    restricted = parts.settings.api.restrict_lookup
    found = [node for node in nodes if not restricted or node.provision_state in LOOKUP_ALLOWED]
    if len(nodes) != 1 or not found:
        log.info("lookup refused", nodes={node.uuid: node.provision_state for node in nodes})
        raise NotFound("Resource could not be found.")
    return found[0]


def _by_uuid(parts: Parts, ident: str) -> tuple[Node, ...]:
    try:
        return (parts.store.nodes.get(ident),)
    except NotFound:
        return ()


def _arguments(call: Call) -> dict[str, str | None]:
    """The fields of a heartbeat, all of them texts. Raises InvalidParameter; quotes none."""
    given = call.arguments(_HEARTBEAT, mandatory="callback_url")
    for name, value in given.items():
        schemas.string(name, value)
        if len(value or "") > _LONGEST.get(name, 65536):
            raise InvalidParameter(f"Field {name} is too long.")
        if value is not None and not call.version.allows("heartbeat field", name):
            raise InvalidParameter(f'Field "{name}" not recognised')
    if certificate := given.get("agent_verify_ca"):
        try:
            ssl.PEM_cert_to_DER_cert(certificate.strip())
        except ValueError:
            raise InvalidParameter("agent_verify_ca is no certificate in PEM.") from None
    return given


def _check_status(given: dict[str, str | None]) -> None:
    """Raises InvalidParameter."""
    status = given.get("agent_status")
    if status is not None and status not in _STATUSES:
        raise InvalidParameter(f"Agent status is invalid. Valid states are {','.join(_STATUSES)}.")
    if given.get("agent_version") is None and status is None:
        raise InvalidParameter(
            "Agent did not transmit a version, and a version is required. "
            "Please update the agent being used."
        )


def _callback_url(given: dict[str, str | None]) -> str:
    """Raises InvalidParameter if it is no URL."""
    text = given["callback_url"] or ""
    try:
        parsed = urlsplit(text)
        usable = parsed.scheme in ("http", "https") and parsed.hostname and parsed.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidParameter('An issue with the supplied "callback_url" has been detected.')
    return text


def _note_old_agent(node: Node, version: str | None, parts: Parts) -> None:
    """One that knows no tokens cannot be trusted, and ends nothing: that it called is told once,
    and in the last_error of a rescue that nobody else calls back for."""
    named = version or "unknown"
    if parts.store.leases.note_old_agent(node.uuid, named):
        tell(node, f"an agent without a token was refused (its version: {named})", parts)


def _bad_token(node: Node) -> InvalidParameter:
    log.warning("heartbeat refused: missing or wrong agent token", node=node.uuid)
    return InvalidParameter("Invalid or missing agent token received.")


def _config(token: str | None, node: Node, settings: Settings) -> dict[str, Any]:
    """What Ironic tells its agent; what this service has no option for is at Ironic's default."""
    return {
        "metrics": {
            "backend": "noop",
            "prepend_host": False,
            "prepend_uuid": False,
            "prepend_host_reverse": True,
            "global_prefix": None,
        },
        "metrics_statsd": {"statsd_host": "localhost", "statsd_port": 8125},
        "heartbeat_timeout": settings.api.ramdisk_heartbeat_timeout,
        "agent_containers": {
            "allow_arbitrary_containers": False,
            "allowed_containers": [],
            "container_steps_file": "/etc/ironic-python-agent.d/mysteps.yaml",
            "runner": "podman",
            "pull_options": [],
            "run_options": ["--rm", "--network=host"],
        },
        "agent_token": token,
        "agent_token_required": True,
        "agent_md5_checksum_enable": True,
        "disable_deep_image_inspection": False,
        "permitted_image_formats": ["raw", "gpt", "qcow2", "iso"],
        "agent_skip_bmc_detect": node.management_interface == "redfish",
        "enable_bios_bootloader_install": False,
        "tls_min_version": "1.3",
        "tls_cipher_suites": None,
    }
