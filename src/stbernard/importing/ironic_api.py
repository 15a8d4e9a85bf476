"""Reads a running Ironic over its API."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from stbernard.errors import SourceError
from stbernard.importing.kinds import Kind

NEWEST, OLDEST = 115, 38  # microversions; the older one has traits, volumes and rescue
TIMEOUT = 60  # seconds for an answer
_VERSION = "X-OpenStack-Ironic-API-Version"


class IronicApi:
    """Ironic at this address. Basic authentication takes its password from ~/.netrc, Keystone's
    token is that of the environment's OS_TOKEN: a command line is no place for them."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._session = requests.Session()
        if token := os.environ.get("OS_TOKEN"):
            self._session.headers["X-Auth-Token"] = token
        self._minor = self._negotiate()
        self._session.headers[_VERSION] = f"1.{self._minor}"

    def rows(self, kind: Kind) -> Iterator[Mapping[str, Any]]:
        if self._minor < kind.since:
            return
        path, _, query = kind.path.partition("?")
        if kind.table == "nodes" and self._minor >= 83:  # noqa: PLR2004 (1.83: child nodes)
            query = "include_children=True"
        name = path.removesuffix("/detail").rpartition("/")[2]
        url: str | None = f"{self._url}/v1/{path}?{query}"
        while url:
            answer = self._get(url)
            yield from answer[name]
            url = self._next(answer)

    def close(self) -> None:
        self._session.close()

    def _next(self, answer: Mapping[str, Any]) -> str | None:
        """The next page, at the address that is known to work."""
        _, found, path = str(answer.get("next", "")).partition("/v1/")
        return f"{self._url}/v1/{path}" if found else None

    def _negotiate(self) -> int:
        answer = self._get(f"{self._url}/v1")
        newest = answer.get("version", {}).get("version", "").removeprefix("1.")
        if not newest.isdigit():
            raise SourceError(f"{self._url} is no Bare Metal API: it names no version.")
        if int(newest) < OLDEST:
            raise SourceError(
                f"The Ironic at {self._url} speaks 1.{newest} at the most, 1.{OLDEST} is needed. "
                "Import from its database instead."
            )
        return min(int(newest), NEWEST)

    def _get(self, url: str) -> Any:
        try:
            answer = self._session.get(url, timeout=TIMEOUT)
            if answer.status_code in (401, 403):
                raise SourceError(
                    f"{url} refused us ({answer.status_code}). Put a Keystone token into OS_TOKEN "
                    "(openstack token issue -f value -c id), or a password into ~/.netrc."
                )
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise SourceError(f"The API cannot be read: {error}") from None
