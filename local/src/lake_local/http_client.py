"""A small HTTP client for what listens on this machine: no proxies, JSON, an answer or a reason."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

import msgspec

NO_ANSWER: Final = 0
_opener: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """A status (0: nobody answered) and the decoded JSON, or None."""

    status: int
    body: Any
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.status == http.client.OK


class HttpClient:
    """GETs of one address."""

    def __init__(self, address: str, timeout_seconds: float = 5.0) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds

    def get(self, path: str) -> Answer:
        """Return the answer, whatever it is; never raises for one that did not come."""
        try:
            with _opener.open(self._address + path, timeout=self._timeout_seconds) as response:
                return Answer(response.status, _decoded(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _decoded(error.read()), error.reason)
        except (OSError, http.client.HTTPException) as error:
            return Answer(NO_ANSWER, None, str(error))


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
