"""The command is a client like any other: requests to the gateway, answers or failures in words."""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from standalone.console.failure import FAILED, NOT_READY, REFUSED, USAGE, Failure

TIMEOUT_S: Final = 60
_EXIT_BY_STATUS: Final = {401: REFUSED, 403: REFUSED, 409: REFUSED, 412: REFUSED, 429: NOT_READY}
_HELP_BY_STATUS: Final = {
    401: "give a key with --key or ONEFUNNEL_KEY; those of this machine are in DATA/keys.json",
    403: "use a key of a role that may do this:  onefunnel key create --role ROLE",
    404: "check the name or id; a list of what there is helps, such as  onefunnel status",
    503: "wait a moment and try again;  onefunnel status  says what is behind",
}
Query = Mapping[str, str | int | None]


class Unreachable(Exception):
    """No answer came: nobody knows whether the request was carried out."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; a body that is none is a bug or another program's."""
        try:
            return json.loads(self.body or b"null")
        except ValueError:
            raise Failure(
                "the answer is not from a gateway",
                because=(f"status {self.status} came with a body that is not JSON",),
                help="check --url; another program may listen there",
                code="bad-answer",
            ) from None


class Gateway:
    """One keep-alive connection to the gateway. Not shared between threads."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url.rstrip("/")
        self._key = key
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Failure(
                f"{url} is not an address",
                help="such as  --url http://127.0.0.1:8080",
                code="bad-url",
                exit_code=USAGE,
            )
        make = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = make(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._prefix = parts.path

    def get(self, path: str, query: Query | None = None, **headers: str) -> Any:
        """Return what the gateway answers as JSON."""
        return self.call("GET", path, query=query, headers=headers).json()

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON and return the answer as JSON."""
        sent = json.dumps(body, ensure_ascii=False).encode()
        return self.call("POST", path, body=sent, headers=headers).json()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request; an error status or no answer is a `Failure` in the user's words."""
        try:
            response = self.send(method, path, query=query, body=body, headers=headers)
        except Unreachable as error:
            raise not_running(self.url, str(error)) from None
        if response.status >= 400:
            raise failure_of(response, f"{method} {path}")
        return response

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request and return the answer, whatever its status, or raise `Unreachable`."""
        given = urlencode(
            {name: value for name, value in (query or {}).items() if value is not None}
        )
        target = self._prefix + path + (f"?{given}" if given else "")
        try:
            self._connection.request(
                method, target, body=body, headers=self._headers(body, headers)
            )
            answer = self._connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, found, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _headers(self, body: bytes | None, given: Mapping[str, str] | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "onefunnel"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return {**headers, **(given or {})}


def not_running(url: str, cause: str) -> Failure:
    """Return the failure for a gateway that does not answer."""
    return Failure(
        f"no gateway answers at {url}",
        because=(cause,),
        help="start one with  onefunnel up  or name another with  --url",
        code="gateway-unreachable",
        exit_code=NOT_READY,
    )


def failure_of(response: Response, what: str) -> Failure:
    """Return the failure for a problem document, with its code and what to do."""
    problem = _problem(response)
    code = str(problem.get("type") or "about:blank").rstrip("/").rsplit("/", 1)[-1]
    causes = [str(problem.get("detail") or problem.get("title") or f"status {response.status}")]
    causes += [_place(error) for error in _errors(problem)]
    exit_code = _EXIT_BY_STATUS.get(
        response.status, NOT_READY if response.status >= 502 else FAILED
    )
    return Failure(
        f"the gateway refused {what}" if response.status < 500 else f"the gateway failed at {what}",
        because=tuple(causes),
        help=_HELP_BY_STATUS.get(response.status),
        code=code,
        exit_code=exit_code,
        request_id=response.headers.get("x-request-id"),
    )


def _problem(response: Response) -> Mapping[str, Any]:
    try:
        found = json.loads(response.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _errors(problem: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = problem.get("errors")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _place(error: Mapping[str, Any]) -> str:
    return f"{error.get('pointer') or '/'}: {error.get('detail') or error.get('code')}"
