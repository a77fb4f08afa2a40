"""A planned route answers as FastAPI itself would; what a plan does not know is left to FastAPI."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Cookie, Depends, Header, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onefunnel.clock import SystemClock
from onefunnel.http.app import service_app
from onefunnel.http.bodies import Body, Day, Id
from onefunnel.http.calling import plan_of
from onefunnel.http.principal import HEADER, CurrentPrincipal, sign_principal
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import to_json

from .conftest import ANNA, KEY

READ = declared("thing", "read")


class Parameters(BaseModel):
    day: Day | None = None
    sizes: list[int] = []


class Note(Body):
    text: str


class Counter:
    calls = 0


async def counted(request: Request) -> int:
    Counter.calls += 1
    return Counter.calls


async def doubled(number: Annotated[int, Depends(counted)], times: int = 2) -> int:
    return number * times


def answer(**values: Any) -> Response:
    return Response(to_json(values), media_type="application/json")


def router():
    found = routes("things")

    @found.get("/v1/all/{id_}", openapi_extra=READ)
    async def everything(
        id_: Id,
        request: Request,
        principal: CurrentPrincipal,
        number: Annotated[int, Depends(counted)],
        twice: Annotated[int, Depends(doubled)],
        parameters: Annotated[Parameters, Query()],
        wait_for: Annotated[Id | None, Header(alias="Wait-For")] = None,
    ) -> Response:
        return answer(
            id=id_, path=request.url.path, role=principal.role, twice=twice == 2 * number,
            day=parameters.day, sizes=parameters.sizes, wait_for=wait_for,
        )  # fmt: skip

    @found.post("/v1/maybe", openapi_extra=READ)
    async def maybe(body: Note | None = None) -> Response:
        return answer(text=body.text if body else None)

    @found.get("/v1/model", openapi_extra=READ)
    async def model() -> Parameters:
        return Parameters(sizes=[1])

    @found.get("/v1/cookie", openapi_extra=READ)
    async def cookie(crumb: Annotated[str | None, Cookie()] = None) -> Response:
        return answer(crumb=crumb)

    @found.get("/v1/later", openapi_extra=READ)
    async def later(tasks: BackgroundTasks) -> Response:
        return answer()

    @found.get("/v1/thread", openapi_extra=READ)
    def thread() -> Response:
        return answer()

    return found


def application():
    async def ready() -> None: ...

    return service_app(name="thing-service", routers=[router()], internal_key=KEY, ready=ready)


ID = "01a20338-a301-731c-a561-4da147c5d0c7"
REQUESTS = [
    ("GET", f"/v1/all/{ID}", {}),
    ("GET", f"/v1/all/{ID}?day=2026-11-22&sizes=1&sizes=2&times=2", {"headers": {"Wait-For": ID}}),
    ("GET", f"/v1/all/{ID}?day=22.11.2026", {}),
    ("GET", f"/v1/all/{ID}?day=x&times=2", {"headers": {"Wait-For": "nothing"}}),
    ("GET", f"/v1/all/{ID}?colour=red", {}),
    ("GET", "/v1/all/nothing", {}),
    ("POST", "/v1/maybe", {}),
    ("POST", "/v1/maybe", {"json": {"text": "x"}}),
    ("POST", "/v1/maybe", {"json": {"text": 1}}),
    ("GET", "/v1/model", {}),
    ("GET", "/v1/cookie", {"headers": {"Cookie": "crumb=c"}}),
    ("GET", "/v1/later", {}),
    ("GET", "/v1/thread", {}),
]


async def answers(app) -> list[tuple[int, Any]]:
    transport = httpx.ASGITransport(app)
    headers = {HEADER: sign_principal(ANNA, KEY, SystemClock().now())}
    async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers) as c:
        found = []
        for method, url, options in REQUESTS:
            response = await c.request(method, url, **options)
            body = response.json()
            for own in ("instance", "request_id"):
                body.pop(own, None)
            found.append((response.status_code, body))
        return found


async def test_a_planned_route_answers_as_fastapi_would(monkeypatch):
    planned = await answers(application())
    monkeypatch.setattr("onefunnel.http.routing.plan_of", lambda _: None)
    assert planned == await answers(application())
    assert [status for status, _ in planned] == [200, 200, 422, 422, 422, 404, 200, 200, 422] + [
        200
    ] * 4


@pytest.mark.parametrize(
    ("name", "planned"),
    [("everything", True), ("maybe", True), ("model", False), ("cookie", False), ("later", False),
     ("thread", False)],
)  # fmt: skip
def test_what_is_planned(name, planned):
    route = next(route for route in router().routes if route.name == name)
    assert (plan_of(route.dependant) is not None) is planned


async def test_a_dependency_that_is_asked_for_twice_is_called_once():
    Counter.calls = 0
    await answers(application())
    # Five of the requests get as far as dependencies, and each asks for it twice.
    assert Counter.calls == 5
