"""Asks CRMs over HTTPS: one client a connection, no redirects, answers in bounds."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson

from gateway.application.access import token_of
from gateway.application.asking import MAX_ANSWER_BYTES, Unreachable
from gateway.application.sealing import CannotOpen, Seal
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS, Addresses
from gateway.domain.crm_api.calls import FORM, Call, Reply

if TYPE_CHECKING:
    import httpx

TIMEOUT_S: Final = 20.0
MAX_CLIENTS: Final = 50


class CrmHttp:
    """Asks each CRM at its connection's address, if that is one of its vendor's."""

    def __init__(self, addresses: Addresses, seal: Seal) -> None:
        self._addresses = addresses
        self._seal = seal
        self._clients: OrderedDict[tuple[UUID, str], httpx.AsyncClient] = OrderedDict()

    async def __call__(self, connection: Connection, call: Call) -> Reply:
        """Return the whole answer whatever its status. Raises `Unreachable`."""
        assert connection.access is not None, "only what has access is asked"
        url = connection.access.url
        if (why := self._addresses.why_not(connection.provider, url)) is not None:
            raise Unreachable(why)
        authorized = {} if call.base else self._authorized(connection)
        headers = {"accept": "application/json", **authorized, **call.headers}
        client = await self._client(connection.id, call.base or url)
        return await _answer(client, call, headers, _content(call, headers))

    def _authorized(self, connection: Connection) -> Mapping[str, str]:
        try:
            token = token_of(connection, self._seal)
        except CannotOpen as error:
            raise Unreachable("The token was sealed by another installation.") from error
        api = APIS[connection.provider]
        granted = connection.access is not None and connection.access.grant is not None
        return (api.granted if granted else api.authorized)(token)

    async def close(self) -> None:
        """Close every client."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()

    async def _client(self, connection_id: UUID, url: str) -> "httpx.AsyncClient":
        # Here and not above: nobody needs it who has no CRM to ask.
        import httpx

        key = (connection_id, url)
        client = self._clients.get(key)
        if client is None:
            if len(self._clients) >= MAX_CLIENTS:
                _, oldest = self._clients.popitem(last=False)
                await oldest.aclose()
            client = self._clients[key] = httpx.AsyncClient(
                base_url=url, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
            )
        self._clients.move_to_end(key)
        return client


def _content(call: Call, headers: dict[str, str]) -> bytes | None:
    """Return the body of a question, a form if its headers say so, else JSON."""
    if call.body is None:
        return None
    if headers.setdefault("content-type", "application/json") == FORM:
        return urlencode(call.body).encode()
    return orjson.dumps(call.body)


async def _answer(
    client: "httpx.AsyncClient", call: Call, headers: dict[str, str], content: bytes | None
) -> Reply:
    import httpx

    try:
        async with client.stream(
            call.method, call.path, headers=headers, content=content
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    raise Unreachable("The CRM's answer is larger than any that we take.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"The CRM could not be asked: {type(error).__name__}.") from error
    named = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, named, bytes(body))
