"""Channels by which a CRM tells of changes for a while only: opened, and renewed long before they end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from gateway.application.access import opened
from gateway.application.asking import Trouble
from gateway.application.fetching import Bench, Means, Settle, asked
from gateway.application.renewing import Standings
from gateway.application.sealing import CannotOpen, Seal
from gateway.domain.connection import Channel, Connection
from gateway.domain.crm_api.apis import APIS
from gateway.domain.crm_api.calls import Opening
from gateway.domain.webhooks.reading import Unreadable

RENEW_EVERY: Final = timedelta(days=1)
TRY_AGAIN: Final = timedelta(minutes=10)
NOT_RENEWED: Final = "channel-not-renewed"
_ANSWERS: Final = frozenset({200, 201, 202, 400})  # whose body says what became of it
_NOT_ITS_OWN: Final = frozenset({"rate-limited", "token-ended", "token-refused"})


@dataclass(frozen=True)
class ChannelKeeping:
    """Keeps the channels of connections open. `public_url` is where CRMs find this gateway."""

    means: Means
    standings: Standings
    seal: Seal
    public_url: str

    async def keep(self, connection: Connection) -> Settle:
        """Open a connection's channel or renew it; return what settles the turn."""
        found = await self._until(connection)
        trouble = found if isinstance(found, Trouble) else None
        later = TRY_AGAIN if trouble else RENEW_EVERY
        if not isinstance(found, Trouble):
            channel = Channel(channel_id(connection), found) if found else None
            await self.standings.change(
                connection, lambda known: replace(known, channel=channel).relieved(NOT_RENEWED)
            )
            later = RENEW_EVERY if found else timedelta(0)

        async def settle(bench: Bench) -> Trouble | None:
            await bench.lane.channel_later(later)
            return trouble

        return settle

    async def _until(self, connection: Connection) -> datetime | Trouble | None:
        """Return until when the channel is open now, None if the CRM has forgotten it."""
        channels = APIS[connection.provider].channels
        assert channels is not None, "only what has channels is kept open"
        now = self.means.clock.now()
        newest = connection.live_secrets(now)[0]
        try:
            opening = Opening(
                channel_id(connection),
                opened(newest, self.seal),
                connection.address(self.public_url),
                now + channels.lasts,
            )
        except CannotOpen:
            return Trouble(NOT_RENEWED, "The connection's secret was sealed elsewhere.")
        call = channels.renewed(opening) if connection.channel else channels.opened(opening)
        reply = await asked(connection, call, self.means, also=_ANSWERS)
        if isinstance(reply, Trouble):
            return reply if reply.code in _NOT_ITS_OWN else Trouble(NOT_RENEWED, reply.detail)
        try:
            heard = channels.heard(reply, opening)
        except Unreadable as error:
            return Trouble(NOT_RENEWED, f"The CRM's answer is not as documented: {error}.")
        if isinstance(heard, datetime):
            return heard
        if connection.channel and heard == channels.forgotten:
            return None
        return Trouble(NOT_RENEWED, f"The CRM does not keep the channel open: {heard}.")


def channel_id(connection: Connection) -> int:
    """Return the number of a connection's channel: one that its owner has named, or one of our own."""
    named = connection.settings.get("channel_id", "")
    if named.isascii() and named.isdecimal():
        return int(named)
    return int.from_bytes(sha256(connection.id.bytes).digest()[:8]) >> 2  # a positive int64
