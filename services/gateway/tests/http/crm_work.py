"""The gateway's worker at a CRM of the test, turn by turn."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from gateway.adapters.crm_api import CrmHttp
from gateway.application.sealing import Seal
from gateway.domain.crm_api.apis import Addresses
from gateway.main import crm_worker

from .vendors import TOKEN, FakeCrm, serving

KEY = b"an internal key of this test"


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEFUNNEL_CRM_LOOPBACK", "true")


class Work:
    """The gateway's worker, turn by turn, before CRMs of the test."""

    def __init__(self, gateway: Any, ask: Any) -> None:
        self.gateway = gateway
        self.ask = ask
        self.worker = crm_worker(gateway.runtime, ask)

    async def all(self) -> int:
        """Do all there is to do, as if no time passed between the turns."""
        turns = 0
        while True:
            await self.rested()
            if not await self.worker.turn():
                return turns
            turns += 1
            assert turns < 200, "it never ends"

    async def one(self) -> bool:
        await self.rested()
        return await self.worker.turn()

    async def rested(self) -> None:
        await changed(self.gateway, "UPDATE crm_lane SET rest_until = '-infinity'")


async def changed(gateway: Any, sql: str) -> None:
    url = gateway.runtime.database("gateway").url.replace("onefunnel_app", "postgres")
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(sql)
    finally:
        await owner.close()


@pytest_asyncio.fixture
async def work(loopback: None, gateway: Any) -> AsyncIterator[Work]:
    ask = CrmHttp(Addresses(loopback=True), Seal(KEY))
    yield Work(gateway, ask)
    await ask.close()


@pytest_asyncio.fixture
async def hubspot(loopback: None) -> AsyncIterator[FakeCrm]:
    async with serving(FakeCrm("hubspot")) as crm:
        yield crm


def a_deal(**changed: Any) -> dict[str, Any]:
    return {
        "dealstage": "contractsent", "pipeline": "default", "amount": "48250.50",
        "deal_currency_code": "EUR", "cost": "30100.00", "hs_is_closed": "false",
        "hs_is_closed_won": "false", "hs_lastmodifieddate": "2026-11-17T09:30:00.400Z", **changed,
    }  # fmt: skip


def api(crm: FakeCrm, token: str = TOKEN) -> dict[str, Any]:
    return {"token": token, "url": crm.url}
