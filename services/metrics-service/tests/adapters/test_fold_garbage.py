"""A turn makes no cycles that grow with its events: so the collector may rest while folding (ADR 0014)."""

import gc
from itertools import count

from ..oracle.histories import uid
from .little import Company


async def test_garbage_grows_with_the_events_of_a_turn(stage) -> None:
    company, numbers, told = Company().rules(), count(), 0

    async def garbage_of(deals: int) -> int:
        nonlocal told
        for deal in (uid("many", next(numbers)) for _ in range(deals)):
            company.opened(deal).moved(deal_id=deal).won(deal_id=deal)
        stage.tell(company.facts[told:])
        told = len(company.facts)
        gc.collect()
        gc.disable()
        try:
            await stage.fold_all()
            return gc.collect()
        finally:
            gc.enable()

    few, many = await garbage_of(10), await garbage_of(300)
    assert many - few < 300, f"{few} objects in cycles after 30 events, {many} after 900"
