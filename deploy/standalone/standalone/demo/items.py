"""The company as batch items: the same commands that an import sends."""

from collections.abc import Iterator
from datetime import datetime

from standalone.demo.facts import (
    CURRENCY,
    SOURCE,
    Campaign,
    Company,
    Credit,
    Deal,
    Lead,
    Line,
    Person,
    Place,
)
from standalone.imports.commands import Body, Item


def items_of(company: Company) -> Iterator[list[Item]]:
    """Yield the items in groups; what a group refers to is in one before it."""
    yield [_person(one) for one in company.people]
    yield [
        _put("account", one.key, {"name": one.name, "segment": one.segment})
        for one in company.accounts
    ]
    yield [
        _put(
            "product",
            one.key,
            {"name": one.name, "list_minor": one.list_minor, "currency": CURRENCY},
        )
        for one in company.products
    ]
    yield [_campaign(one) for one in company.campaigns]
    yield [_lead(one) for one in company.leads]
    yield [_deal(one) for one in company.deals]


def named(key: str | None) -> Body | None:
    """Return how something is mentioned."""
    return None if key is None else {"source": SOURCE, "id": key}


def at(moment: datetime) -> str:
    """Return a time as it is sent."""
    return moment.isoformat().replace("+00:00", "Z")


def money(amount_minor: int) -> Body:
    """Return an amount as it is sent."""
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def _command(do: str, key: str, body: Body) -> Body:
    given = {name: value for name, value in body.items() if value is not None}
    return {"do": do, "external": named(key), **given}


def _put(kind: str, key: str, body: Body) -> Item:
    return Item(key, (_command(f"{kind}.put", key, body),))


def _person(one: Person) -> Item:
    places = [_place(place) for place in one.places]
    return _put("person", one.key, {"name": one.name, "kind": one.kind, "memberships": places})


def _place(place: Place) -> Body:
    body: Body = {
        "from": place.from_.isoformat() if place.from_ else None,
        "to": place.to.isoformat() if place.to else None,
        "manager": named(place.manager),
        "team": place.team,
        "region": place.region,
    }
    return {name: value for name, value in body.items() if value is not None}


def _campaign(one: Campaign) -> Item:
    spend = [
        _command("campaign.spend", one.key, {"on": day.isoformat(), "amount": money(minor)})
        for day, minor in one.spend
    ]
    put = _command("campaign.put", one.key, {"name": one.name, "channel": one.channel})
    return Item(one.key, (put, *spend))


def _lead(one: Lead) -> Item:
    capture: Body = {
        "captured_at": at(one.captured_at),
        "source": one.source,
        "campaign": named(one.campaign),
        "segment": one.segment,
        "qualified_at": at(one.qualified_at) if one.qualified_at else None,
        "attributes": one.attributes,
    }
    return Item(one.key, (_command("lead.capture", one.key, capture), *_handed_over(one)))


def _handed_over(one: Lead) -> Iterator[Body]:
    for touch in one.touches:
        body: Body = {
            "at": at(touch.at),
            "side": touch.side,
            "channel": touch.channel,
            "person": named(touch.person),
        }
        yield _command("touch.record", one.key, body)
    person = named(one.owner)
    if one.assigned_at:
        yield _command("lead.assign", one.key, {"at": at(one.assigned_at), "owner": person})
    if one.accepted_at:
        yield _command("lead.accept", one.key, {"at": at(one.accepted_at), "person": person})
    if one.rejected:
        when, why = one.rejected
        body = {"at": at(when), "person": person, "reason_class": why}
        yield _command("lead.reject", one.key, body)
    if one.disqualified:
        when, why = one.disqualified
        yield _command("lead.disqualify", one.key, {"at": at(when), "reason": why})


def _deal(one: Deal) -> Item:
    return Item(one.key, (_opened(one), *_moved(one), *_ended(one)))


def _opened(one: Deal) -> Body:
    body: Body = {
        "name": one.name,
        "stage": "discovery",
        "owner": named(one.owner),
        "amount": money(one.amount_minor),
        "currency": CURRENCY,
        "account": named(one.account),
        "product": named(one.product),
        "segment": one.segment,
    }
    if one.lead is None:
        opened = {**body, "created_at": at(one.created_at), "source": one.source}
        return _command("deal.create", one.key, opened)
    deal = {"external": named(one.key), **body}
    return _command("lead.convert", one.lead, {"at": at(one.created_at), "deal": deal})


def _moved(one: Deal) -> Iterator[Body]:
    for step, when in one.stages:
        yield _command("deal.stage", one.key, {"stage": step, "at": at(when)})


def _ended(one: Deal) -> Iterator[Body]:
    if one.won_at:
        body: Body = {
            "at": at(one.won_at),
            "lines": [_line(n, line) for n, line in enumerate(one.lines, start=1)],
            "credits": [_credit(credit) for credit in one.credits],
        }
        yield _command("deal.win", one.key, body)
    if one.lost:
        when, outcome, reason, competitor = one.lost
        body = {"at": at(when), "outcome": outcome, "reason": reason, "competitor": competitor}
        yield _command("deal.lose", one.key, body)


def _line(n: int, line: Line) -> Body:
    body: Body = {
        "id": str(n),
        "product": named(line.product),
        "quantity": str(line.quantity),
        "list_minor": line.list_minor,
        "revenue_minor": line.revenue_minor,
        "cost_minor": line.cost_minor,
    }
    return {name: value for name, value in body.items() if value is not None}


def _credit(credit: Credit) -> Body:
    body: Body = {"person": named(credit.person), "role": credit.role, "split": credit.split}
    return {name: value for name, value in body.items() if value is not None}
