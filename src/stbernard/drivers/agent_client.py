"""HTTP to the agent in a rescue ramdisk (the API of ironic-python-agent).

By http.client: it trusts exactly the agent's own certificate, knows no proxy, and logs nothing, so
that the token in the query and the hash in the body stay out of every log.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from stbernard.drivers.base import Task
from stbernard.errors import AgentError, AgentUnreachable

CONNECT_TIMEOUT = 10  # seconds
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which ssl has no name for


class NotListening(AgentUnreachable):
    """Nothing takes connections there (any more)."""


def call(
    task: Task,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    **query: str,
) -> dict[str, Any]:
    """The answer's JSON object. `body` is sent as JSON; the token goes with the query.

    Raises NotListening, AgentUnreachable if trying again may help, AgentError."""
    agent = task.node.agent
    if not agent.url:
        raise AgentError(f"Node {task.node.uuid} has no agent: no heartbeat has come.")
    who = f"The agent of node {task.node.uuid} at {agent.url}"
    connection = _connection(task, agent.url)
    try:
        _connect(connection, who)
        if connection.sock:
            connection.sock.settimeout(task.settings.agent.command_timeout)
        connection.request(
            method,
            f"{urlsplit(agent.url).path.rstrip('/')}{path}?"
            + urlencode({**query, "agent_token": agent.token or ""}),
            body=json.dumps(body) if body is not None else None,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        response = connection.getresponse()
        return _json(who, response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise AgentUnreachable(f"{who} broke off the connection: {_reason(error)}.") from None
    finally:
        connection.close()


def host(url: str) -> str:
    """The address in an agent's URL."""
    return urlsplit(url).hostname or ""


def _connection(task: Task, url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "http":
        return http.client.HTTPConnection(host(url), parts.port, timeout=CONNECT_TIMEOUT)
    return http.client.HTTPSConnection(
        host(url), parts.port, timeout=CONNECT_TIMEOUT, context=_trust(task)
    )


def _trust(task: Task) -> ssl.SSLContext:
    """Only the certificate the agent announced in its heartbeat, else [agent]verify_ca.

    Of the announced one it does not matter from when on it is valid: it was made a moment ago, by
    the clock of a broken server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verify = task.settings.agent.verify_ca
    try:
        if task.node.agent.verify_ca:
            context.load_verify_locations(cadata=task.node.agent.verify_ca)
            context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
        elif verify.lower() == "false":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif verify.lower() == "true":
            context.load_default_certs()
        else:
            context.load_verify_locations(verify)
    except (OSError, ValueError) as error:
        raise AgentError(
            f"The certificate to trust the agent of node {task.node.uuid} by cannot be read: "
            f"{error}. It comes from the agent's heartbeat, else from [agent]verify_ca."
        ) from error
    return context


def _connect(connection: http.client.HTTPConnection, who: str) -> None:
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise AgentError(
            f"{who} shows another certificate than the one it announced "
            f"({error.verify_message}): is another machine at its address?"
        ) from None
    except ssl.SSLError as error:
        raise AgentUnreachable(f"{who} broke off the TLS handshake: {_reason(error)}.") from None
    except OSError as error:
        raise NotListening(
            f"{who} cannot be connected to: {_reason(error)}. "
            "Can this host reach the rescuing network?"
        ) from None


def _json(who: str, status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if status == HTTPStatus.OK and isinstance(answer, dict):
        return answer
    reason = answer.get("faultstring") if isinstance(answer, dict) else None
    text = f"{who} answered {status}: {reason or 'no reason given'}"
    if status == HTTPStatus.CONFLICT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise AgentUnreachable(text)  # busy, or in trouble that may pass
    raise AgentError(text)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
