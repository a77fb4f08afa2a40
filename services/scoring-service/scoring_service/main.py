"""The composition root: the only file that knows all rooms."""

from functools import partial

from onefunnel.household import Household, Reacting
from onefunnel.runtime import Runtime
from onefunnel.service import Service
from onefunnel.vault.erasing import ERASED, forgetting
from scoring_service.adapters.repositories import open_tx
from scoring_service.adapters.views import SqlViews
from scoring_service.entrypoints.consumers import handlers
from scoring_service.entrypoints.http import ROUTERS
from scoring_service.entrypoints.wiring import Wiring
from scoring_service.settings import ACTOR, DATABASE, GROUP, NAME, SOURCE


def build(runtime: Runtime) -> Service:
    """Put scoring-service together on a runtime."""
    house, keyring = Household(runtime, NAME, DATABASE, SOURCE), runtime.keyring
    tx_of = partial(open_tx, keyring)
    heard = handlers(tx_of, runtime.clock, source=SOURCE, actor=ACTOR)
    reacting = Reacting(house, GROUP, {**heard, ERASED: forgetting(keyring)})
    app = reacting.app(ROUTERS)
    app.state.wiring = Wiring(
        database=runtime.database(DATABASE),
        wake=runtime.wake,
        clock=runtime.clock,
        tx_of=tx_of,
        views_of=partial(SqlViews, keyring),
        outbox=house.outbox,
        reactions=reacting.operated.standing,
    )
    return Service(NAME, app, background=reacting.background(), watch=house.watcher(GROUP))
