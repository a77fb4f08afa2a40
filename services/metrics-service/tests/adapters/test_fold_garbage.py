"""A turn makes no cycles that grow with its events: so the collector may rest while folding (ADR 0014)."""

import gc

from ..oracle.histories import uid
from .little import Company


def company(first: int, deals: int) -> Company:
    told = Company()
    if not first:
        told.rules()
    for n in range(first, first + deals):
        told.opened(uid("many", n)).moved(deal_id=uid("many", n)).won(deal_id=uid("many", n))
    return told


async def garbage_of(stage, first: int, deals: int) -> int:
    stage.tell(company(first, deals).facts)
    gc.collect()
    gc.disable()
    try:
        await stage.fold_all()
        return gc.collect()
    finally:
        gc.enable()


async def test_garbage_grows_with_the_events_of_a_turn(stage) -> None:
    few, many = await garbage_of(stage, 0, 10), await garbage_of(stage, 10, 300)
    assert many - few < 300, f"{few} objects in cycles after 30 events, {many} after 900"
