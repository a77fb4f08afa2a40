"""Bodies of connections."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import Field, StringConstraints

from gateway.application.access import GivenAccess
from gateway.application.deliveries import ItemFault, StoredDelivery
from gateway.domain.connection import RECONCILE_MINUTES, Connection, GrantKind
from gateway.domain.crm_api.tokens import Credentials
from gateway.domain.webhooks.mapping import FieldName
from onefunnel.events.values import Code
from onefunnel.http.bodies import Body, KnownCurrency, Name, Shown

ProviderName = Literal[
    "hubspot",
    "salesforce",
    "salesforce-flow",
    "salesforce-cdc",
    "pipedrive",
    "standard",
    "cloudevents",
    "zoho",
    "dynamics",
    "close",
    "espocrm",
    "twenty",
    "odoo",
    "papermark",
]
Standing = Literal["won", "lost", "open", "qualified", "disqualified"]
Theirs = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Step = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Secret = Annotated[str, StringConstraints(min_length=8, max_length=500)]
Token = Annotated[str, StringConstraints(min_length=8, max_length=4_000)]
Setting = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Url = Annotated[
    str,
    StringConstraints(max_length=500, pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[^\s?#]*)?$"),
]
Few = Field(max_length=500)


class MappingIn(Body):
    """How the CRM's fields are read; what is left out keeps the vendor's default."""

    deal: Annotated[
        dict[FieldName, Theirs] | None,
        Field(
            max_length=len(get_args(FieldName)),
            description="Our field to the CRM's.",
            examples=[{"cost": "Total_Cost__c"}],
        ),
    ] = None
    lead: Annotated[dict[FieldName, Theirs] | None, Field(max_length=len(get_args(FieldName)))] = (
        None
    )
    stages: Annotated[
        dict[Theirs, Step] | None,
        Field(
            max_length=500,
            description="A stage, or pipeline:stage, to a step of the funnel, to won or to lost.",
            examples=[{"closedwon": "won", "contractsent": "negotiation"}],
        ),
    ] = None
    standing: Annotated[
        dict[Standing, Annotated[dict[Theirs, Annotated[list[Theirs], Few]], Few]] | None,
        Field(
            max_length=len(get_args(Standing)),
            description="What says that a deal is won: fields and their values, all of them.",
        ),
    ] = None
    currency: Annotated[KnownCurrency | None, Field(description="Where the CRM names none.")] = None
    amount_digits: Annotated[
        int | None, Field(ge=0, le=6, description="2 if amounts are whole cents.")
    ] = None
    people: Annotated[
        dict[Theirs, Theirs] | None,
        Field(max_length=5_000, description="The CRM's owner to the external id of a person here."),
    ] = None
    sources: Annotated[dict[Theirs, Code] | None, Few] = None
    reasons: Annotated[
        dict[Theirs, Code] | None,
        Field(
            max_length=500,
            description="Why the CRM says a deal was lost to a code of ours. Of what is not here ids and"
            " ordinary words are taken as they stand; anything else might name a person and is left out.",
            examples=[{"Lost to Northwind": "competitor"}],
        ),
    ] = None
    shares: Annotated[
        dict[Theirs, UUID] | None,
        Field(
            max_length=5_000, description="A link of another system to a share of an asset here."
        ),
    ] = None

    def over(self, default: Mapping[str, Any]) -> dict[str, Any]:
        """Return the default with what was given in its place."""
        return {**default, **self.model_dump(mode="json", exclude_unset=True, exclude_none=True)}


class OAuthIn(Body):
    """The credentials of an application that the CRM knows."""

    client_id: Setting
    client_secret: Secret
    refresh_token: Annotated[
        Token | None,
        Field(description="None where the client has the right by itself: Salesforce, Dynamics."),
    ] = None
    directory: Annotated[
        str,
        StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9.-]*$"),
        Field(description="The directory (tenant) of Entra that knows the client; Dynamics alone."),
    ] = ""


class AccessIn(Body):
    """How the CRM's own records are read: with `token` or with `oauth`; neither is shown again."""

    token: Annotated[
        Token | None, Field(description="One that does not end, or that is replaced by hand.")
    ] = None
    oauth: Annotated[
        OAuthIn | None, Field(description="What tokens are got with, before each of them ends.")
    ] = None
    url: Annotated[
        Url | None,
        Field(
            description="Scheme and host of the account, where the vendor has one for each.",
            examples=["https://example.my.salesforce.com"],
        ),
    ] = None
    reconcile_minutes: Annotated[
        int, Field(ge=5, le=10_080, description="How often the CRM is compared with us.")
    ] = RECONCILE_MINUTES

    def given(self) -> GivenAccess:
        """Return it for the use case."""
        oauth = Credentials(**self.oauth.model_dump()) if self.oauth else None
        return GivenAccess(self.token, oauth, self.url, self.reconcile_minutes)


class NewConnection(Body):
    """A CRM to connect."""

    provider: ProviderName
    name: Name
    source: Annotated[
        Code | None, Field(description="Under which its records are known here; the provider.")
    ] = None
    secret: Annotated[
        Secret | None,
        Field(description="The vendor's own secret, or user:password; else one is made and shown."),
    ] = None
    public_url: Annotated[
        Url | None, Field(description="How the CRM reaches this gateway, where it signs the URL.")
    ] = None
    settings: Annotated[dict[Code, Setting], Few] = Field(default_factory=dict)
    mapping: MappingIn | None = None
    api: AccessIn | None = None


class ConnectionPatch(Body):
    """What is to be changed; what is left out stays."""

    name: Name | None = None
    public_url: Url | None = None
    settings: Annotated[dict[Code, Setting] | None, Few] = None
    mapping: MappingIn | None = None
    api: Annotated[
        AccessIn | None, Field(description="null: the CRM's records are not read any more.")
    ] = None


class RotateIn(Body):
    """A new secret, and how long the one before is still believed."""

    secret: Secret | None = None
    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class SecretView(Shown):
    """A secret without what it is."""

    id: UUID
    created_at: datetime
    expires_at: datetime | None


class AccessView(Shown):
    """How the CRM's records are read, without what is secret about it."""

    url: str
    token_set_at: datetime | None
    token_ends_at: datetime | None
    oauth: Annotated[GrantKind | None, Field(description="How tokens are renewed; null: not.")]
    reconcile_minutes: int


class AttentionView(Shown):
    """Why somebody has to look after a connection."""

    code: str
    detail: str
    since: datetime


class ChannelView(Shown):
    """By which the CRM tells of changes; it is renewed daily."""

    id: str
    expires_at: datetime


class ConnectionView(Shown):
    """A connection; what is secret about it is not shown."""

    id: UUID
    provider: str
    name: str
    source: str
    state: str
    url: str
    settings: dict[str, str]
    mapping: dict[str, Any]
    secrets: list[SecretView]
    api: AccessView | None
    attention: Annotated[
        AttentionView | None, Field(description="What stands against it that only a person mends.")
    ]
    channel: Annotated[
        ChannelView | None, Field(description="Where the CRM tells of changes for a while only.")
    ]
    created_at: datetime


class CreatedConnection(ConnectionView):
    """A new connection or secret; `secret` is shown this once, and is null when the request is repeated."""

    secret: str | None


class FaultView(Shown):
    """A field of a delivery that could not be used."""

    change: str
    pointer: str
    code: str
    detail: str


class DeliveryView(Shown):
    """A delivery as it was stored."""

    id: UUID
    received_at: datetime
    status: str
    changes: int
    told: int
    secret_id: UUID | None
    erased_at: Annotated[
        datetime | None, Field(description="Since then nobody can read or replay it.")
    ]
    faults: list[FaultView]


class RefusalView(Shown):
    """A request that was not believed, while this process runs."""

    at: datetime
    reason: str


class DeliveryList(Shown):
    """One page of deliveries, newest first, and the last refusals."""

    items: list[DeliveryView]
    next_cursor: str | None
    refused: list[RefusalView]


class Meant(Shown):
    """What a stored delivery would become under the mapping of now."""

    status: str
    events: list[dict[str, Any]]
    faults: list[FaultView]


def shown(connection: Connection, public_url: str) -> ConnectionView:
    """Return what may be read about a connection."""
    return ConnectionView(
        id=connection.id,
        provider=connection.provider,
        name=connection.name,
        source=connection.source,
        state=connection.state,
        url=connection.address(public_url),
        settings=dict(connection.settings),
        mapping=dict(connection.mapping),
        secrets=[
            SecretView(id=one.id, created_at=one.created_at, expires_at=one.expires_at)
            for one in connection.secrets
        ],
        api=_access_view(connection),
        attention=_attention_view(connection),
        channel=_channel_view(connection),
        created_at=connection.created_at,
    )


def _access_view(connection: Connection) -> AccessView | None:
    access = connection.access
    if access is None:
        return None
    token, grant = access.token, access.grant
    return AccessView(
        url=access.url,
        token_set_at=token.created_at if token else None,
        token_ends_at=token.expires_at if token else None,
        oauth=grant.kind if grant else None,
        reconcile_minutes=access.reconcile_minutes,
    )


def _attention_view(connection: Connection) -> AttentionView | None:
    found = connection.attention
    return AttentionView(code=found.code, detail=found.detail, since=found.since) if found else None


def _channel_view(connection: Connection) -> ChannelView | None:
    found = connection.channel
    return ChannelView(id=str(found.id), expires_at=found.expires_at) if found else None


def delivery_view(delivery: StoredDelivery) -> DeliveryView:
    """Return what may be read about a delivery."""
    return DeliveryView(
        id=delivery.id,
        received_at=delivery.received_at,
        status=delivery.status,
        changes=delivery.changes,
        told=delivery.told,
        secret_id=delivery.secret_id,
        erased_at=delivery.erased_at,
        faults=[fault_view(fault) for fault in delivery.faults],
    )


def fault_view(fault: ItemFault) -> FaultView:
    """Return how a fault is shown."""
    found = fault.fault
    return FaultView(
        change=fault.change, pointer=found.pointer, code=found.code, detail=found.detail
    )
