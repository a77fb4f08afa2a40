"""The composition root: the only file that knows all rooms."""

from functools import partial

from content_service.adapters.repositories import open_tx
from content_service.adapters.views import SqlViews
from content_service.entrypoints.http import ROUTERS
from content_service.entrypoints.wiring import Wiring
from content_service.settings import DATABASE, GROUP, NAME, SOURCE
from onefunnel.household import Household, Reacting
from onefunnel.runtime import Runtime
from onefunnel.service import Service
from onefunnel.vault.erasing import ERASED, forgetting


def build(runtime: Runtime) -> Service:
    """Put content-service together on a runtime."""
    house, keyring = Household(runtime, NAME, DATABASE, SOURCE), runtime.keyring
    reacting = Reacting(house, GROUP, {ERASED: forgetting(keyring)})
    app = reacting.app(ROUTERS)
    app.state.wiring = Wiring(
        database=runtime.database(DATABASE),
        wake=runtime.wake,
        clock=runtime.clock,
        source=SOURCE,
        tx_of=partial(open_tx, keyring),
        views_of=partial(SqlViews, keyring),
        outbox=house.outbox,
        reactions=reacting.operated.standing,
    )
    return Service(NAME, app, background=reacting.background(), watch=house.watcher(GROUP))
