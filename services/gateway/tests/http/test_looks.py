"""Content seen elsewhere: summed up once, told as running totals, machines and our own people left out."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from fastapi import Request
from starlette.responses import JSONResponse

from gateway.adapters.looks import ContentService, DatabaseViews
from gateway.application.looks import tell_one
from gateway.entrypoints.authentication import Doorkeeper
from onefunnel.http.principal import Principal
from onefunnel.http.routing import declared, routes
from onefunnel.ids import derived_id

from .conftest import KEY
from .crm_work import changed
from .test_public_samples import loaded, prepared
from .test_public_samples import sent as sent_sample
from .test_webhooks import connected, rows, send, stored

VIEWER = (
    "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)


class Library:
    """Content-service, with what it was told; `status` is what it answers."""

    def __init__(self, gateway: Any) -> None:
        self.gateway = gateway
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.status = 201
        router = routes("content")

        @router.post(
            "/v1/content/{asset_id}/views", openapi_extra=declared("content", "view", raw=True)
        )
        async def report(asset_id: str, request: Request) -> JSONResponse:
            self.told.append((asset_id, orjson.loads(await request.body())))
            return JSONResponse({}, self.status)

        gateway.services.apps["content"].router.routes.extend(router.routes)

    async def tell(self) -> int:
        """Tell all that is due, as if no time passed."""
        door = Doorkeeper(None, self.gateway.runtime.clock, KEY)
        service = ContentService(
            self.gateway.services.client("content"),
            lambda tenant_id: door.signed(Principal(tenant_id, "system:gateway", "admin")),
        )
        views = DatabaseViews(self.gateway.runtime.worker_database("gateway"))
        turns = 0
        while await tell_one(views, service):
            await changed(self.gateway, "UPDATE content_view SET due_at = '-infinity'")
            turns += 1
            assert turns < 50, "it never ends"
        return turns


@pytest.fixture
def library(gateway: Any) -> Library:
    return Library(gateway)


def opened(id_: str = "evt_1", ua: str = VIEWER, email: str = "ada@northwind.example") -> Any:
    return {
        "id": id_,
        "event": "link.viewed",
        "data": {
            "view": {"viewId": "v1", "viewedAt": "2026-11-17T09:29:59.000Z", "email": email, "ua": ua},
            "link": {"id": "l1"},
            "document": {"id": "d1"},
        },
    }  # fmt: skip


def beat(seq: int, page: int, duration: int = 10_000) -> dict[str, Any]:
    return {
        "viewId": "v1", "linkId": "l1", "documentId": "d1", "seq": seq,
        "pageNumber": page, "duration": duration,
    }  # fmt: skip


async def papermark(gateway: Any, **options: Any) -> Any:
    return await connected(gateway, "papermark", secret="a secret of Papermark", **options)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 2, 0, 3, 1, 1, 0)], ids=str)
async def test_beats_in_any_order_and_twice_add_up_once(gateway, library, order):
    share = "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10"
    to = await papermark(gateway, mapping={"shares": {"l1": share}})
    sent = [opened(), beat(1, 1), beat(2, 1), beat(3, 2, 4_000)]
    for n in order:
        assert (await send(gateway, to.sent(sent[n]))).is_success
    await library.tell()
    asset_id, body = library.told[-1]
    assert UUID(asset_id) == derived_id(gateway.tenant_id, "papermark", "asset", "d1")
    assert body["view_id"] == str(derived_id(gateway.tenant_id, "papermark", "view", "v1"))
    assert body["share_id"] == share
    assert {one["page"]: one["duration_ms"] for one in body["pages"]} == {1: 20_000, 2: 4_000}
    assert datetime.fromisoformat(body["viewed_at"]) == datetime.fromisoformat(
        "2026-11-17T09:29:59Z"
    )
    assert await library.tell() == 0


@pytest.mark.parametrize(("ua", "email"), [
    ("Slackbot-LinkExpanding 1.0", "ada@northwind.example"),
    (VIEWER, "Rae@Ours.example"),
])  # fmt: skip
async def test_machines_and_our_own_people_are_kept_and_told_to_nobody(gateway, library, ua, email):
    to = await papermark(gateway, settings={"internal_domains": "other.example, ours.example"})
    await send(gateway, to.sent(beat(1, 1)))
    await send(gateway, to.sent(opened(ua=ua, email=email)))
    assert await library.tell() == 0
    (kept,) = await rows(gateway, "SELECT machine, internal, pages FROM content_view")
    assert (kept["machine"] or kept["internal"], json.loads(kept["pages"])) == (True, {"1": 10000})


async def test_content_service_away_is_waited_for_and_a_refusal_is_not_repeated(gateway, library):
    to = await papermark(gateway)
    await send(gateway, to.sent(opened()))
    library.status = 503
    assert await library.tell() == 12
    assert (await rows(gateway, "SELECT parked FROM content_view"))[0]["parked"]
    await send(gateway, to.sent(beat(1, 1)))
    library.status = 404
    assert await library.tell() == 1
    library.status = 201
    await send(gateway, to.sent(beat(2, 1)))
    assert await library.tell() == 1
    assert library.told[-1][1]["pages"] == [{"page": 1, "duration_ms": 20_000}]


@pytest.mark.parametrize("wrong", [
    {"seq": None}, {"pageNumber": -1}, {"duration": "long"}, {"duration": True}, {"documentId": ""},
])  # fmt: skip
async def test_a_beat_that_cannot_be_told_from_another_is_refused(gateway, wrong):
    to = await papermark(gateway)
    answer = await send(gateway, to.sent({**beat(1, 1), **wrong}))
    assert answer.status_code == 422
    assert await stored(gateway) == 0


async def test_one_beat_is_at_most_half_an_hour(gateway, library):
    to = await papermark(gateway)
    await send(gateway, to.sent(beat(1, 1, 10_000_000)))
    await library.tell()
    assert library.told[-1][1]["pages"] == [{"page": 1, "duration_ms": 1_800_000}]


async def test_a_wrong_signature_is_not_believed(gateway):
    to = await papermark(gateway)
    sent = to.sent(opened())
    answer = await send(gateway, sent, body=sent.body + b" ")
    assert answer.status_code == 401
    assert await rows(gateway, "SELECT 1 FROM content_view") == []


async def test_a_recorded_view_is_kept_as_a_person_s(gateway, monkeypatch):
    meta, body = loaded("papermark_link_viewed")
    await prepared(gateway, meta, monkeypatch)
    for _ in range(2):
        answer = await sent_sample(gateway, meta, body)
        assert answer.status_code in meta["expect"]["status"]
    (view,) = await rows(gateway, "SELECT * FROM content_view")
    (expected,) = meta["expect"]["canonical"]
    assert (view["view_id"], view["document_id"], view["link_id"], view["machine"]) == (
        expected["external_id"],
        expected["data"]["content_external_id"],
        expected["data"]["link_external_id"],
        expected["data"]["bot"],
    )
    assert view["viewed_at"] == datetime.fromisoformat(expected["occurred_at"])
    assert view["version"] == 1
