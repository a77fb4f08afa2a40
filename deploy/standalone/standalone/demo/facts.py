"""What a company's year consists of, as plain values."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

SOURCE: Final = "demo"
CURRENCY: Final = "EUR"
FIRST_DAY: Final = date(2025, 10, 1)
ANCHOR: Final = date(2026, 10, 1)  # every date lies before it
QUARTERS: Final = ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3")


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stood in the org chart, both dates inclusive."""

    manager: str | None
    team: str
    region: str
    from_: date | None = None
    to: date | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of sales or marketing."""

    key: str
    name: str
    kind: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A customer or prospect."""

    key: str
    name: str
    segment: str


@dataclass(frozen=True, slots=True)
class Product:
    """Something to sell, with its list price and what it costs."""

    key: str
    name: str
    list_minor: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """Something marketing pays for; `weight` is how many leads it brings."""

    key: str
    name: str
    channel: str
    weight: int
    spend: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Touch:
    """A contact with a lead."""

    at: datetime
    side: str
    channel: str
    person: str | None


@dataclass(frozen=True, slots=True)
class Lead:
    """Somebody who showed interest, and how far they came."""

    key: str
    captured_at: datetime
    source: str | None
    campaign: str | None
    segment: str
    attributes: dict[str, str | int]
    touches: tuple[Touch, ...]
    qualified_at: datetime | None = None
    owner: str | None = None
    assigned_at: datetime | None = None
    accepted_at: datetime | None = None
    rejected: tuple[datetime, str] | None = None
    disqualified: tuple[datetime, str] | None = None
    converted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A product as it was sold; amounts are for the whole line."""

    product: str
    quantity: int
    list_minor: int
    revenue_minor: int
    cost_minor: int | None


@dataclass(frozen=True, slots=True)
class Credit:
    """Who is credited with a deal."""

    person: str
    role: str
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal from its first step to its end, if it has one."""

    key: str
    name: str
    created_at: datetime
    owner: str
    account: str
    product: str
    amount_minor: int
    segment: str
    lead: str | None
    source: str | None
    stages: tuple[tuple[str, datetime], ...]
    won_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    credits: tuple[Credit, ...] = ()
    lost: tuple[datetime, str, str, str | None] | None = None  # at, outcome, reason, competitor
    refund: tuple[datetime, str] | None = None  # at, fraction


@dataclass(frozen=True, slots=True)
class Rating:
    """What both sides thought of a lead, from 1 to 5."""

    lead: str
    marketing: int
    sales: int


@dataclass(frozen=True, slots=True)
class View:
    """A buyer looked at an asset."""

    key: str
    share: int
    viewed_at: datetime
    pages: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A rep sent an asset to the buyer of a deal."""

    asset: str
    deal: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asset:
    """Something marketing made."""

    key: str
    title: str
    kind: str
    owner: str
    stage: str
    segment: str | None
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What sales told marketing."""

    key: str
    asset: str
    kind: str
    text: str
    submitted_by: str
    owner: str
    submitted_at: datetime
    due_on: date
    answer: str | None


@dataclass(frozen=True, slots=True)
class Quota:
    """What is expected of a person in a quarter."""

    person: str
    period: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Company:
    """Everything, in an order in which it can be told."""

    people: tuple[Person, ...]
    accounts: tuple[Account, ...]
    products: tuple[Product, ...]
    campaigns: tuple[Campaign, ...]
    leads: tuple[Lead, ...]
    deals: tuple[Deal, ...]
    ratings: tuple[Rating, ...] = ()
    assets: tuple[Asset, ...] = ()
    shares: tuple[Share, ...] = ()
    views: tuple[View, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    quotas: tuple[Quota, ...] = ()
    plans: dict[str, tuple[str, ...]] = field(default_factory=dict)  # plan → who is paid by it
