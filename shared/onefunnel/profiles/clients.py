"""Asking another service: a direct ASGI call inside a process, HTTP between processes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from onefunnel import telemetry
from onefunnel.runtime import Header, ServiceClient, ServiceResponse, ServiceUnreachable

if TYPE_CHECKING:
    import aiohttp

ANSWER_TIMEOUT_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 2.0
_SKIPPED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_log = telemetry.log("clients")


class DirectClient:
    """Calls an app of this process. The app is looked up per call, so that it may be built later."""

    def __init__(self, app: Callable[[], ASGIApp]) -> None:
        self._app = app

    async def request(
        self, method: str, path: str, *, query: str, headers: Sequence[Header], body: bytes
    ) -> ServiceResponse:
        """Call the app once and return its whole answer."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": list(headers),
            "client": None,
            "server": None,
            "state": {},
        }
        exchange = _Exchange(body)
        try:
            await self._app()(scope, exchange.receive, exchange.send)
        except Exception as error:
            # The app has answered 500 and told its own log; the caller gets the answer.
            if exchange.status is None:
                raise ServiceUnreachable(path) from error
        return exchange.response()


class _Exchange:
    """One request and its answer, as ASGI messages."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._done = asyncio.Event()
        self._parts: list[bytes] = []
        self._headers: Sequence[Header] = ()
        self.status: int | None = None

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._done.wait()  # nobody hangs up before the answer is there
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = [(bytes(k), bytes(v)) for k, v in message.get("headers", ())]
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._done.set()

    def response(self) -> ServiceResponse:
        if self.status is None:
            raise ServiceUnreachable("the service returned without an answer")
        return ServiceResponse(self.status, self._headers, b"".join(self._parts))


class HttpClient:
    """Asks a service at its address, over connections that are kept open.

    aiohttp is imported by whoever has such a service: six megabytes that a single process need not hold.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, path: str, *, query: str, headers: Sequence[Header], body: bytes
    ) -> ServiceResponse:
        """Send one request and return the whole answer."""
        import aiohttp
        from yarl import URL

        url = URL(f"{self._address}{path}{'?' if query else ''}{query}", encoded=True)
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        try:
            async with self._opened().request(
                method, url, headers=sent, data=body or None, allow_redirects=False
            ) as response:
                content = await response.read()
                return ServiceResponse(response.status, response.raw_headers, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("service_unreachable", address=self._address, error=repr(error))
            raise ServiceUnreachable(self._address) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_SKIPPED,
                timeout=aiohttp.ClientTimeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            )
        return self._session


class Clients:
    """The services by name: those with an address over HTTP, all others in this process."""

    def __init__(self, apps: Mapping[str, ASGIApp], addresses: Mapping[str, str]) -> None:
        self._apps = apps
        self._over_http = {name: HttpClient(address) for name, address in addresses.items()}

    def __call__(self, name: str) -> ServiceClient:
        """Return the client of a service."""
        return self._over_http.get(name) or DirectClient(lambda: self._apps[name])

    async def close(self) -> None:
        """Close what is open."""
        for client in self._over_http.values():
            await client.close()
