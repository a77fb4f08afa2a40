"""Routes of people, accounts, products and campaigns."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from lead_service.application.commands import directory as commands
from lead_service.entrypoints.http.leads import named
from lead_service.entrypoints.schemas import directory as schemas
from lead_service.entrypoints.schemas.directory_answers import (
    AccountOut,
    CampaignOut,
    PersonOut,
    ProductOut,
    SpendOut,
)
from lead_service.entrypoints.wiring import Asking, beside, listed, made, shown, there_already
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.preconditions import IfMatch
from onefunnel.http.routing import declared, routes

router = routes("directory")
PEOPLE, ACCOUNTS = "/v1/people", "/v1/accounts"
PRODUCTS, CAMPAIGNS = "/v1/products", "/v1/campaigns"
OutsideSource = Annotated[str | None, Query(alias="external.source", max_length=200)]
OutsideId = Annotated[str | None, Query(alias="external.id", max_length=200)]


@router.post(
    PEOPLE,
    status_code=201,
    response_model=PersonOut,
    responses=there_already(PersonOut),
    openapi_extra=declared("person", "create"),
)
async def create_person(body: schemas.PersonIn, asked: Asking) -> Response:
    """Record a person. The same external id and data again answers with the person who is there."""
    person = body.value(asked.tenant_id)
    return await asked.do(commands.create_person, person, made(PersonOut, PEOPLE))


@router.get(PEOPLE, responses=listed(PersonOut), openapi_extra=declared("person", "read"))
async def list_people(
    asked: Asking,
    page: PageRequest,
    kind: schemas.PersonKind | None = None,
    active: bool | None = None,
    external_source: OutsideSource = None,
    external_id: OutsideId = None,
) -> Response:
    """List people by name."""
    id_ = named(asked, "person", external_source, external_id)
    filters = {"kind": kind, "active": active, "id": id_}
    return await asked.page(asked.queries.people, page, PersonOut, filters)


@router.get(
    PEOPLE + "/{person_id}",
    response_model=PersonOut,
    openapi_extra=declared("person", "read"),
)
async def get_person(person_id: Id, asked: Asking) -> Response:
    """Read a person."""
    return await asked.one(asked.queries.people, person_id, PersonOut)


@router.patch(
    PEOPLE + "/{person_id}",
    response_model=PersonOut,
    openapi_extra=declared("person", "update"),
)
async def update_person(
    person_id: Id, body: schemas.PersonPatch, seen: IfMatch, asked: Asking
) -> Response:
    """Change a person; memberships are replaced as a whole."""
    command = commands.ChangePerson(person_id, body.changes(asked.tenant_id), seen)
    return await asked.do(commands.change_person, command, shown(PersonOut))


@router.post(
    ACCOUNTS,
    status_code=201,
    response_model=AccountOut,
    responses=there_already(AccountOut),
    openapi_extra=declared("account", "create"),
)
async def create_account(body: schemas.AccountIn, asked: Asking) -> Response:
    """Record an account."""
    account = body.value(asked.tenant_id)
    return await asked.do(commands.create_account, account, made(AccountOut, ACCOUNTS))


@router.get(ACCOUNTS, responses=listed(AccountOut), openapi_extra=declared("account", "read"))
async def list_accounts(
    asked: Asking,
    page: PageRequest,
    segment: Annotated[str | None, Query(max_length=64)] = None,
    external_source: OutsideSource = None,
    external_id: OutsideId = None,
) -> Response:
    """List accounts by name."""
    id_ = named(asked, "account", external_source, external_id)
    filters = {"segment": segment, "id": id_}
    return await asked.page(asked.queries.accounts, page, AccountOut, filters)


@router.get(
    ACCOUNTS + "/{account_id}",
    response_model=AccountOut,
    openapi_extra=declared("account", "read"),
)
async def get_account(account_id: Id, asked: Asking) -> Response:
    """Read an account."""
    return await asked.one(asked.queries.accounts, account_id, AccountOut)


@router.patch(
    ACCOUNTS + "/{account_id}",
    response_model=AccountOut,
    openapi_extra=declared("account", "update"),
)
async def update_account(
    account_id: Id, body: schemas.AccountPatch, seen: IfMatch, asked: Asking
) -> Response:
    """Change an account."""
    command = commands.ChangeAccount(account_id, body.changes(asked.tenant_id), seen)
    return await asked.do(commands.change_account, command, shown(AccountOut))


@router.post(
    PRODUCTS,
    status_code=201,
    response_model=ProductOut,
    responses=there_already(ProductOut),
    openapi_extra=declared("product", "create"),
)
async def create_product(body: schemas.ProductIn, asked: Asking) -> Response:
    """Record a product."""
    product = body.value(asked.tenant_id)
    return await asked.do(commands.create_product, product, made(ProductOut, PRODUCTS))


@router.get(PRODUCTS, responses=listed(ProductOut), openapi_extra=declared("product", "read"))
async def list_products(
    asked: Asking,
    page: PageRequest,
    active: bool | None = None,
    external_source: OutsideSource = None,
    external_id: OutsideId = None,
) -> Response:
    """List products by name."""
    id_ = named(asked, "product", external_source, external_id)
    filters = {"active": active, "id": id_}
    return await asked.page(asked.queries.products, page, ProductOut, filters)


@router.get(
    PRODUCTS + "/{product_id}",
    response_model=ProductOut,
    openapi_extra=declared("product", "read"),
)
async def get_product(product_id: Id, asked: Asking) -> Response:
    """Read a product."""
    return await asked.one(asked.queries.products, product_id, ProductOut)


@router.patch(
    PRODUCTS + "/{product_id}",
    response_model=ProductOut,
    openapi_extra=declared("product", "update"),
)
async def update_product(
    product_id: Id, body: schemas.ProductPatch, seen: IfMatch, asked: Asking
) -> Response:
    """Change a product; booked deals keep the list price they were booked with."""
    command = commands.ChangeProduct(product_id, body.changes(asked.tenant_id), seen)
    return await asked.do(commands.change_product, command, shown(ProductOut))


@router.post(
    CAMPAIGNS,
    status_code=201,
    response_model=CampaignOut,
    responses=there_already(CampaignOut),
    openapi_extra=declared("campaign", "create"),
)
async def create_campaign(body: schemas.CampaignIn, asked: Asking) -> Response:
    """Record a campaign."""
    campaign = body.value(asked.tenant_id)
    return await asked.do(commands.create_campaign, campaign, made(CampaignOut, CAMPAIGNS))


@router.get(CAMPAIGNS, responses=listed(CampaignOut), openapi_extra=declared("campaign", "read"))
async def list_campaigns(
    asked: Asking,
    page: PageRequest,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    external_source: OutsideSource = None,
    external_id: OutsideId = None,
) -> Response:
    """List campaigns by name."""
    id_ = named(asked, "campaign", external_source, external_id)
    filters = {"channel": channel, "id": id_}
    return await asked.page(asked.queries.campaigns, page, CampaignOut, filters)


@router.get(
    CAMPAIGNS + "/{campaign_id}",
    response_model=CampaignOut,
    openapi_extra=declared("campaign", "read"),
)
async def get_campaign(campaign_id: Id, asked: Asking) -> Response:
    """Read a campaign."""
    return await asked.one(asked.queries.campaigns, campaign_id, CampaignOut)


@router.patch(
    CAMPAIGNS + "/{campaign_id}",
    response_model=CampaignOut,
    openapi_extra=declared("campaign", "update"),
)
async def update_campaign(
    campaign_id: Id, body: schemas.CampaignPatch, seen: IfMatch, asked: Asking
) -> Response:
    """Change a campaign."""
    command = commands.ChangeCampaign(campaign_id, body.changes(asked.tenant_id), seen)
    return await asked.do(commands.change_campaign, command, shown(CampaignOut))


@router.post(
    CAMPAIGNS + "/{campaign_id}/spend",
    status_code=201,
    response_model=SpendOut,
    openapi_extra=declared("campaign", "spend"),
)
async def record_spend(campaign_id: Id, body: schemas.SpendIn, asked: Asking) -> Response:
    """Enter money spent, or take an entry back; entries are never changed."""
    command = body.command(campaign_id)
    return await asked.do(commands.record_spend, command, beside(SpendOut))


@router.get(
    CAMPAIGNS + "/{campaign_id}/spend",
    responses=listed(SpendOut),
    openapi_extra=declared("campaign", "read"),
)
async def list_spend(campaign_id: Id, asked: Asking, page: PageRequest) -> Response:
    """List what was spent on a campaign, by day."""
    await asked.queries.campaigns.get(asked.tenant_id, campaign_id)
    filters = {"campaign_id": campaign_id}
    return await asked.page(asked.queries.spend, page, SpendOut, filters)
