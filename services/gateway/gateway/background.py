"""What the gateway does without being asked: publish, send, ask CRMs, forget, seal."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.bodies import BodySeals, expire
from gateway.adapters.claimants import DatabaseClaimants
from gateway.adapters.connections import ConnectionRepository, DatabaseStandings
from gateway.adapters.crm_api import CrmHttp
from gateway.adapters.deliveries import DatabaseUnread, DeliveryRepository
from gateway.adapters.erased_bodies import erase_bodies
from gateway.adapters.lanes import DatabaseLanes, LaneRepository
from gateway.adapters.looks import ContentService, DatabaseViews
from gateway.adapters.measuring import NAMES, Outside
from gateway.adapters.ours import LeadServiceStanding
from gateway.adapters.reconciliations import RunRepository
from gateway.adapters.sending import DatabaseAnnouncements, DatabaseClaims, asked_for
from gateway.application.asking import Asking
from gateway.application.channels import ChannelKeeping
from gateway.application.fetching import Bench, Lane
from gateway.application.fetching import Means as Fetching
from gateway.application.renewing import Renewal
from gateway.application.sealing import Seal
from gateway.application.sharing import Sharing
from gateway.domain.crm_api.apis import Addresses
from gateway.door import NAME, SYSTEM, doorkeeper_of
from gateway.entrypoints.consumers import GROUP, handlers
from gateway.entrypoints.crm_worker import CrmWorker
from gateway.entrypoints.expiring import expire_bodies
from gateway.entrypoints.reader import Reader
from gateway.entrypoints.sender import Sender
from gateway.entrypoints.taking_in import SOURCE
from gateway.entrypoints.views_worker import tell_views
from gateway.settings import GatewaySettings
from onefunnel.audit.sealer import keep_sealing
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope, Metadata
from onefunnel.events.privacy import SubjectErased
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.outgoing import Outgoing, Rules
from onefunnel.http.principal import Principal
from onefunnel.ids import new_id
from onefunnel.log.arrivals import Handler
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import COUNT_OPEN
from onefunnel.measured import Measured
from onefunnel.outbox.relay import Relay
from onefunnel.persistence.database import driver_of
from onefunnel.runtime import Header, Runtime
from onefunnel.service import Background
from onefunnel.vault.erasing import ERASED
from onefunnel.watch import Consumer, Watch, Watcher


def background(runtime: Runtime) -> tuple[Background, ...]:
    """Return all of it, for the gateway's worker."""
    return (
        relay(runtime),
        reactions(runtime),
        sender(runtime),
        partial(_read, runtime),
        partial(_forget, runtime),
        partial(_seal, runtime),
        partial(_ask_crms, runtime),
        partial(_expire_bodies, runtime),
        partial(_tell_views, runtime),
    )


def relay(runtime: Runtime) -> Background:
    """Return what carries the gateway's events to the log."""

    async def run(stop: asyncio.Event) -> None:
        database = runtime.worker_database(NAME)
        await Relay(database, runtime.log, SOURCE, runtime.wakeups.listen()).run(stop)

    return run


def reactions(runtime: Runtime) -> Background:
    """Return what listens to the services for those who subscribed."""
    return Reactions(
        runtime.worker_database(NAME),
        runtime.log,
        GROUP,
        reacting(runtime),
        interest=asked_for,
        wake=runtime.wakeups.wake,
    ).run


def sender(runtime: Runtime) -> Background:
    """Return what sends to those who subscribed."""
    rules, seal = outgoing_rules(), Seal(runtime.internal_key)

    async def run(stop: asyncio.Event) -> None:
        claims = DatabaseClaims(runtime.worker_database(NAME))
        listener = runtime.wakeups.listen()
        await Sender(claims, lambda: Outgoing(rules), seal, runtime.clock, listener).run(stop)

    return run


def reader(runtime: Runtime) -> Reader:
    """Return what reads deliveries of all tenants."""
    database, seal = runtime.worker_database(NAME), Seal(runtime.internal_key)
    deliveries = deliveries_of(seal)

    def others(conn: AsyncConnection, tenant_id: UUID) -> DeliveryRepository:
        now = runtime.clock.now()
        return deliveries(conn, Metadata(tenant_id, SOURCE, SYSTEM, str(new_id()), now))

    sharing = Sharing(DatabaseClaimants(database, others), seal)
    return Reader(
        DatabaseUnread(database), database, deliveries, ConnectionRepository, sharing, runtime.clock,
        runtime.wakeups.wake,
    )  # fmt: skip


def crm_worker(runtime: Runtime, ask: Asking) -> CrmWorker:
    """Return what goes to the CRMs of all tenants."""
    database = runtime.worker_database(NAME)
    deliveries = deliveries_of(Seal(runtime.internal_key))

    def bench(conn: AsyncConnection, lane: Lane, metadata: Metadata) -> Bench:
        return Bench(
            LaneRepository(conn, lane),
            ConnectionRepository(conn),
            deliveries(conn, metadata),
            RunRepository(conn, lane.tenant_id),
        )

    means = Fetching(ask, runtime.clock, bench)
    ours = LeadServiceStanding(runtime.client("lead"), _signed(runtime))
    standings, seal = DatabaseStandings(database), Seal(runtime.internal_key)
    channels = ChannelKeeping(means, standings, seal, GatewaySettings().public_url)
    renewal = Renewal(means, standings, seal)
    return CrmWorker(DatabaseLanes(database), database, means, ours, renewal, channels)


def deliveries_of(seal: Seal) -> Callable[[AsyncConnection, Metadata], DeliveryRepository]:
    """Return how deliveries are kept: their bodies under keys of their days."""
    return partial(DeliveryRepository, bodies=BodySeals(seal))


def addresses_of(settings: GatewaySettings) -> Addresses:
    """Return where CRMs may be asked in this installation."""
    hosts = (host.strip().lower() for host in settings.crm_hosts.split(","))
    return Addresses(tuple(host for host in hosts if host), settings.crm_loopback)


async def _read(runtime: Runtime, stop: asyncio.Event) -> None:
    await reader(runtime).run(stop, runtime.wakeups.listen())


async def _ask_crms(runtime: Runtime, stop: asyncio.Event) -> None:
    ask = CrmHttp(addresses_of(GatewaySettings()), Seal(runtime.internal_key))
    try:
        await crm_worker(runtime, ask).run(stop, runtime.wakeups.listen)
    finally:
        await ask.close()


def _signed(runtime: Runtime) -> Callable[[UUID], Header]:
    """Return what signs for the gateway itself, in one tenant."""
    door = doorkeeper_of(runtime)
    return lambda tenant_id: door.signed(Principal(tenant_id, SYSTEM, "admin"))


async def _tell_views(runtime: Runtime, stop: asyncio.Event) -> None:
    library = ContentService(runtime.client("content"), _signed(runtime))
    views = DatabaseViews(runtime.worker_database(NAME))
    await tell_views(views, library, stop, runtime.wakeups.listen())


async def _expire_bodies(runtime: Runtime, stop: asyncio.Event) -> None:
    days = GatewaySettings().webhook_days

    async def expired(conn: AsyncConnection) -> bool:
        return await expire(conn, runtime.clock.now(), days)

    await expire_bodies(runtime.worker_database(NAME), expired, stop)


def outgoing_rules() -> Rules:
    """Return where webhooks may go in this installation."""
    return Rules(loopback=GatewaySettings().outgoing_loopback)


def reacting(runtime: Runtime) -> Mapping[str, Handler]:
    """Return what writes deliveries down as events come, and erases what came in about who was erased."""
    return {**handlers(DatabaseAnnouncements, runtime.clock), ERASED: erasing(runtime)}


def erasing(runtime: Runtime) -> Handler:
    """Return the handler of an erasure."""
    deliveries = deliveries_of(Seal(runtime.internal_key))

    async def erase(conn: AsyncConnection, envelope: Envelope, event: Event) -> None:
        tenant_id, cause = envelope.tenantid, str(envelope.id)
        metadata = Metadata(tenant_id, SOURCE, SYSTEM, cause, runtime.clock.now())
        erased = cast(SubjectErased, event)
        kept = deliveries(conn, metadata)
        await erase_bodies(driver_of(conn), tenant_id, envelope.id, erased, kept)

    return erase


def watch(runtime: Runtime) -> Watch:
    """Return what measures it."""
    database = runtime.worker_database(NAME)
    own = Watcher(NAME, database, runtime.clock, Consumer(GROUP, COUNT_OPEN, runtime.log))
    return Measured(NAME, own, Outside(database), NAMES, runtime.clock)


async def _forget(runtime: Runtime, stop: asyncio.Event) -> None:
    await forget_answers(runtime.worker_database(NAME), runtime.clock, stop)


async def _seal(runtime: Runtime, stop: asyncio.Event) -> None:
    await keep_sealing(runtime.worker_database(NAME), runtime.internal_key, stop)
