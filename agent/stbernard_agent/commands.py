"""What the service may ask of the agent, in ironic-python-agent's terms; HTTP is in server.py."""

import hmac
import http
import os
import threading
import time
from typing import Any

from stbernard_agent import __version__
from stbernard_agent.network import Network
from stbernard_agent.rescue import PASSWORD_HASH, RescueError, RescueLogin

Json = dict[str, Any]
FINALIZE_RESCUE = "finalize_rescue"


class ProblemError(Exception):
    """A request that cannot be answered, as ironic-python-agent words it.

    `body` is `{"faultcode": "Client", "faultstring": …}`.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = http.HTTPStatus(status)
        self.body = {"faultcode": "Client", "faultstring": text}


class Commands:
    """The commands that were run, and the only one there is: `rescue.finalize_rescue`.

    `finished` is set when its good result has reached the service.
    """

    def __init__(self, token: str, login: RescueLogin, network: Network) -> None:
        self.finished = threading.Event()
        self._token = token
        self._login = login
        self._network = network
        self._started_at = time.time()
        self._results: list[Json] = []
        self._opened: tuple[str, Json] | None = None  # the hash that opened the login; the result
        self._one_at_a_time = threading.Lock()

    def check_token(self, token: str) -> None:
        """:raises ProblemError: 401, the caller does not have this node's agent token."""
        if not self._token or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise ProblemError(401, "401 Unauthorized: Token invalid.")

    def status(self) -> Json:
        """What anybody may know: seconds since 1970 at start, and version."""
        return {"started_at": self._started_at, "version": __version__}

    def identity(self) -> Json:
        """What the holder of the token may know too: how to find and recognise the rescue login."""
        return {"ssh_host_key": self._login.host_key(), "addresses": self._network.addresses()}

    def results(self) -> list[Json]:
        """All results so far, oldest first."""
        return self._results

    def result(self, identifier: str) -> Json:
        """:raises ProblemError: 404, no such result."""
        for result in self._results:
            if result["id"] == identifier:
                return result
        raise ProblemError(404, f"Not found: Command with id {identifier} not found.")

    def run(self, name: object, params: object) -> Json:
        """Run a command to its end and return its result, SUCCEEDED or FAILED.

        A second caller waits for the first: it is the service asking again, since it lost the
        answer.

        :raises ProblemError: 400 or 404, there is no such command.
        """
        if not isinstance(name, str) or not isinstance(params, dict):
            raise ProblemError(400, "400 Bad Request: Missing or invalid name or params")
        extension, _, command = name.partition(".")
        if not command:
            raise ProblemError(400, "Invalid command: it must be of the form <extension>.<name>")
        if extension != "rescue":
            raise ProblemError(404, f"Not found: Extension with id {extension} not found.")
        if command != FINALIZE_RESCUE:
            raise ProblemError(400, f"Invalid command: Unknown command: {command}")
        with self._one_at_a_time:
            return self._finalize_rescue(params)

    def _finalize_rescue(self, params: Json) -> Json:
        password_hash = params.get("rescue_password")
        if params.get("hashed") is not True:
            return self._failed("only a hashed rescue password is accepted; send hashed=true")
        if not isinstance(password_hash, str) or not PASSWORD_HASH.fullmatch(password_hash):
            return self._failed("rescue_password is no sha256, sha512 or yescrypt hash of crypt(5)")
        if self._opened:
            opened_with, result = self._opened
            if opened_with == password_hash:
                return result
            return self._failed("the rescue login is open already, with another password")
        try:
            self._login.open(password_hash)
        except RescueError as failure:
            return self._failed(str(failure))
        result = self._record("SUCCEEDED", result=self.identity())
        self._opened = password_hash, result
        return result

    def _failed(self, details: str) -> Json:
        error = {
            "type": "CommandExecutionError",
            "code": 500,
            "message": "Command execution failed",
            "details": details,
        }
        return self._record("FAILED", error=error)

    def _record(
        self, status: str, *, result: Json | None = None, error: Json | None = None
    ) -> Json:
        record = {
            "id": os.urandom(16).hex(),
            "command_name": FINALIZE_RESCUE,
            "command_params": {"rescue_password": "******", "hashed": True},
            "command_status": status,
            "command_error": error,
            "command_result": result,
        }
        self._results.append(record)
        return record
