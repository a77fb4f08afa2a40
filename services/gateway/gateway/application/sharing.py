"""Calls that speak of several accounts: what another connection claims is handed on to it, before the rest is read.

A vendor may know one address for everybody who uses an app. Whose an event is follows from the account that it
names; who may have it, from the secret: only a connection that would have believed the call itself, of whichever
tenant. What nobody claims stays where it came in.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.application.deliveries import Genuine, StoredDelivery
from gateway.application.intake import terms_of, unpacked, with_body
from gateway.application.sealing import Seal
from gateway.domain.connection import Connection
from gateway.domain.webhooks.providers import PROVIDERS, Accounts
from gateway.domain.webhooks.reading import Unreadable
from gateway.domain.webhooks.request import Secret, same
from onefunnel.ids import part_id


@dataclass(frozen=True, slots=True)
class Call:
    """A delivery that waits, and its body if that is still there."""

    delivery: StoredDelivery
    connection: Connection
    content: bytes | None = field(repr=False)


class Claimants(Protocol):
    """Connections of any tenant, and the way into them."""

    async def of(
        self, provider: str, setting: str, accounts: Collection[str]
    ) -> Sequence[Connection]:
        """Return the active connections to a vendor whose setting names one of these accounts."""
        ...

    async def hand(self, to: Connection, part: Genuine) -> None:
        """Keep a part of a call at a connection, in a transaction of its own; once, however often it is handed."""
        ...


class Rewriting(Protocol):
    """The deliveries of the tenant that the calls came to."""

    async def rewrite(self, delivery: StoredDelivery, content: bytes) -> None:
        """Put a part of a body in the place of the whole."""
        ...


class _AskedOnce:
    """Claimants that are asked once for the same accounts: calls that wait together mostly name the same."""

    def __init__(self, claimants: Claimants) -> None:
        self._claimants = claimants
        self._known: dict[tuple[str, frozenset[str]], Sequence[Connection]] = {}

    async def of(
        self, provider: str, setting: str, accounts: Collection[str]
    ) -> Sequence[Connection]:
        key = provider, frozenset(accounts)
        if key not in self._known:
            self._known[key] = await self._claimants.of(provider, setting, accounts)
        return self._known[key]

    async def hand(self, to: Connection, part: Genuine) -> None:
        await self._claimants.hand(to, part)


@dataclass(frozen=True)
class Sharing:
    """Hands on what others claim."""

    claimants: Claimants
    seal: Seal

    def for_a_turn(self) -> "Sharing":
        """Return the same for calls that are read together."""
        return replace(self, claimants=_AskedOnce(self.claimants))

    async def own_part(self, call: Call, *, deliveries: Rewriting) -> Call:
        """Hand on what others claim of a call; return it with what is left of it."""
        accounts = PROVIDERS[call.connection.provider].accounts
        if accounts is None or call.content is None:
            return call
        own = call.connection.settings.get(accounts.setting)
        named = accounts.named(unpacked(call.content).body) - {own}
        if not named:
            return call
        found = await self.claimants.of(call.connection.provider, accounts.setting, named)
        signing = ((one, self._signed(one, call)) for one in found)
        claiming = [(one, secret) for one, secret in signing if secret is not None]
        return await self._parted(call, accounts, claiming, deliveries) if claiming else call

    def _signed(self, claimant: Connection, call: Call) -> Secret | None:
        """Return which secret of a connection signed a call to another one."""
        signed = next((s for s in call.connection.secrets if s.id == call.delivery.secret_id), None)
        if signed is None or claimant.id == call.connection.id:
            return None
        text = self.seal.open(signed.sealed, signed.id).decode()
        live = terms_of(claimant, self.seal, call.delivery.received_at).secrets
        return next((secret for secret in live if same(secret.text, text)), None)

    async def _parted(
        self,
        call: Call,
        accounts: Accounts,
        claiming: Sequence[tuple[Connection, Secret]],
        deliveries: Rewriting,
    ) -> Call:
        assert call.content is not None, "what is gone is not parted"
        claimed = {claimant.settings[accounts.setting] for claimant, _ in claiming}
        try:
            parts, rest = accounts.parted(unpacked(call.content).body, claimed)
        except Unreadable:  # it is named when the call is read
            return call
        for claimant, secret in claiming:
            if (body := parts.get(claimant.settings[accounts.setting])) is None:
                continue
            content, delivery = with_body(call.content, body), call.delivery
            part = Genuine(
                claimant.id, delivery.received_at, content, secret.id, delivery.trace,
                part_id(delivery.id, claimant.id),
            )  # fmt: skip
            await self.claimants.hand(claimant, part)
        content = with_body(call.content, rest)
        await deliveries.rewrite(call.delivery, content)
        return replace(call, content=content)
