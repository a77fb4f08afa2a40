"""A year of leads and of the deals they became."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from standalone.demo.company import REGIONS, REPS_PER_REGION, SEGMENTS
from standalone.demo.facts import (
    ANCHOR,
    FIRST_DAY,
    Account,
    Campaign,
    Credit,
    Deal,
    Lead,
    Line,
    Product,
    Rating,
    Touch,
)

LEADS = 1_500
RATED = 180
STEPS = ("discovery", "evaluation", "proposal", "negotiation")
_END = datetime.combine(ANCHOR, time(), UTC)
_LOSSES = (
    ("lost_to_competitor", "price", "Acorn"),
    ("lost_to_competitor", "features", "Brightline"),
    ("status_quo", "no budget", None),
    ("status_quo", "not a priority", None),
    ("disqualified", "wrong size", None),
    ("ghosted", "no answer", None),
)
_LOSS_WEIGHTS = (20, 14, 26, 12, 10, 18)
_PRODUCT_BY_SEGMENT = {"SMB": (0, 1), "Mid-Market": (1, 2), "Enterprise": (2, 3)}
_SIZES = {"SMB": (5, 90), "Mid-Market": (120, 900), "Enterprise": (1_100, 20_000)}


def leads(rng: Random, campaigns: Sequence[Campaign]) -> tuple[Lead, ...]:
    """Return a year of leads; about one in eight has no source, as in life."""
    weights = [campaign.weight for campaign in campaigns]
    return tuple(
        _lead(rng, n, rng.choices(campaigns, weights)[0] if rng.random() < 0.88 else None)
        for n in range(1, LEADS + 1)
    )


def _lead(rng: Random, n: int, campaign: Campaign | None) -> Lead:
    segment = rng.choices(SEGMENTS, (6, 3, 2))[0]
    captured = _some_time(rng)
    low, high = _SIZES[segment]
    lead = Lead(
        key=f"lead-{n}",
        captured_at=captured,
        source=campaign.channel if campaign else None,
        campaign=campaign.key if campaign else None,
        segment=segment,
        attributes={
            "employees": rng.randint(low, high),
            "country": rng.choice(("DE", "FR", "IT", "PL", "SE")),
            "seniority": rng.choice(("staff", "lead", "director", "chief")),
        },
        touches=tuple(_touches(rng, captured)),
    )
    return _along(rng, lead)


def _along(rng: Random, lead: Lead) -> Lead:
    """Let a lead come as far as it does before the year is over."""
    for at, change in _milestones(rng, lead):
        if at >= _END:
            break
        lead = replace(lead, **change)
    return lead


def _milestones(rng: Random, lead: Lead) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield when a lead is qualified, handed over, refused or accepted, worked, and ended."""
    region = REGIONS[rng.randrange(len(REGIONS))]
    owner = f"rep-{region.lower()}-{rng.randint(1, REPS_PER_REGION)}"
    at = lead.captured_at + _days(rng, 0, 9)
    if rng.random() > 0.62:
        return
    yield at, {"qualified_at": at}
    at += _days(rng, 0, 2)
    yield at, {"owner": owner, "assigned_at": at}
    at += _days(rng, 0, 3)
    if rng.random() < 0.18:
        if rng.random() < 0.55:
            why = rng.choice(("procedural", "clerical", "definitional"))
            yield at, {"rejected": (at, why)}
        return
    yield at, {"accepted_at": at}
    at += _days(rng, 0, 4)
    if rng.random() < 0.12:
        return
    touch = Touch(at, "sales", rng.choice(("call", "email", "meeting")), owner)
    yield at, {"touches": (*lead.touches, touch)}
    at += _days(rng, 1, 12)
    if rng.random() < 0.6:
        yield at, {"converted_at": at}
    else:
        yield at, {"disqualified": (at, rng.choice(("no need", "no budget", "student")))}


def _touches(rng: Random, captured: datetime) -> Iterator[Touch]:
    for _ in range(rng.choices((0, 1, 2, 3), (4, 4, 2, 1))[0]):
        at = captured + _days(rng, 0, 6)
        if at < _END:
            yield Touch(at, "marketing", rng.choice(("webinar", "email", "web")), None)


def deals(
    rng: Random, found: Sequence[Lead], accounts: Sequence[Account], products: Sequence[Product]
) -> tuple[Deal, ...]:
    """Return the deals of all converted leads, and some that sales found alone."""
    made = [_deal(rng, n, lead, accounts, products)
            for n, lead in enumerate((one for one in found if one.converted_at), start=1)]  # fmt: skip
    for n in range(1, 61):
        own = _own_lead(rng)
        made.append(_deal(rng, 10_000 + n, own, accounts, products, alone=True))
    return tuple(made)


def _own_lead(rng: Random) -> Lead:
    region = REGIONS[rng.randrange(len(REGIONS))]
    begun = _some_time(rng)
    return Lead(
        "", begun, "outbound", None, rng.choices(SEGMENTS, (3, 3, 2))[0], {}, (),
        owner=f"rep-{region.lower()}-{rng.randint(1, REPS_PER_REGION)}", converted_at=begun,
    )  # fmt: skip


def _deal(
    rng: Random,
    n: int,
    lead: Lead,
    accounts: Sequence[Account],
    products: Sequence[Product],
    *,
    alone: bool = False,
) -> Deal:
    assert lead.converted_at is not None
    assert lead.owner is not None
    product = products[rng.choice(_PRODUCT_BY_SEGMENT[lead.segment])]
    account = rng.choice([one for one in accounts if one.segment == lead.segment] or accounts)
    quantity = rng.choices((1, 2, 3, 5), (6, 3, 2, 1))[0]
    base = Deal(
        key=f"deal-{n}",
        name=f"{product.name} for {account.name}",
        created_at=lead.converted_at,
        owner=lead.owner,
        account=account.key,
        product=product.key,
        amount_minor=product.list_minor * quantity,
        segment=lead.segment,
        lead=None if alone else lead.key,
        source=lead.source,
        stages=(),
    )
    return _through(rng, base, product, quantity, products)


def _through(
    rng: Random, deal: Deal, product: Product, quantity: int, products: Sequence[Product]
) -> Deal:
    """Move a deal through its steps, sometimes back, until it ends or the year does."""
    at = deal.created_at
    moves: list[tuple[str, datetime]] = []
    for step in STEPS[1:]:
        at += _days(rng, 3, 24)
        if at >= _END or rng.random() < 0.2:
            return _lost(rng, replace(deal, stages=tuple(moves)), at)
        moves.append((step, at))
        if step == "proposal" and rng.random() < 0.1:
            back, again = at + _days(rng, 2, 6), at + timedelta(days=9)
            moves += [("evaluation", back), ("proposal", again)] if again < _END else []
            at = max(at, moves[-1][1])
    deal = replace(deal, stages=tuple(moves))
    at += _days(rng, 2, 18)
    return _lost(rng, deal, at) if rng.random() < 0.2 else _won(rng, deal, at, product, quantity,
                                                                products)  # fmt: skip


def _lost(rng: Random, deal: Deal, at: datetime) -> Deal:
    outcome, reason, competitor = rng.choices(_LOSSES, _LOSS_WEIGHTS)[0]
    return deal if at >= _END else replace(deal, lost=(at, outcome, reason, competitor))


def _won(
    rng: Random,
    deal: Deal,
    at: datetime,
    product: Product,
    quantity: int,
    products: Sequence[Product],
) -> Deal:
    lines, credited = _lines(rng, product, quantity, products), _credits(rng, deal)
    won = replace(deal, won_at=at, lines=tuple(lines), credits=tuple(credited))
    refunded = at + _days(rng, 15, 60)
    if rng.random() < 0.08 and refunded < _END:
        won = replace(won, refund=(refunded, rng.choice(("1", "0.5", "0.25"))))
    return deal if at >= _END else won


def _lines(
    rng: Random, product: Product, quantity: int, products: Sequence[Product]
) -> Iterator[Line]:
    yield _line(rng, product, quantity)
    for extra in products[4:]:
        if rng.random() < 0.3:
            yield _line(rng, extra, 1)


def _line(rng: Random, product: Product, quantity: int) -> Line:
    listed = product.list_minor * quantity
    # Mostly a discount, now and then a premium; one line in forty has no known cost.
    revenue = listed * (1_000 - rng.choices((0, 50, 100, 180, 250, -40), (5, 4, 4, 3, 2, 1))[0])
    cost = product.cost_minor * quantity if rng.random() > 0.025 else None
    return Line(product.key, quantity, listed, revenue // 1_000, cost)


def _credits(rng: Random, deal: Deal) -> Iterator[Credit]:
    region, n = deal.owner.removeprefix("rep-").rsplit("-", 1)
    mate = f"rep-{region}-{int(n) % REPS_PER_REGION + 1}"
    if rng.random() < 0.12:
        yield Credit(deal.owner, "owner", "0.6")
        yield Credit(mate, "owner", "0.4")
    else:
        yield Credit(deal.owner, "owner")
    if deal.lead is not None and rng.random() < 0.3:
        yield Credit(f"marketer-{rng.randint(1, 5)}", "marketer")


def ratings(rng: Random, found: Sequence[Lead]) -> tuple[Rating, ...]:
    """Return what both sides thought of some accepted leads; about one in seven is two or more apart."""
    judged = [lead for lead in found if lead.accepted_at][:RATED]
    return tuple(_rating(rng, lead) for lead in judged)


def _rating(rng: Random, lead: Lead) -> Rating:
    marketing = rng.choices((2, 3, 4, 5), (2, 4, 5, 3))[0]
    apart = rng.choices((0, -1, 1, -2, -3), (8, 5, 3, 2, 1))[0]
    return Rating(lead.key, marketing, min(max(marketing + apart, 1), 5))


def _some_time(rng: Random) -> datetime:
    days = rng.randrange((ANCHOR - FIRST_DAY).days)
    seconds = rng.randrange(7 * 3600, 18 * 3600)
    return datetime.combine(FIRST_DAY, time(), UTC) + timedelta(days=days, seconds=seconds)


def _days(rng: Random, low: int, high: int) -> timedelta:
    """Return some days and working hours."""
    return timedelta(days=rng.randint(low, high), seconds=rng.randrange(600, 6 * 3600))
