"""What holds of every CRM that is compared with us, whatever it calls its records and its pages."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from gateway.domain.crm_api.apis import APIS

from .crm import ORGANIZATION, PUBLIC
from .crm_work import Work, a_deal, api, changed
from .test_reconciliation import Lead, at, reconcile, report, until_counting
from .test_webhooks import connected, rows, told
from .vendors import FakeCrm, serving

pytestmark = pytest.mark.usefixtures("loopback")

Record = Callable[[int, str], dict[str, Any]]


@dataclass(frozen=True)
class Kept:
    """How a vendor keeps one kind of record: `n` of them fill more than one page."""

    provider: str
    what: str
    kind: str
    n: int
    id_of: Callable[[int], str]
    record: Record

    def put(self, crm: FakeCrm, number: int, when: str) -> str:
        id_ = self.id_of(number)
        crm.put(self.what, id_, **self.record(number, when))
        return id_


def guid(n: int) -> str:
    return f"9bfa0c1d-2c3b-4c0e-9d2e-{n:012d}"


def _zoho(when: str) -> str:
    return when.split(".", maxsplit=1)[0].removesuffix("Z") + "+00:00"


EACH = [
    Kept("hubspot", "deals", "deal", 205, str, lambda _, when: a_deal(
        amount="10.50", hs_lastmodifieddate=when)),
    Kept("hubspot", "contacts", "lead", 105, str, lambda _, when: {
        "lifecyclestage": "lead", "lastmodifieddate": when}),
    Kept("salesforce", "Opportunity", "deal", 405, lambda n: f"006{n:012d}AAA", lambda _, when: {
        "Amount": 10.5, "CurrencyIsoCode": "EUR", "IsClosed": False, "IsWon": False,
        "StageName": "Prospecting", "SystemModstamp": when.replace("Z", "+0000")}),
    Kept("salesforce", "Lead", "lead", 205, lambda n: f"00Q{n:012d}AAA", lambda _, when: {
        "Status": "Open", "SystemModstamp": when.replace("Z", "+0000")}),
    Kept("pipedrive", "deals", "deal", 605, str, lambda n, when: {
        "id": n, "value": 10.5, "currency": "EUR", "status": "open", "stage_id": 3,
        "update_time": when}),
    Kept("pipedrive", "leads", "lead", 605, guid, lambda n, when: {
        "id": guid(n), "owner_id": 7, "update_time": when}),
    Kept("zoho", "Deals", "deal", 405, lambda n: str(6756839000000575405 + n), lambda _, when: {
        "Stage": "Prospecting", "Amount": 10.5, "Currency": "EUR", "Modified_Time": _zoho(when)}),
    Kept("zoho", "Leads", "lead", 205, lambda n: str(6756839000000575405 + n), lambda _, when: {
        "Lead_Status": "Contacted", "Modified_Time": _zoho(when)}),
    Kept("dynamics", "opportunities", "deal", 505, guid, lambda n, when: {
        "opportunityid": guid(n), "statecode": 0, "estimatedvalue": 10.5, "modifiedon": when,
        "transactioncurrencyid": {"isocurrencycode": "EUR"}}),
    Kept("dynamics", "leads", "lead", 505, guid, lambda n, when: {
        "leadid": guid(n), "statecode": 0, "modifiedon": when}),
]  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "salesforce": {"settings": {"organization_id": ORGANIZATION}},
}


@pytest.fixture(params=EACH, ids=lambda kept: f"{kept.provider}-{kept.what}")
def kept(request: Any) -> Kept:
    return request.param


@pytest_asyncio.fixture
async def crm(kept: Kept) -> AsyncIterator[FakeCrm]:
    async with serving(FakeCrm(kept.provider)) as served:
        yield served


@pytest_asyncio.fixture
async def lead(gateway: Any) -> AsyncIterator[Lead]:
    yield Lead(gateway)


async def joined(gateway: Any, kept: Kept, crm: FakeCrm) -> Any:
    return await connected(gateway, kept.provider, api=api(crm), **OPTIONS.get(kept.provider, {}))


async def test_a_gap_of_several_pages_is_closed_and_both_sides_agree(
    gateway, work, lead, kept, crm
):
    ids = {kept.put(crm, n, at(1 + n // 150)) for n in range(1, kept.n + 1)}
    to = await joined(gateway, kept, crm)
    await reconcile(gateway, to)
    await until_counting(gateway, work, lead)
    found = await report(gateway, to)
    assert (found["status"], found["fault"]) == ("done", None)
    assert found["told"] == kept.n
    assert {one["external_id"] for one in await told(gateway)} == ids
    assert {one["kind"] for one in await told(gateway)} == {kept.kind}
    (total,) = (one for one in found["totals"] if one["kind"] == kept.kind)
    assert total["theirs"] == kept.n
    assert found["differences"] == []
    if kept.kind == "deal":
        assert total["agrees"]
        assert (total["currency"], float(total["their_amount"])) == ("EUR", kept.n * 10.5)


async def test_the_next_comparison_reads_what_changed_since_and_tells_it_once(
    gateway, work, lead, kept, crm
):
    for n in range(1, 4):
        kept.put(crm, n, at(n))
    to = await joined(gateway, kept, crm)
    await reconcile(gateway, to)
    await until_counting(gateway, work, lead)
    kept.put(crm, 2, at(60))
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.all()
    found = await report(gateway, to)
    assert (found["cause"], found["status"], found["told"]) == ("scheduled", "done", 1)
    assert [one["external_id"] for one in await told(gateway)][3:] == [kept.id_of(2)]
    await reconcile(gateway, to)
    await until_counting(gateway, work, lead)
    assert (await report(gateway, to))["told"] == 0


@pytest.mark.parametrize(
    "kept",
    [one for one in EACH if one.kind == "deal"],
    indirect=True,
    ids=lambda kept: kept.provider,
)
async def test_what_is_missing_here_is_named_and_not_put_right(gateway, work, lead, kept, crm):
    kept.put(crm, 1, at(1))
    to = await joined(gateway, kept, crm)
    await reconcile(gateway, to)
    await work.all()
    before = len(await told(gateway))
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.all()
    found = await report(gateway, to)
    assert [(one["external_id"], one["what"]) for one in found["differences"]] == [
        (kept.id_of(1), "missing")
    ]
    assert len(await told(gateway)) == before


async def test_it_goes_on_at_its_page_when_a_worker_dies(gateway, work, lead, kept, crm):
    for n in range(1, kept.n + 1):
        kept.put(crm, n, at(1, n))
    to = await joined(gateway, kept, crm)
    await reconcile(gateway, to)
    while not (await report(gateway, to))["told"]:
        assert await work.one()
    await changed(gateway, "UPDATE crm_lane SET epoch = epoch + 1, leased_until = '-infinity'")
    await until_counting(gateway, Work(gateway, work.ask), lead)
    assert (await report(gateway, to))["told"] == kept.n


def test_the_suite_knows_every_crm_that_can_be_asked():
    assert {one.provider for one in EACH} == APIS.keys() - {"salesforce-flow", "salesforce-cdc"}


@pytest.mark.parametrize("link", [
    "https://evil.example/api/data/v9.2/users?x=1", "/api/data/v9.2/leads(1)?x", "//evil.example",
])  # fmt: skip
async def test_a_next_page_that_is_somewhere_else_is_not_followed(gateway, work, link):
    async with serving(FakeCrm("dynamics")) as crm:
        crm.answers.append((200, {}, {"value": [], "@odata.nextLink": link}))
        to = await connected(gateway, "dynamics", api=api(crm), public_url=PUBLIC)
        await reconcile(gateway, to)
        await work.one()
        assert (await report(gateway, to))["status"] == "failed"
        assert await rows(gateway, "SELECT 1 FROM outbox") == []
