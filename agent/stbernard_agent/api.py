"""The agent's side of the Bare Metal API: who am I (lookup), and here I am (heartbeat)."""

import email.utils
import http.client
import json
import ssl
import urllib.parse
from typing import Any

from stbernard_agent import __version__
from stbernard_agent.settings import Settings

API_VERSION = "1.68"  # agent_verify_ca: the service learns the agent's certificate (Ironic 17.0)
TIMEOUT = 30.0  # seconds for one request
MASKED = "******"  # what the service shows instead of a token that it gave away already


class ApiError(Exception):
    """The service did not do what was asked; the text is for the person at the console."""


class Node:
    """What lookup says: the node this server is, its token, seconds between heartbeats, and (an
    extension of St. Bernard's) the network_data.json of its own network, for after the rescue."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.uuid: str = answer["node"]["uuid"]
        self.name: str | None = answer["node"].get("name")
        self.token: str = answer["config"].get("agent_token") or ""
        self.tenant_network_data = answer["config"].get("tenant_network_data")
        self.heartbeat_timeout = float(answer["config"]["heartbeat_timeout"])


class BareMetalApi:
    """The service at `ipa-api-url`; where it names several, the first that answers.

    `own_address` and `clock` (seconds since 1970, from the Date header) are known after the
    first answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.own_address = ""
        self.clock: float | None = None

    def lookup(self, macs: list[str]) -> Node:
        """The node with a port of one of these MAC addresses.

        :raises ApiError: unreachable, refused, or no such node in a state that has an agent.
        """
        query = urllib.parse.urlencode({"addresses": ",".join(macs)}, safe=":,")
        status, answer = self._request("GET", f"/v1/lookup?{query}")
        if status == http.client.NOT_FOUND:
            raise ApiError(
                f"the service expects no node with {', '.join(macs)}; check that a port has one of"
                " these addresses and that its node is being rescued"
            )
        if status != http.client.OK:
            raise ApiError(f"the service refuses the lookup: {_reason(status, answer)}")
        try:
            return Node(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            text = "the service answers a lookup with something else; check ipa-api-url"
            raise ApiError(text) from error

    def heartbeat(self, node_uuid: str, token: str, certificate: str) -> None:
        """Say where this agent listens. `certificate` (PEM) is what it will show there.

        :raises ApiError: unreachable or refused.
        """
        host = f"[{self.own_address}]" if ":" in self.own_address else self.own_address
        body = {
            "callback_url": f"https://{host}:{self._settings.port}",
            "agent_version": __version__,
            "agent_token": token,
            "agent_verify_ca": certificate,
        }
        status, answer = self._request("POST", f"/v1/heartbeat/{node_uuid}", body)
        if status != http.client.ACCEPTED:
            raise ApiError(f"the service refuses the heartbeat: {_reason(status, answer)}")

    def _request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Ask one service after the other; returns status and decoded body (None: not JSON)."""
        failures = []
        for url in self._settings.api_urls:
            try:
                return self._request_to(url, method, path, body)
            except (OSError, http.client.HTTPException) as failure:
                failures.append(f"{url} does not answer ({failure or type(failure).__name__})")
        raise ApiError("; ".join(failures) + "; check the service, routes and firewalls")

    def _request_to(self, url: str, method: str, path: str, body: object) -> tuple[int, Any]:
        parts = urllib.parse.urlsplit(url)
        connection = self._connection(parts)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-OpenStack-Ironic-API-Version": API_VERSION,
        }
        try:
            connection.connect()
            own_address = connection.sock.getsockname()[0]
            connection.request(
                method, parts.path + path, None if body is None else json.dumps(body), headers
            )
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        self.own_address = own_address
        if date := email.utils.parsedate_tz(response.getheader("Date", "")):
            self.clock = float(email.utils.mktime_tz(date))
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, None

    def _connection(self, url: urllib.parse.SplitResult) -> http.client.HTTPConnection:
        if url.scheme != "https":
            return http.client.HTTPConnection(url.netloc, timeout=TIMEOUT)
        context = ssl.create_default_context()
        if self._settings.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(url.netloc, timeout=TIMEOUT, context=context)


def _reason(status: int, answer: Any) -> str:
    """The text in an error of Ironic: JSON in JSON, under one of two names."""
    error = answer.get("error_message", answer) if isinstance(answer, dict) else None
    try:
        error = json.loads(error) if isinstance(error, str) else error
    except ValueError:
        return f"{status} {error}"
    text = isinstance(error, dict) and (error.get("faultstring") or error.get("description"))
    return f"{status} {text or http.client.responses.get(status, '')}".strip()
