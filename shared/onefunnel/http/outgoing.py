"""Calls to servers that somebody else named: one request, to a checked address, with every limit set.

The name is looked up once per connection, all its addresses are judged, and the connection goes to
one of those: between the check and the connection there is no second look-up that could differ. The
`Host` header and the name in TLS stay those of the URL. Redirects are not followed, proxies of the
environment are not used, cookies are not kept.

    async with Outgoing(Rules()) as outgoing:
        answer = await outgoing.request("POST", url, headers={}, body=b"{}")
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from onefunnel.http.public_urls import (
    NotAllowed,
    Resolve,
    Rules,
    check_addresses,
    resolved,
    target_of,
)

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S: Final = 10.0  # from the look-up of the name to the last byte that is read
MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_CONNECTIONS: Final = 64
_SKIPPED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class CallFailed(Exception):
    """No answer came: the text is one word of ours for why, such as `timeout` or `connection`."""


@dataclass(frozen=True, slots=True)
class OutgoingAnswer:
    """What came back, compressed as it was sent; `cut` if it was longer than what is read."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    cut: bool


class Outgoing:
    """Calls other people's servers; use it as a context, so that its connections are closed.

    aiohttp is imported with the first call: a process that calls nobody need not hold it.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        resolve: Resolve = resolved,
        tls: SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Take `tls` where other certificates are to be believed than those the system believes."""
        self._rules = rules
        self._resolve = resolve
        self._tls = tls
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> OutgoingAnswer:
        """Send one request. Raises `NotAllowed`, or `CallFailed` where nobody answered in time."""
        import aiohttp
        from yarl import URL

        target = target_of(url, self._rules)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._opened().request(
                    method,
                    URL(target.url, encoded=True),
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                ) as response,
            ):
                return await self._answer(response)
        except TimeoutError as error:
            raise CallFailed("timeout") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise CallFailed("name") from error
        except aiohttp.ClientSSLError as error:
            raise CallFailed("tls") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed("connection") from error

    async def _answer(self, response: "aiohttp.ClientResponse") -> OutgoingAnswer:
        limit, body = self._max_answer_bytes, bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > limit:
                response.close()  # the rest is not waited for, and the connection not used again
                break
        headers = {name.lower(): value for name, value in response.headers.items()}
        return OutgoingAnswer(response.status, headers, bytes(body[:limit]), len(body) > limit)

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_checking_resolver(self._resolve, self._rules),
                use_dns_cache=False,
                ssl=self._tls or True,
                limit=MAX_CONNECTIONS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_SKIPPED,
                timeout=aiohttp.ClientTimeout(),  # one limit for all of it is set around the call
            )
        return self._session


def _checking_resolver(resolve: Resolve, rules: Rules) -> "aiohttp.abc.AbstractResolver":
    """Return a resolver that gives out nothing but checked addresses."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Checking(AbstractResolver):
        async def resolve(
            self,
            host: str,
            port: int = 0,
            family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - both kinds are given
        ) -> list[ResolveResult]:
            addresses = await resolve(host, port)
            check_addresses(addresses, rules)
            return [_result(host, port, address) for address in addresses]

        async def close(self) -> None:
            """Have nothing to close."""

    return Checking()


def _result(host: str, port: int, address: str) -> "aiohttp.abc.ResolveResult":
    from aiohttp.abc import ResolveResult

    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )


__all__ = ["CallFailed", "NotAllowed", "Outgoing", "OutgoingAnswer", "Rules"]
