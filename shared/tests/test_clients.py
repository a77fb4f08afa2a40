"""Both ways of asking a service give the same answer."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from onefunnel.profiles.clients import DirectClient, HttpClient
from onefunnel.runtime import ServiceUnreachable
from onefunnel.testing.waiting import until


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "raw": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "seen": request.headers.get("x-seen"),
            "body": body.decode(),
        },
        status_code=418,
        headers={"X-Answer": "yes"},
    )


async def stream(request: Request) -> Response:
    async def parts():
        for part in (b"a", b"b", b"c"):
            yield part

    return StreamingResponse(parts())


async def broken(request: Request) -> Response:
    raise RuntimeError


async def gzipped(request: Request) -> Response:
    return Response(b"\x1f\x8b not really", headers={"content-encoding": "gzip"})


APP = Starlette(
    routes=[
        Route("/v1/{rest:path}", echo, methods=["GET", "POST", "PATCH"]),
        Route("/stream", stream),
        Route("/broken", broken),
        Route("/gzipped", gzipped),
    ]
)


@asynccontextmanager
async def listening():
    server = uvicorn.Server(
        uvicorn.Config(APP, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    )
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture(params=["direct", "http"])
async def client(request):
    if request.param == "direct":
        yield DirectClient(lambda: APP)
        return
    async with listening() as address:
        client = HttpClient(address)
        yield client
        await client.close()


async def ask(client, method, path, *, query="", headers=(), body=b""):
    sent = [(b"host", b"onefunnel"), *headers]
    return await client.request(method, path, query=query, headers=sent, body=body)


async def test_request_and_answer_pass_unchanged(client):
    answer = await ask(
        client,
        "PATCH",
        "/v1/a%20b%2Fc",
        query="x=1&y=%2B&x=2",
        headers=[(b"x-seen", b"yes")],
        body=b'{"n":1}',
    )
    assert answer.status == 418
    assert {name.lower(): value for name, value in answer.headers}[b"x-answer"] == b"yes"
    assert answer.body == (
        b'{"method":"PATCH","path":"/v1/a b/c","raw":"/v1/a%20b%2Fc","query":"x=1&y=%2B&x=2",'
        b'"seen":"yes","body":"{\\"n\\":1}"}'
    )


async def test_a_streamed_answer_comes_whole(client):
    assert (await ask(client, "GET", "/stream")).body == b"abc"


async def test_a_compressed_answer_is_passed_on_as_it_is(client):
    assert (await ask(client, "GET", "/gzipped")).body == b"\x1f\x8b not really"


@pytest.mark.filterwarnings("ignore")
async def test_a_service_that_breaks_answers_500(client):
    assert (await ask(client, "GET", "/broken")).status == 500


async def test_a_service_that_is_not_there_is_unreachable():
    client = HttpClient("http://127.0.0.1:1")
    with pytest.raises(ServiceUnreachable):
        await ask(client, "GET", "/v1/x")
    await client.close()


async def test_an_app_that_answers_nothing_is_unreachable():
    async def silent(scope, receive, send) -> None: ...

    async def failing(scope, receive, send) -> None:
        raise RuntimeError

    for app in (silent, failing):
        with pytest.raises(ServiceUnreachable):
            await ask(DirectClient(lambda app=app: app), "GET", "/x")
