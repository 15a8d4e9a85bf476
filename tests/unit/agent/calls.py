"""What the service asks of an agent, and a person's login, from the other end of the cable."""

import asyncio
import http.client
import json
import ssl
from typing import Any

import asyncssh
from passlib.hash import sha512_crypt

from .fakes import FakeService
from .namespaces import Site, inside

PASSWORD = "correct horse"
HASH = sha512_crypt.using(rounds=5000).hash(PASSWORD)


def call(site: Site, agent: dict[str, Any], method: str, path: str, body: object = None) -> Any:
    """Call the agent that sent this heartbeat, as the service does."""
    context = ssl.create_default_context(cadata=agent["agent_verify_ca"])
    host = agent["callback_url"].removeprefix("https://")
    content = None if body is None else json.dumps(body)

    def request() -> Any:
        connection = http.client.HTTPSConnection(host, context=context, timeout=60)
        try:
            connection.request(method, f"{path}?agent_token={agent['agent_token']}", content)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    return inside(site.services, request)


def finalize(site: Site, service: FakeService) -> tuple[dict[str, Any], dict[str, Any]]:
    """The next heartbeat's body, and the result of the command that the service answers with."""
    agent = service.heartbeats.get(timeout=60)["body"]
    return agent, send_finalize(site, agent)


def send_finalize(site: Site, agent: dict[str, Any]) -> dict[str, Any]:
    params = {"rescue_password": HASH, "hashed": True}
    command = {"name": "rescue.finalize_rescue", "params": params}
    result: dict[str, Any] = call(site, agent, "POST", "/v1/commands/", command)
    return result


def log_in(site: Site, address: str, host_key: str) -> str:
    """What the server says to `rescue` after a login with the password, host key verified."""
    known = asyncssh.import_known_hosts(f"{address} {host_key}\n")

    async def login() -> str:
        async with asyncssh.connect(
            address, username="rescue", password=PASSWORD, known_hosts=known, config=None
        ) as connection:
            return str((await connection.run("id")).stdout)

    return inside(site.services, lambda: asyncio.run(login()))
