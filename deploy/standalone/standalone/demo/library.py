"""What marketing made, who shared it, who read it, and what sales said about it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from standalone.demo.facts import ANCHOR, Asset, Deal, Feedback, Share, View

_END = datetime.combine(ANCHOR, time(), UTC)
_ASSETS = (
    ("deck-intro", "Introduction deck", "deck", "discovery", None),
    ("case-logistics", "Case study: logistics", "case_study", "evaluation", "Enterprise"),
    ("case-foods", "Case study: food maker", "case_study", "evaluation", "Mid-Market"),
    ("roi-sheet", "Return on investment sheet", "sheet", "proposal", None),
    ("security-paper", "Security paper", "paper", "evaluation", "Enterprise"),
    ("price-guide", "Price guide", "guide", "proposal", None),
    ("comparison", "Comparison with others", "guide", "evaluation", None),
    ("onboarding-plan", "Onboarding plan", "plan", "negotiation", None),
    ("faq-legal", "Legal questions", "paper", "negotiation", "Enterprise"),
    ("demo-video", "Demonstration video", "video", "discovery", None),
    ("newsletter-best", "Best of the newsletter", "mail", "discovery", "SMB"),
    ("old-brochure", "Brochure of last year", "brochure", "discovery", None),
)
_ASKS = (
    ("outdated", "The prices on page 3 are those of last year."),
    ("missing", "Buyers ask for a case study of a company of their size."),
    ("praise", "This one closed two deals for me."),
    ("unclear", "Nobody understands the second page."),
)


def assets() -> tuple[Asset, ...]:
    """Return the library; one asset has expired and one is never used."""
    return tuple(
        Asset(
            key,
            title,
            kind,
            f"marketer-{n % 5 + 1}",
            stage,
            segment,
            date(2026, 6, 30) if key == "old-brochure" else None,
        )
        for n, (key, title, kind, stage, segment) in enumerate(_ASSETS)
    )


def shares(rng: Random, library: Sequence[Asset], deals: Sequence[Deal]) -> tuple[Share, ...]:
    """Return what was sent to the buyers of some deals, in the step it is meant for."""
    found = []
    for deal in deals:
        for step, at in deal.stages:
            fitting = [a for a in library if a.stage == step and a.key != "faq-legal"]
            sent = at + timedelta(hours=rng.randint(1, 40))
            if fitting and rng.random() < 0.16 and sent < _END:
                found.append(Share(rng.choice(fitting).key, deal.key, deal.owner, sent))
    return tuple(found)


def views(rng: Random, sent: Sequence[Share]) -> tuple[View, ...]:
    """Return who read what was sent; two shares in five are never opened."""
    found = []
    for number, share in enumerate(sent):
        for again in range(rng.choices((0, 1, 2), (4, 5, 2))[0]):
            at = share.at + timedelta(hours=rng.randint(1, 120))
            pages = tuple((page, rng.randint(900, 90_000)) for page in range(1, rng.randint(2, 6)))
            if at < _END:
                found.append(View(f"view-{number}-{again}", number, at, pages))
    return tuple(found)


def feedback(rng: Random, library: Sequence[Asset]) -> tuple[Feedback, ...]:
    """Return what sales said; two of three got an answer."""
    found = []
    for n in range(1, 25):
        asset = rng.choice(library)
        kind, text = rng.choice(_ASKS)
        answer = "Thank you, it is changed." if rng.random() < 0.66 else None
        rep = f"rep-{rng.choice(('north', 'south', 'west'))}-{rng.randint(1, 8)}"
        submitted = _END - timedelta(days=rng.randint(1, 60), hours=rng.randint(1, 12))
        due_on = submitted.date() + timedelta(days=14)
        found.append(
            Feedback(
                f"feedback-{n}",
                asset.key,
                kind,
                text,
                rep,
                asset.owner,
                submitted,
                due_on,
                answer,
            )
        )
    return tuple(found)
