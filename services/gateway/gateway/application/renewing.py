"""Tokens that end are renewed before they do, or once they are refused; a refusal to renew is for a person.

A lane is one worker's, so one asks. What was given is written under the lock of the connection's row, and
only where its access is still what it was: an owner who gave another meanwhile wins.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.application.access import credentials_of, sealed
from gateway.application.asking import Trouble, Unreachable, trouble_of
from gateway.application.fetching import Bench, Means, Settle
from gateway.application.sealing import CannotOpen, Seal
from gateway.domain.connection import Access, Connection, Grant
from gateway.domain.crm_api.apis import APIS
from gateway.domain.crm_api.tokens import Given, asked_for, given_by
from gateway.domain.webhooks.reading import Unreadable

RENEW_AGAIN: Final = timedelta(hours=1)  # where even a new token is refused
_OF_ACCESS: Final = ("token-refused", "grant-refused")


class Standings(Protocol):
    """How connections stand with their CRMs, of all tenants."""

    async def change(self, seen: Connection, changed: Callable[[Connection], Connection]) -> None:
        """Change a connection whose access is still as it was seen; another one stays as it is."""
        ...


@dataclass(frozen=True)
class Renewal:
    """Keeps the tokens of connections good, and says where that is not possible."""

    means: Means
    standings: Standings
    seal: Seal

    async def renew(self, connection: Connection) -> Settle:
        """Get a token and keep it, in whatever hands the lane is by then; return what settles the turn."""
        access = connection.access
        assert access is not None, "only what has access is renewed"
        assert access.grant is not None, "only what was granted is renewed"
        now = self.means.clock.now()
        given = await self._given(connection, access, access.grant, now)
        trouble = given if isinstance(given, Trouble) else None
        if isinstance(given, Given):
            renewed = _with(access, access.grant, given, self.seal, now)
            await self.standings.change(
                connection, lambda known: replace(known, access=renewed).relieved("grant-refused")
            )

        async def settle(_bench: Bench) -> Trouble | None:
            return trouble

        return settle

    async def note(self, connection: Connection, trouble: Trouble | None) -> None:
        """Keep what an answer says of the connection: its token was taken, has ended, or is refused."""
        now = self.means.clock.now()

        def stands(known: Connection) -> Connection:
            assert known.access is not None, "only what has access is asked"
            if trouble is None:
                taken = replace(known.access, doubted=False)
                return replace(known, access=taken).relieved(*_OF_ACCESS)
            if trouble.code == "token-ended":
                return replace(known, access=known.access.ending(now))
            if trouble.code == "channel-not-renewed":
                return known.needing(trouble.code, trouble.detail, now)
            if trouble.code in _OF_ACCESS:
                again = known.access.ending(now + RENEW_AGAIN)
                return replace(known, access=again).needing(trouble.code, trouble.detail, now)
            return known

        if stands(connection) != connection:
            await self.standings.change(connection, stands)

    async def _given(
        self, connection: Connection, access: Access, grant: Grant, now: datetime
    ) -> Given | Trouble:
        try:
            shown = credentials_of(grant, self.seal)
            question = asked_for(connection.provider, access.url, shown)
            reply = await self.means.ask(connection, question)
            trouble = trouble_of(APIS[connection.provider], reply, now)
            if trouble is not None and trouble.code in {"rate-limited", "crm-unavailable"}:
                return trouble
            given = given_by(reply)
        except CannotOpen:
            return Trouble("grant-refused", "What tokens are got with was sealed elsewhere.")
        except Unreachable as error:
            return Trouble("crm-unavailable", str(error))
        except Unreadable as error:
            return Trouble("crm-unavailable", f"The answer gives no token: {error}.")
        if isinstance(given, Given):
            return given
        return Trouble("grant-refused", f"The CRM does not renew the token: {given}.")


def _with(access: Access, grant: Grant, given: Given, seal: Seal, now: datetime) -> Access:
    ends = now + timedelta(seconds=given.life_s) if given.life_s is not None else None
    if given.refresh_token is not None:
        grant = replace(grant, refresh_token=sealed(given.refresh_token, seal, now))
    return replace(access, token=sealed(given.token, seal, now, ends), grant=grant)
