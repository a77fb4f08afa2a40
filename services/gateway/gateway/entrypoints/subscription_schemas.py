"""Bodies of webhook subscriptions."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from gateway.domain.published import EventName
from gateway.domain.subscription import OutgoingDelivery, State, Status, Subscription
from gateway.entrypoints.connection_schemas import SecretView
from onefunnel.http.bodies import Body, Shown
from onefunnel.http.public_urls import MAX_URL

Endpoint = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL),
    Field(
        description="https, on port 443 or 8443, a name or address of the public Internet.",
        examples=["https://hooks.example.com/onefunnel"],
    ),
]
Events = Annotated[
    list[EventName], Field(min_length=1, max_length=50, description="Which events are sent.")
]
Description = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]


class NewSubscription(Body):
    """An endpoint to tell of events."""

    url: Endpoint
    events: Events
    description: Description = ""
    state: State = "active"


class SubscriptionPatch(Body):
    """What is to be changed; what is left out stays. `active` resumes one that was paused."""

    url: Endpoint | None = None
    events: Events | None = None
    description: Description | None = None
    state: State | None = None


class SubscriptionView(Shown):
    """A subscription; what is secret about it is not shown."""

    id: UUID
    url: str
    events: list[str]
    description: str
    state: State
    paused_because: Literal["owner", "gone", "failing"] | None
    failing_since: datetime | None
    last_failure: Annotated[
        str | None,
        Field(description="status-<code>, timeout, connection, name, tls or address-refused."),
    ]
    secrets: list[SecretView]
    created_at: datetime


class CreatedSubscription(SubscriptionView):
    """A new subscription or secret; `secret` is shown this once, and is null when the request is repeated."""

    secret: str | None


class OutgoingView(Shown):
    """One event on its way to one endpoint."""

    id: UUID
    event_id: Annotated[UUID, Field(description="The `webhook-id` of every attempt.")]
    type: str
    status: Status
    attempts: Annotated[int, Field(description="Since it was due, or was replayed.")]
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None
    last_code: int | None
    last_error: str | None


def subscription_view(subscription: Subscription) -> SubscriptionView:
    """Return what may be read about a subscription."""
    return SubscriptionView(
        id=subscription.id,
        url=subscription.url,
        events=list(subscription.events),
        description=subscription.description,
        state=subscription.state,
        paused_because=subscription.paused_because,
        failing_since=subscription.failing_since,
        last_failure=subscription.last_failure,
        secrets=[
            SecretView(id=one.id, created_at=one.created_at, expires_at=one.expires_at)
            for one in subscription.secrets
        ],
        created_at=subscription.created_at,
    )


def outgoing_view(delivery: OutgoingDelivery) -> OutgoingView:
    """Return what may be read about a delivery."""
    return OutgoingView(
        id=delivery.id,
        event_id=delivery.event_id,
        type=delivery.type,
        status=delivery.status,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        next_at=delivery.next_at,
        last_at=delivery.last_at,
        last_code=delivery.last_code,
        last_error=delivery.last_error,
    )
