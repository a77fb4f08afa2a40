"""A CRM's words followed: whatever their order, the deal ends up the same."""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from lead_service.adapters.batches import StoredBatch
from lead_service.adapters.crm_records import stored_records
from lead_service.adapters.measuring import HeldUp
from lead_service.adapters.qualifications import StoredQualifications
from lead_service.entrypoints.consumers import handlers
from lead_service.settings import SOURCE
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.events.envelope import Metadata, decode, encode
from onefunnel.ids import derived_id, new_id
from onefunnel.persistence.database import Database
from onefunnel.vault.keyring import Keyring

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYRING = Keyring(b"a key for tests only, 32 bytes..")
TYPE = "onefunnel.crm.change_received.v1"


class Crm:
    """A CRM whose changes reach the lead service."""

    def __init__(self, caller: Any, worker: Database) -> None:
        self.caller = caller
        self.worker = worker

    def id_of(self, kind: str, name: str) -> UUID:
        return derived_id(self.caller.tenant_id, "crm", kind, name)

    def change(self, minutes: int, *, kind: str = "deal", name: str = "D-1", **told: Any) -> Any:
        return CrmChangeReceived(
            record_id=self.id_of(kind, name),
            occurred_at=AT + timedelta(minutes=minutes),
            kind=kind,
            source="crm",
            external_id=name,
            connection_id=new_id(),
            delivery_id=new_id(),
            **told,
        )

    async def tell(self, *changes: Any) -> None:
        for change in changes:
            metadata = Metadata(self.caller.tenant_id, "/services/gateway", "system:x", "c", AT)
            (record,) = encode((change,), metadata)
            handler = handlers(
                StoredQualifications,
                stored_records,
                partial(StoredBatch, KEYRING),
                self.caller_clock(),
                SOURCE,
            )[TYPE]
            async with self.worker.tenant(self.caller.tenant_id) as conn:
                await handler(conn, decode(record.value), change)

    @staticmethod
    def caller_clock() -> Any:
        class Clock:
            def now(self) -> datetime:
                return AT + timedelta(days=30)

        return Clock()

    async def deal(self, name: str = "D-1") -> dict[str, Any]:
        answer = await self.caller.get(f"/v1/deals/{self.id_of('deal', name)}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def problem(self) -> str | None:
        (row,) = await self.caller.rows("SELECT problem FROM crm_record")
        return row["problem"]


@pytest.fixture
def crm(caller: Any, open_database: Callable[..., Database]) -> Crm:
    return Crm(caller, open_database(caller.database.worker_url))


def life(crm: Crm) -> list[Any]:
    """A deal from its first word to its win."""
    return [
        crm.change(0, stage="discovery", standing="open", amount="100.00", currency="USD"),
        crm.change(10, stage="proposal", standing="open"),
        crm.change(20, amount="250.50", cost="100", currency="USD"),
        crm.change(30, stage="negotiation", standing="open"),
        crm.change(40, standing="won"),
    ]


def outcome(deal: dict[str, Any]) -> dict[str, Any]:
    names = ("state", "stage", "amount", "closed_at", "created_at", "owner_id", "lines", "source")
    return {name: deal[name] for name in names if name in deal}


async def test_a_deal_follows_its_crm_to_the_win(crm: Crm) -> None:
    await crm.tell(*life(crm))
    deal = await crm.deal()
    assert (deal["state"], deal["stage"]) == ("won", "negotiation")
    assert deal["amount"] == {"amount_minor": 25050, "currency": "USD"}
    assert deal["closed_at"] == "2026-05-01T12:40:00Z"
    assert deal["external"] == {"source": "crm", "id": "D-1"}
    assert await crm.problem() is None


async def steps_and_booking(crm: Crm) -> tuple[Any, ...]:
    """What any projection can see: when each step was first entered, and the booking in force."""
    events = await crm.caller.events()
    moved = [e["data"] for e in events if e["type"] == "onefunnel.deal.stage_changed.v1"]
    first: dict[str, str] = {}
    for move in moved:
        first[move["to"]] = min(first.get(move["to"], move["at"]), move["at"])
    booked = [e["data"] for e in events if e["type"] == "onefunnel.deal.won.v1"]
    last = max(booked, key=lambda won: won["version"])
    return sorted(first.items()), last["at"], last["lines"], last["currency"]


ORDERS: Sequence[tuple[int, ...]] = [
    *itertools.islice(itertools.permutations(range(5)), 0, None, 11),
    (4, 3, 2, 1, 0),
    (0, 0, 1, 1, 2, 3, 4, 4, 2, 0),
]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_changes_in_any_order_and_twice_give_what_clean_ones_give(
    crm: Crm, order: tuple[int, ...]
) -> None:
    changes = life(crm)
    await crm.tell(*(changes[n] for n in order))
    deal = await crm.deal()
    assert outcome(deal)["state"] == "won"
    assert (deal["stage"], deal["amount"]["amount_minor"]) == ("negotiation", 25050)
    assert deal["closed_at"] == "2026-05-01T12:40:00Z"
    steps, at, lines, currency = await steps_and_booking(crm)
    assert steps == [
        ("discovery", "2026-05-01T12:00:00Z"),
        ("negotiation", "2026-05-01T12:30:00Z"),
        ("proposal", "2026-05-01T12:10:00Z"),
    ]
    assert (at, currency) == ("2026-05-01T12:40:00Z", "USD")
    assert [(line["revenue_minor"], line["cost_minor"]) for line in lines] == [(25050, 10000)]


async def test_a_word_that_was_heard_before_publishes_nothing(crm: Crm) -> None:
    await crm.tell(*life(crm))
    before = await crm.caller.state()
    await crm.tell(*life(crm))
    assert await crm.caller.state() == before


async def test_a_win_that_is_undone_is_reopened_and_one_that_is_deleted_cancelled(crm: Crm) -> None:
    await crm.tell(*life(crm), crm.change(50, stage="proposal", standing="open"))
    assert (await crm.deal())["state"] == "open"
    await crm.tell(crm.change(60, standing="won"), crm.change(70, deleted=True))
    assert (await crm.deal())["state"] == "cancelled"


async def test_a_lost_deal_is_lost_at_the_crms_time(crm: Crm) -> None:
    await crm.tell(
        crm.change(5, standing="lost", lost_reason="Price"), crm.change(0, stage="proposal")
    )
    deal = await crm.deal()
    assert (deal["state"], deal["closed_at"]) == ("lost", "2026-05-01T12:05:00Z")
    assert (deal["stage"], deal["reason"]) == ("proposal", "Price")


async def test_what_a_rule_refuses_is_kept_with_its_place_and_followed_when_it_is_put_right(
    crm: Crm,
) -> None:
    await crm.tell(crm.change(0, amount="12.345", currency="EUR"))
    assert await crm.problem() == "business-rule-violated /amount"
    await crm.tell(crm.change(1, amount="12.34"))
    assert await crm.problem() is None
    assert (await crm.deal())["amount"]["amount_minor"] == 1234


@pytest.mark.parametrize(("told", "place"), [
    ({"currency": "ZZZ", "amount": "1"}, "/currency"),
    ({"amount": "-1"}, "/amount"),
    ({"currency": "JPY", "amount": "1.5"}, "/amount"),
    ({"currency": "BHD", "amount": "1.2345"}, "/amount"),
    ({"amount": "12345678901234.07"}, "/amount"),
    ({"stage": "nowhere"}, "/stage"),
])  # fmt: skip
async def test_a_value_that_cannot_be_is_named_and_leaves_no_deal(
    crm: Crm, told: dict[str, Any], place: str
) -> None:
    await crm.tell(crm.change(0, **told))
    assert await crm.problem() == f"business-rule-violated {place}"
    assert await crm.caller.rows("SELECT 1 FROM deal") == []
    assert await crm.caller.types() == ["tenant.changed", "funnel.activated"]


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("JPY", "15", 15), ("BHD", "1.234", 1234)]
)
async def test_an_amount_has_as_many_digits_as_its_currency(
    crm: Crm, currency: str, amount: str, minor: int
) -> None:
    await crm.tell(crm.change(0, currency=currency, amount=amount))
    assert (await crm.deal())["amount"] == {"amount_minor": minor, "currency": currency}


async def test_owner_and_campaign_are_taken_where_they_are_known_and_left_out_where_not(
    crm: Crm,
) -> None:
    body = {"external": {"source": "crm", "id": "P-1"}, "name": "Rui", "kind": "rep"}
    person = await crm.caller.made("/v1/people", body)
    await crm.tell(
        crm.change(0, owner_id=crm.id_of("person", "P-1"), campaign_id=new_id(), origin="Web"),
        crm.change(1, standing="won", amount="10"),
    )
    deal = await crm.deal()
    assert (deal["owner_id"], deal["campaign_id"], deal["source"]) == (person["id"], None, "Web")
    await crm.tell(crm.change(2, emptied=("owner",)))
    assert (await crm.deal())["owner_id"] is None


async def test_a_lead_is_captured_assigned_given_up_and_becomes_the_deal_that_names_it(
    crm: Crm,
) -> None:
    body = {"external": {"source": "crm", "id": "P-1"}, "name": "Rui", "kind": "rep"}
    person = await crm.caller.made("/v1/people", body)
    told = {"kind": "lead", "name": "L-1"}
    await crm.tell(crm.change(0, origin="Web", created_at=AT, **told))
    await crm.tell(crm.change(1, owner_id=person["id"], **told))
    lead = (await crm.caller.get(f"/v1/leads/{crm.id_of('lead', 'L-1')}")).json()
    assert (lead["state"], lead["owner_id"], lead["source"]) == ("assigned", person["id"], "Web")
    await crm.tell(crm.change(2, lead_id=crm.id_of("lead", "L-1")))
    deal = await crm.deal()
    assert deal["origin"]["lead_id"] == lead["id"]
    await crm.tell(crm.change(3, kind="lead", name="L-2", standing="disqualified"))
    other = (await crm.caller.get(f"/v1/leads/{crm.id_of('lead', 'L-2')}")).json()
    assert other["state"] == "disqualified"


async def test_another_tenants_record_of_the_same_name_is_another_record(
    crm: Crm, client: Any, database: Any
) -> None:
    await crm.tell(*life(crm))
    rows = await crm.caller.rows("SELECT DISTINCT tenant_id FROM crm_record")
    assert [row["tenant_id"] for row in rows] == [crm.caller.tenant_id]


async def test_a_crm_s_records_can_be_counted_here_and_one_that_it_deleted_is_none(
    crm: Crm,
) -> None:
    await crm.tell(*life(crm))
    open_ = {"standing": "open", "currency": "USD", "stage": "discovery"}
    await crm.tell(crm.change(0, name="D-2", amount="1.50", **open_))
    await crm.tell(crm.change(0, name="D-3", **open_), crm.change(5, name="D-3", deleted=True))
    await crm.tell(crm.change(0, kind="lead", name="L-1", origin="Web"))
    totals = (await crm.caller.get("/internal/crm/totals/crm")).json()["totals"]
    assert [(one["kind"], one["state"], one["count"], one["amount_minor"]) for one in totals] == [
        ("deal", "open", 1, 150),
        ("deal", "won", 1, 25050),
        ("lead", None, 1, None),
    ]
    ids = [str(crm.id_of("deal", name)) for name in ("D-1", "D-9")]
    lead = str(crm.id_of("lead", "L-1"))
    found = await crm.caller.made("/internal/crm/records", {"deal": ids, "lead": [lead]})
    won = {"state": "won", "currency": "USD", "amount_minor": 25050, "digits": 2}
    assert found == {"deal": {ids[0]: won}, "lead": {lead: {}}}


async def test_somebody_who_asked_the_crm_to_be_forgotten_is_known_here_by_no_word(
    crm: Crm,
) -> None:
    await crm.tell(crm.change(0, kind="lead", name="L-1", origin="Web"))
    path = f"/v1/leads/{crm.id_of('lead', 'L-1')}"
    read = await crm.caller.get(path)
    known = {"name": "Ada Byron", "email": "ada@byron.example"}
    tag = {"If_Match": read.headers["etag"]}
    patched = await crm.caller.send("PATCH", path, known, **tag)
    assert patched.status_code == 200, patched.text
    await crm.tell(crm.change(9, kind="lead", name="L-1", deleted=True, erased=True))
    lead = await crm.caller.get(path)
    assert lead.status_code == 410, lead.text
    rows = await crm.caller.rows("SELECT state, source, l::text AS all FROM lead l")
    assert [(row["state"], row["source"]) for row in rows] == [("disqualified", "Web")]
    assert "byron" not in rows[0]["all"]
    # What comes late changes nothing and stops nobody.
    late = crm.change(5, kind="lead", name="L-1", origin="Mail", standing="qualified")
    await crm.tell(late, crm.change(9, kind="lead", name="L-1", deleted=True, erased=True))
    assert await crm.problem() is None
    assert (await crm.caller.get(path)).status_code == 410


async def test_what_was_known_of_a_lead_before_its_crm_spoke_is_older_than_its_first_word(
    crm: Crm,
) -> None:
    known = {"external": {"source": "crm", "id": "L-1"}, "captured_at": "2026-01-05T00:00:00Z"}
    lead = await crm.caller.made("/v1/leads", known)
    await crm.tell(crm.change(0, kind="lead", name="L-1", origin="Web"))
    path = f"/v1/leads/{lead['id']}"
    read = (await crm.caller.get(path)).json()
    assert (read["captured_at"], read["source"]) == ("2026-01-05T00:00:00Z", "Web")
    deal = {"external": {"source": "crm", "id": "D-1"}}
    await crm.caller.made(f"{path}/convert", {"at": "2026-02-01T00:00:00Z", "deal": deal})
    await crm.tell(crm.change(1, lead_id=lead["id"], amount="5"))
    assert (await crm.caller.get(path)).json()["converted_at"] == "2026-02-01T00:00:00Z"
    await crm.tell(crm.change(2, kind="lead", name="L-1", created_at=AT))
    assert (await crm.caller.get(path)).json()["captured_at"] == "2026-05-01T12:00:00Z"


async def test_a_lead_that_is_qualified_after_it_was_captured_is_qualified_since(crm: Crm) -> None:
    told = {"kind": "lead", "name": "L-1"}
    await crm.tell(crm.change(0, **told), crm.change(5, standing="qualified", **told))
    lead = (await crm.caller.get(f"/v1/leads/{crm.id_of('lead', 'L-1')}")).json()
    assert lead["qualified_at"] == "2026-05-01T12:05:00Z"
    (event,) = [e for e in await crm.caller.events() if e["type"] == "onefunnel.lead.updated.v1"]
    assert event["data"]["qualified_at"] == "2026-05-01T12:05:00Z"


async def test_a_currency_that_stood_in_gives_way_and_never_comes_back(crm: Crm) -> None:
    await crm.tell(crm.change(0, amount="1000", currency="USD", currency_assumed=True))
    await crm.tell(crm.change(1, currency="JPY"))
    await crm.tell(crm.change(2, stage="proposal", currency="USD", currency_assumed=True))
    assert (await crm.deal())["amount"] == {"amount_minor": 1000, "currency": "JPY"}
    assert await crm.problem() is None


async def test_somebody_who_became_part_of_another_is_forgotten_all_the_same(crm: Crm) -> None:
    for name in ("L-1", "L-2"):
        await crm.tell(crm.change(0, kind="lead", name=name, origin="Web"))
    await crm.tell(crm.change(1, kind="lead", name="L-1", deleted=True, merged_into="L-2"))
    states = await crm.caller.rows("SELECT state FROM lead ORDER BY external_id")
    assert [row["state"] for row in states] == ["merged", "captured"]
    await crm.tell(crm.change(2, kind="lead", name="L-1", erased=True))
    (erasure,) = await crm.caller.rows("SELECT subject_id, erased_at FROM erasure")
    assert erasure["subject_id"] == crm.id_of("lead", "L-1")
    assert erasure["erased_at"] is not None
    await crm.tell(
        crm.change(3, kind="lead", name="L-3", deleted=True, merged_into="L-1", origin="Web")
    )
    assert (await crm.caller.rows("SELECT 1 FROM crm_record WHERE problem IS NOT NULL")) == []


async def test_a_deal_goes_on_when_the_person_it_came_from_was_forgotten(crm: Crm) -> None:
    lead_id = crm.id_of("lead", "L-1")
    await crm.tell(crm.change(0, kind="lead", name="L-1", origin="Web"))
    await crm.tell(crm.change(1, lead_id=lead_id, amount="5"))
    await crm.tell(crm.change(2, kind="lead", name="L-1", deleted=True, erased=True))
    await crm.tell(
        crm.change(3, standing="won"), crm.change(4, name="D-2", lead_id=lead_id, amount="7")
    )
    assert [(await crm.deal(name))["state"] for name in ("D-1", "D-2")] == ["won", "open"]
    assert (await crm.deal())["origin"]["source"] == "Web"
    assert (await crm.caller.rows("SELECT 1 FROM crm_record WHERE problem IS NOT NULL")) == []


async def test_what_has_stood_against_a_record_for_a_day_is_counted_until_it_is_put_right(
    crm: Crm,
) -> None:
    async def counted(ahead: timedelta) -> float:
        found = await HeldUp(crm.worker)(datetime.now(UTC) + ahead)
        return found["crm_changes_waiting"]

    await crm.tell(crm.change(0, amount="12.345", currency="EUR"))
    (began,) = await crm.caller.rows("SELECT problem_since FROM crm_record")
    await crm.tell(crm.change(1, amount="12.346"))
    assert [began] == await crm.caller.rows("SELECT problem_since FROM crm_record")
    assert await counted(timedelta(hours=23)) == 0
    assert await counted(timedelta(hours=25)) == 1
    await crm.tell(crm.change(2, amount="12.34"))
    assert await counted(timedelta(hours=25)) == 0
