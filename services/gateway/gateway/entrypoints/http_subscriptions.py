"""Webhook subscriptions over HTTP: made, read, changed, tried, deleted; their deliveries seen and sent again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from gateway.application import subscriptions as using
from gateway.application.sealing import Seal
from gateway.application.subscriptions import OutgoingDeliveries, Subscribe, Subscriptions
from gateway.domain.subscription import Status, Subscription
from gateway.entrypoints.shown_once import with_secret
from gateway.entrypoints.subscription_schemas import (
    CreatedSubscription,
    NewSubscription,
    OutgoingView,
    SubscriptionPatch,
    SubscriptionView,
    outgoing_view,
    subscription_view,
)
from onefunnel.clock import Clock
from onefunnel.errors import invalid
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest, list_of
from onefunnel.http.preconditions import IfMatch, check_version
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.public_urls import NotAllowed, Resolve, Rules, check_target, resolved, target_of
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write

_RESOURCE = "webhook_subscription"


@dataclass(frozen=True)
class SubscriptionMeans:
    """What these routes work with."""

    write_of: Callable[..., Awaitable[Write]]
    read_of: Callable[..., Awaitable[Read]]
    subscriptions: Callable[[Any], Subscriptions]
    deliveries: Callable[[Any, UUID], OutgoingDeliveries]
    seal: Seal
    clock: Clock
    rules: Rules
    resolve: Resolve = resolved

    async def check(self, url: str) -> None:
        """Raise a problem unless the URL may be called, as far as can be told now."""
        try:
            await check_target(target_of(url, self.rules), self.rules, self.resolve)
        except NotAllowed as error:
            raise invalid(str(error), pointer="/url") from error


def subscription_routes(means: SubscriptionMeans) -> APIRouter:
    """Return the routes of webhook subscriptions."""
    router = routes("webhook-subscriptions", prefix="/v1/webhook-subscriptions")
    _add_making(router, means)
    _add_changes(router, means)
    _add_reads(router, means)
    _add_deliveries(router, means)
    return router


def _add_making(router: APIRouter, means: SubscriptionMeans) -> None:
    write_of = means.write_of

    @router.post(
        "",
        status_code=201,
        response_model=CreatedSubscription,
        openapi_extra=declared(_RESOURCE, "create"),
    )
    async def create_webhook_subscription(
        body: NewSubscription, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Tell an endpoint of events from now on. Its secret is shown this once; a repeat has none."""
        await means.check(body.url)  # before the transaction: a name server may take its time
        secret: str | None = None

        async def work(conn: Any, _metadata: object) -> Answer:
            nonlocal secret
            made, text = await using.subscribe(
                Subscribe(body.url, body.events, body.description, body.state),
                tenant_id=write.principal.tenant_id,
                known=means.subscriptions(conn),
                seal=means.seal,
                now=means.clock.now(),
            )
            secret = text
            location = f"/v1/webhook-subscriptions/{made.id}"
            return Answer(_once(made), 201, etag=made.version, location=location)

        return with_secret(await write(work), secret)

    @router.post(
        "/{subscription_id}/rotate",
        response_model=CreatedSubscription,
        openapi_extra=declared(_RESOURCE, "update"),
    )
    async def rotate_webhook_secret(
        subscription_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Make a new secret; for 24 hours each request is signed with both."""
        secret: str | None = None

        async def work(conn: Any, _metadata: object) -> Answer:
            nonlocal secret
            changed, text = await using.rotate(
                subscription_id,
                known=means.subscriptions(conn),
                seal=means.seal,
                now=means.clock.now(),
            )
            secret = text
            return Answer(_once(changed), etag=changed.version)

        return with_secret(await write(work), secret)


def _add_changes(router: APIRouter, means: SubscriptionMeans) -> None:
    write_of = means.write_of

    @router.patch(
        "/{subscription_id}",
        response_model=SubscriptionView,
        openapi_extra=declared(_RESOURCE, "update"),
    )
    async def update_webhook_subscription(
        subscription_id: Id,
        body: SubscriptionPatch,
        seen: IfMatch,
        write: Annotated[Write, Depends(write_of)],
    ) -> Response:
        """Change where and of what is told, or pause and resume. What happens meanwhile is not told."""
        if body.url is not None:
            await means.check(body.url)

        async def work(conn: Any, _metadata: object) -> Answer:
            repository = means.subscriptions(conn)
            known = await using.got(repository, subscription_id, for_change=True)
            check_version(known.version, seen)
            changed = await using.saved(repository, _changed(known, body))
            return Answer(subscription_view(changed), etag=changed.version)

        return await write(work)

    @router.delete(
        "/{subscription_id}", status_code=204, openapi_extra=declared(_RESOURCE, "delete")
    )
    async def delete_webhook_subscription(
        subscription_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Forget a subscription and its deliveries; what waits is not sent."""

        async def work(conn: Any, _metadata: object) -> Answer:
            await using.unsubscribe(subscription_id, known=means.subscriptions(conn))
            return Answer(status=204)

        return await write(work)


def _add_reads(router: APIRouter, means: SubscriptionMeans) -> None:
    read_of = means.read_of

    @router.get("", responses=list_of(SubscriptionView), openapi_extra=declared(_RESOURCE, "read"))
    async def list_webhook_subscriptions(
        page: PageRequest, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """List subscriptions, newest first."""
        last = UUID(str(page.after[0])) if page.after else None
        rows = await read(lambda conn: means.subscriptions(conn).after(last, page.limit + 1))
        return read.answer(page.answer(rows, key=lambda one: [str(one.id)], item=subscription_view))

    @router.get(
        "/{subscription_id}",
        response_model=SubscriptionView,
        openapi_extra=declared(_RESOURCE, "read"),
    )
    async def get_webhook_subscription(
        subscription_id: Id, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """Read a subscription: whether it is paused and why, since when it fails and how."""
        found = await read(lambda conn: using.got(means.subscriptions(conn), subscription_id))
        return read.answer(subscription_view(found), etag=found.version)

    @router.get(
        "/{subscription_id}/deliveries",
        responses=list_of(OutgoingView),
        openapi_extra=declared(_RESOURCE, "read"),
    )
    async def list_webhook_deliveries(
        subscription_id: Id,
        page: PageRequest,
        read: Annotated[Read, Depends(read_of)],
        principal: CurrentPrincipal,
        status: Annotated[Status | None, Query(description="Those that stand so alone.")] = None,
    ) -> Response:
        """List what was sent or waits, newest first; what is done with is kept for 30 days."""
        last = UUID(str(page.after[0])) if page.after else None

        async def query(conn: Any) -> Any:
            await using.got(means.subscriptions(conn), subscription_id)
            deliveries = means.deliveries(conn, principal.tenant_id)
            return await deliveries.after(subscription_id, last, page.limit + 1, status=status)

        rows = await read(query)
        return read.answer(page.answer(rows, key=lambda one: [str(one.id)], item=outgoing_view))


def _add_deliveries(router: APIRouter, means: SubscriptionMeans) -> None:
    write_of = means.write_of

    @router.post(
        "/{subscription_id}/deliveries/{delivery_id}/replay",
        response_model=OutgoingView,
        openapi_extra=declared(_RESOURCE, "replay"),
    )
    async def replay_webhook_delivery(
        subscription_id: Id, delivery_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Send a delivery again, now, under the same `webhook-id`, whatever became of it."""

        async def work(conn: Any, _metadata: object) -> Answer:
            again = await using.replay(
                subscription_id,
                delivery_id,
                known=means.subscriptions(conn),
                deliveries=means.deliveries(conn, write.principal.tenant_id),
                now=means.clock.now(),
            )
            return Answer(outgoing_view(again))

        return await write(work)

    @router.post(
        "/{subscription_id}/test",
        response_model=OutgoingView,
        openapi_extra=declared(_RESOURCE, "update"),
    )
    async def test_webhook_subscription(
        subscription_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Send `webhook.test` by the way of all others; the deliveries say what became of it."""

        async def work(conn: Any, _metadata: object) -> Answer:
            made = await using.send_test(
                subscription_id,
                known=means.subscriptions(conn),
                deliveries=means.deliveries(conn, write.principal.tenant_id),
                now=means.clock.now(),
            )
            return Answer(outgoing_view(made))

        return await write(work)


def _changed(known: Subscription, body: SubscriptionPatch) -> Subscription:
    given: dict[str, Any] = {
        name: value for name in ("url", "description") if (value := getattr(body, name)) is not None
    }
    if body.events is not None:
        given["events"] = tuple(dict.fromkeys(body.events))
    changed = replace(known, **given)
    return changed.switched(body.state) if body.state else changed


def _once(subscription: Subscription) -> CreatedSubscription:
    return CreatedSubscription(**subscription_view(subscription).model_dump(), secret=None)
