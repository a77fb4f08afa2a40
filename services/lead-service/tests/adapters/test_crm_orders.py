"""Whatever the order in which a CRM's changes arrive, and however often, what is here in the end is the same."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from onefunnel.persistence.database import Database

from .test_crm import AT, Crm

# What differs from one way to the same end to another, and says nothing of it.
_INCIDENTAL = {"id", "external", "version", "updated_at", "lead_id", "deal_id", "converted_to"}
LEAD: dict[str, Any] = {"kind": "lead", "name": "L"}
OTHER: dict[str, Any] = {"kind": "lead", "name": "M"}
DEAL: dict[str, Any] = {"kind": "deal", "name": "D"}


@pytest.fixture
def crm(caller: Any, open_database: Callable[..., Database]) -> Crm:
    return Crm(caller, open_database(caller.database.worker_url))


Story = Callable[[Callable[[str, str], Any], Any], Sequence[tuple[int, dict[str, Any]]]]
STORIES: dict[str, Story] = {
    "a deal that is opened, priced, moved and won": lambda _, p: [
        (0, DEAL | {"created_at": AT, "stage": "discovery", "standing": "open"}),
        (1, DEAL | {"amount": "100.00", "currency": "USD", "currency_assumed": True}),
        (2, DEAL | {"currency": "GBP"}),
        (3, DEAL | {"stage": "proposal", "standing": "open", "owner_id": p, "currency": "USD",
                    "currency_assumed": True}),
        (4, DEAL | {"amount": "90.00", "cost": "40", "origin": "Web"}),
        (5, DEAL | {"standing": "won"}),
    ],
    "a win in an assumed currency that proves to be another": lambda _, p: [
        (0, DEAL | {"standing": "won", "amount": "100", "currency": "USD", "currency_assumed": True}),
        (1, DEAL | {"amount": "100", "currency": "JPY"}),
        (2, DEAL | {"owner_id": p}),
    ],
    "a deal that is lost, won, deleted": lambda _, p: [
        (0, DEAL | {"stage": "proposal", "standing": "open", "amount": "5"}),
        (1, DEAL | {"standing": "lost", "lost_reason": "price"}),
        (2, DEAL | {"standing": "won"}),
        (3, DEAL | {"deleted": True}),
    ],
    "a lost deal that is deleted": lambda _, p: [
        (0, DEAL | {"amount": "5", "origin": "Web"}),
        (1, DEAL | {"standing": "lost", "lost_reason": "price"}),
        (2, DEAL | {"deleted": True}),
    ],
    "a deal that is deleted and comes back": lambda _, p: [
        (0, DEAL | {"amount": "5"}),
        (1, DEAL | {"deleted": True}),
        (2, DEAL | {"deleted": False}),
        (3, DEAL | {"emptied": ("amount",)}),
    ],
    "a lead that is qualified, given up and comes back": lambda _, p: [
        (0, LEAD | {"origin": "Web"}),
        (1, LEAD | {"standing": "qualified"}),
        (2, LEAD | {"standing": "disqualified"}),
        (3, LEAD | {"standing": "qualified"}),
        (4, LEAD | {"created_at": AT}),
    ],
    "a lead with an owner that is deleted and comes back": lambda _, p: [
        (0, LEAD | {"owner_id": p}),
        (1, LEAD | {"deleted": True}),
        (2, LEAD | {"deleted": False}),
        (3, LEAD | {"origin": "Mail"}),
    ],
    "a lead that becomes the deal that names it": lambda id_, p: [
        (0, LEAD | {"origin": "Web", "created_at": AT}),
        (1, LEAD | {"owner_id": p, "standing": "qualified"}),
        (2, DEAL | {"lead_id": id_("lead", "L"), "amount": "7"}),
        (3, LEAD | {"deleted": True}),
        (4, DEAL | {"created_at": AT, "standing": "won"}),
    ],
    "a lead that names the deal that it became": lambda id_, p: [
        (0, LEAD | {"standing": "qualified", "created_at": AT}),
        (1, DEAL | {"stage": "proposal"}),
        (2, LEAD | {"deal_id": id_("deal", "D"), "origin": "Event"}),
        (3, DEAL | {"owner_id": p}),
    ],
    "two leads that are one person": lambda _, p: [
        (0, LEAD | {"origin": "Web"}),
        (1, OTHER | {"origin": "Mail", "owner_id": p}),
        (2, LEAD | {"deleted": True, "merged_into": "M"}),
    ],
}  # fmt: skip


def orders(n: int, seed: str) -> list[list[int]]:
    """Return the clean order first, then the reverse and others in which some come twice."""
    chance = random.Random(seed)
    clean = list(range(n))
    mixed = [clean + chance.choices(clean, k=2) for _ in range(8)]
    for one in mixed:
        chance.shuffle(one)
    return [clean, clean[::-1], *mixed]


async def standing(crm: Crm, named: Any, suffix: str) -> dict[str, Any]:
    """Return everything that is here of the story's records, as anybody reads it."""
    found = {}
    for kind, name in sorted({(one["kind"], one["name"]) for one in named}):
        answer = await crm.caller.get(f"/v1/{kind}s/{crm.id_of(kind, name + suffix)}")
        content = answer.json() if answer.status_code == 200 else {"status": answer.status_code}
        found[name] = {k: v for k, v in content.items() if k not in _INCIDENTAL}
        if (booking := found[name].get("booking")) is not None:
            del booking["version"]
        if (
            found[name].get("state") == "cancelled"
        ):  # what was booked is taken back, whatever it was
            del found[name]["booking"]
        if (origin := found[name].get("origin")) is not None:
            found[name]["origin"] = {k: v for k, v in origin.items() if k != "lead_id"}
        if found[name].pop("merged_into", None) is not None:
            found[name] = {"state": "merged"}
    return found


@pytest.mark.parametrize("story", STORIES, ids=str)
async def test_any_order_and_repetitions_come_to_what_the_clean_order_comes_to(
    crm: Crm, story: str
) -> None:
    body = {"external": {"source": "crm", "id": "P"}, "name": "Rui", "kind": "rep"}
    person = (await crm.caller.made("/v1/people", body))["id"]
    ends = []
    for n, order in enumerate(orders(len(STORIES[story](crm.id_of, person)), story)):
        suffix = f"-{n}"

        def id_of(kind: str, name: str, suffix: str = suffix) -> Any:
            return crm.id_of(kind, name + suffix)

        told = STORIES[story](id_of, person)
        changes = []
        for minutes, said in told:
            named = {**said, "name": said["name"] + suffix}
            if "merged_into" in named:
                named["merged_into"] += suffix
            changes.append(crm.change(minutes, **named))
        await crm.tell(*(changes[one] for one in order))
        problems = await crm.caller.rows("SELECT problem FROM crm_record WHERE problem <> ''")
        assert problems == [], order
        ends.append((order, await standing(crm, [said for _, said in told], suffix)))
    clean = ends[0][1]
    for order, end in ends[1:]:
        for name, says in end.items():
            assert says == clean[name], (order, {k for k in says if says[k] != clean[name].get(k)})
