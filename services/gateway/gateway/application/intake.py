"""The way in of every webhook: is it genuine, what does it say, keep it."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast
from uuid import UUID

import orjson

from gateway.application.deliveries import Genuine
from gateway.application.sealing import Seal
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS
from gateway.domain.crm_api.calls import Reply
from gateway.domain.webhooks.providers import PROVIDERS, Provider
from gateway.domain.webhooks.reading import Kind, Told
from gateway.domain.webhooks.request import Received, Secret, Terms, Verdict
from onefunnel.ids import NOBODY

MAX_REMEMBERED: Final = 20
MAX_CONNECTIONS: Final = 1_000
# What a delivery needs to be read again. Credentials and signatures are not among it.
_KEPT: Final = ("content-type", "webhook-id", "x-ms-dynamics-msg-size-exceeded")
_ASKED: Final = "asked-for"  # no name that a request's header can have here: it is no kept one
# A secret of no connection: an endpoint that is not there takes as long as a wrong signature.
_NOBODYS: Final = Secret(NOBODY, "whsec_bm9ib2R5")


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was not believed: when and why, and nothing of what was in it."""

    at: datetime
    reason: str


class Endpoints(Protocol):
    """Whose an endpoint is, before anything else is known of a request."""

    def remembered(self, endpoint_id: str) -> UUID | None:
        """Return the tenant of an endpoint that was looked up before, None if it was not."""
        ...

    async def looked_up(self, endpoint_id: str) -> UUID | None:
        """Return the tenant of an endpoint, None if there is none."""
        ...


class Connections(Protocol):
    """The connections of one tenant, in one transaction."""

    async def at(self, endpoint_ids: Collection[str]) -> Mapping[str, Connection]:
        """Return the connections behind endpoints."""
        ...


class Refusals:
    """The last refusals of each connection, in the memory of this process: a forged request writes nothing."""

    def __init__(self) -> None:
        self._of: dict[UUID, deque[Refused]] = {}

    def note(self, connection_id: UUID, at: datetime, reason: str) -> None:
        """Remember a refusal."""
        if connection_id not in self._of and len(self._of) >= MAX_CONNECTIONS:
            del self._of[next(iter(self._of))]
        self._of.setdefault(connection_id, deque(maxlen=MAX_REMEMBERED)).appendleft(
            Refused(at, reason)
        )

    def of(self, connection_id: UUID) -> Sequence[Refused]:
        """Return the last refusals of a connection, the newest first."""
        return tuple(self._of.get(connection_id, ()))


def judged(
    provider: Provider, connection: Connection | None, received: Received, seal: Seal, now: datetime
) -> Verdict:
    """Say whether a request is genuine; for an endpoint that is not there it takes as long to say no."""
    if connection is None or connection.provider != provider.name:
        seal.close(_NOBODYS.text.encode(), NOBODY)  # instead of the one that is opened
        provider.verify(received, Terms((_NOBODYS,)), now)
        return Verdict(reason="unknown-endpoint")
    return provider.verify(received, terms_of(connection, seal, now), now)


def terms_of(connection: Connection, seal: Seal, now: datetime) -> Terms:
    """Return what a connection judges by, its secrets opened."""
    secrets = (
        Secret(one.id, seal.open(one.sealed, one.id).decode())
        for one in connection.live_secrets(now)
    )
    return Terms(tuple(secrets), connection.settings)


def believed(
    connection: Connection, received: Received, now: datetime, verdict: Verdict, trace: str
) -> Genuine:
    """Return a genuine request as it is kept. Raises `Unreadable` where it is not what its vendor sends."""
    provider = PROVIDERS[connection.provider]
    check = provider.check or provider.read
    check(received, Terms((), connection.settings))
    content = packed(received, provider)
    return Genuine(connection.id, now, content, verdict.secret_id, trace)


def packed(received: Received, provider: Provider) -> bytes:
    """Return what is kept of a request: its body and the few headers that say what the body is."""
    headers = {
        name: value
        for name, value in received.headers.items()
        if name in _KEPT or name.startswith("ce-")
    }
    return orjson.dumps(headers) + b"\n" + provider.kept(received.body)


def packed_answer(kind: Kind, body: bytes) -> bytes:
    """Return what is kept of an answer that we asked the CRM for."""
    return orjson.dumps({_ASKED: kind}) + b"\n" + body


def told_in(connection: Connection, content: bytes) -> Told:
    """Read once more what was kept: a request or an answer."""
    received = unpacked(content)
    kind = received.headers.get(_ASKED)
    if kind is None:
        return PROVIDERS[connection.provider].read(received, Terms((), connection.settings))
    reply = Reply(200, {}, received.body)
    return Told(APIS[connection.provider].changes_of(cast(Kind, kind), reply))


def with_body(content: bytes, body: bytes) -> bytes:
    """Return what was kept, with another body."""
    return content.partition(b"\n")[0] + b"\n" + body


def unpacked(content: bytes) -> Received:
    """Return a kept request as it can be read again."""
    headers, _, body = content.partition(b"\n")
    return Received("POST", "", orjson.loads(headers), {}, body)
