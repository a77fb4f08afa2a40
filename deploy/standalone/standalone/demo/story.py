"""The whole company from one seed: the same on every machine and in every year."""

from random import Random

from standalone.demo import company, library, pipeline
from standalone.demo.facts import QUARTERS, Company, Quota

SEED = 20_261_001


def _chance(seed: int, part: str) -> Random:
    return Random(f"{seed} {part}")  # noqa: S311 - a story, not a secret


def demo_company(seed: int = SEED) -> Company:
    """Return the demo company. Each part has its own stream of chance, so that one can change alone."""
    people = company.people(_chance(seed, "people"))
    accounts = company.accounts(_chance(seed, "accounts"))
    products = company.products()
    campaigns = company.campaigns(_chance(seed, "campaigns"))
    leads = pipeline.leads(_chance(seed, "leads"), campaigns)
    deals = pipeline.deals(_chance(seed, "deals"), leads, accounts, products)
    assets = library.assets()
    shares = library.shares(_chance(seed, "shares"), assets, deals)
    reps = [person.key for person in people if person.kind == "rep"]
    return Company(
        people=people,
        accounts=accounts,
        products=products,
        campaigns=campaigns,
        leads=leads,
        deals=deals,
        ratings=pipeline.ratings(_chance(seed, "ratings"), leads),
        assets=assets,
        shares=shares,
        views=library.views(_chance(seed, "views"), shares),
        feedback=library.feedback(_chance(seed, "feedback"), assets),
        quotas=_quotas(_chance(seed, "quotas"), reps),
        plans={"revenue": tuple(reps[0::2]), "margin": tuple(reps[1::2])},
    )


def _quotas(rng: Random, reps: list[str]) -> tuple[Quota, ...]:
    return tuple(
        Quota(rep, quarter, rng.randint(4, 10) * 500_000) for rep in reps for quarter in QUARTERS
    )
