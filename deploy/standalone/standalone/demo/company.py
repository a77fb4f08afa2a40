"""Who and what there is: people in two levels of management, accounts, products, campaigns."""

from datetime import date, timedelta
from random import Random

from standalone.demo import words
from standalone.demo.facts import (
    FIRST_DAY,
    Account,
    Campaign,
    Person,
    Place,
    Product,
)

REGIONS = ("North", "South", "West")
SEGMENTS = ("SMB", "Mid-Market", "Enterprise")
REPS_PER_REGION = 8
MARKETERS = 5
_MOVE = date(2026, 4, 1)
_PRODUCTS = (
    ("starter", "Starter", 1_200_00, 380_00),
    ("team", "Team", 4_800_00, 1_650_00),
    ("business", "Business", 14_500_00, 5_400_00),
    ("enterprise", "Enterprise", 48_000_00, 19_900_00),
    ("onboarding", "Onboarding", 3_500_00, 2_600_00),
    ("premium-support", "Premium Support", 6_000_00, 3_100_00),
)
_CAMPAIGNS = (
    ("webinar-series", "Webinar series", "webinar", 22, 1_800_00),
    ("search-brand", "Search: brand", "paid_search", 26, 2_400_00),
    ("search-generic", "Search: generic", "paid_search", 30, 4_900_00),
    ("newsletter", "Newsletter", "email", 18, 350_00),
    ("spring-fair", "Spring fair", "event", 12, 3_900_00),
    ("partner-referrals", "Partner referrals", "referral", 10, 900_00),
    ("social-video", "Social video", "social", 16, 2_100_00),
    ("comparison-guide", "Comparison guide", "content", 14, 700_00),
)


def people(rng: Random) -> tuple[Person, ...]:
    """Return a director of sales over three managers over 24 reps, and marketing beside them."""
    names = [f"{f} {n}" for f, n in zip(_shuffled(rng, words.FIRST), words.LAST, strict=True)]
    found = [Person("sales-director", names.pop(), "manager", (Place(None, "Sales", "HQ"),))]
    for region in REGIONS:
        boss = f"manager-{region.lower()}"
        place = Place("sales-director", f"Sales {region}", region)
        found.append(Person(boss, names.pop(), "manager", (place,)))
    for region in REGIONS:
        found += [
            Person(f"rep-{region.lower()}-{n}", names.pop(), "rep", _rep(region, n))
            for n in range(1, REPS_PER_REGION + 1)
        ]
    found.append(
        Person("marketing-director", names.pop(), "manager", (Place(None, "Marketing", "HQ"),))
    )
    for n in range(1, MARKETERS + 1):
        place = Place("marketing-director", "Marketing", "HQ")
        found.append(Person(f"marketer-{n}", names.pop(), "marketer", (place,)))
    found.append(Person("chief", names.pop(), "executive", (Place(None, "Board", "HQ"),)))
    return tuple(found)


def _rep(region: str, n: int) -> tuple[Place, ...]:
    """Return a rep's places; the last rep of the North moved to the South in spring."""
    here = Place(f"manager-{region.lower()}", f"Sales {region}", region)
    if (region, n) != (REGIONS[0], REPS_PER_REGION):
        return (here,)
    there = Place("manager-south", "Sales South", "South", from_=_MOVE)
    return (
        Place(here.manager, here.team, here.region, to=_MOVE - timedelta(days=1)),
        there,
    )


def accounts(rng: Random) -> tuple[Account, ...]:
    """Return 60 companies."""
    named = [f"{head} {tail}" for head in words.COMPANY_HEADS for tail in words.COMPANY_TAILS]
    rng.shuffle(named)
    return tuple(
        Account(f"account-{n}", name, rng.choices(SEGMENTS, (5, 3, 2))[0])
        for n, name in enumerate(named[:60], start=1)
    )


def products() -> tuple[Product, ...]:
    """Return what is sold."""
    return tuple(Product(*one) for one in _PRODUCTS)


def campaigns(rng: Random) -> tuple[Campaign, ...]:
    """Return campaigns with their spend by month."""
    months = [date(2025 + (m > 12), (m - 1) % 12 + 1, 1) for m in range(10, 22)]
    assert months[0] == FIRST_DAY
    return tuple(
        Campaign(
            key,
            name,
            channel,
            weight,
            tuple((month, monthly * rng.randint(80, 120) // 100) for month in months),
        )
        for key, name, channel, weight, monthly in _CAMPAIGNS
    )


def _shuffled(rng: Random, items: tuple[str, ...]) -> list[str]:
    found = list(items)
    rng.shuffle(found)
    return found
