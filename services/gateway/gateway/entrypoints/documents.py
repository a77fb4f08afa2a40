"""What anybody may read without a key: the OpenAPI document, a page of it, and the problem types."""

import html
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.application.catalogue import METHODS
from onefunnel.http.preconditions import not_modified
from onefunnel.http.problems import Problem, described, problem_response

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h2{margin-top:3rem;text-transform:capitalize} details{border-top:1px solid #ccc;padding:.4rem 0}
summary{cursor:pointer} code,pre{font:14px/1.4 ui-monospace,monospace} pre{background:#f4f4f4;
padding:.6rem;overflow:auto} .m{display:inline-block;width:4.5rem;font-weight:600} .d{color:#555}
td{padding:.1rem 1rem .1rem 0;vertical-align:top}
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def public_routes(document: Mapping[str, Any]) -> list[BaseRoute]:
    """Return the routes that need no key."""
    content = orjson.dumps(document)
    etag = f'"{sha256(content).hexdigest()[:16]}"'
    page = _page(document).encode()

    async def openapi(request: Request) -> Response:
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if not_modified(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="application/json", headers=headers)

    async def docs(_request: Request) -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    async def problem(request: Request) -> Response:
        known = described(request.path_params["code"])
        if known is None:
            nothing = Problem("not-found", "There is no such problem type.")
            return problem_response(nothing, request.scope.get("onefunnel.request_id"))
        return Response(orjson.dumps(known), media_type="application/json")

    async def home(_request: Request) -> Response:
        return RedirectResponse("/docs", status_code=302)

    return [
        Route("/openapi.json", openapi),
        Route("/docs", docs),
        Route("/problems/{code}", problem),
        Route("/", home),
    ]


def _page(document: Mapping[str, Any]) -> str:
    """Return the whole API as one page without a script: it works offline and under any policy."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if described_ := item.get(method):
                tag = (described_.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_operation(method, path, described_))
    info = document["info"]
    parts = [f"<h2>{html.escape(tag)}</h2>{''.join(by_tag[tag])}" for tag in sorted(by_tag)]
    schemas = document.get("components", {}).get("schemas", {})
    parts += ["<h2>Schemas</h2>", *(_schema(name, schemas[name]) for name in sorted(schemas))]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
        f"content='width=device-width'><title>{html.escape(info['title'])}</title>"
        f"<style>{_STYLE}</style><h1>{html.escape(info['title'])}</h1>"
        f"<p>{html.escape(info.get('description', ''))} Machines read <a href=/openapi.json>"
        f"openapi.json</a>.</p>{''.join(parts)}</html>"
    )


def _operation(method: str, path: str, found: Mapping[str, Any]) -> str:
    rows = "".join(_parameter(parameter) for parameter in found.get("parameters", []))
    body = found.get("requestBody", {}).get("content", {}).get("application/json")
    answers = ", ".join(
        f"<b>{html.escape(status)}</b> {html.escape(_answer(answer))}"
        for status, answer in found.get("responses", {}).items()
    )
    summary = html.escape(found.get("summary", ""))
    return (
        f"<details id={html.escape(found['operationId'])}><summary><span class=m>{method.upper()}</span>"
        f"<code>{html.escape(path)}</code> <span class=d>{summary}</span></summary>"
        f"<p>{html.escape(found.get('description', ''))}</p><table>{rows}</table>"
        f"{_json('Body', body) if body else ''}<p class=d>{answers}</p></details>"
    )


def _answer(answer: Mapping[str, Any]) -> str:
    """Return what an answer is: its description, or the problem codes that its reference is named for."""
    codes = str(answer.get("$ref", "")).rpartition("/")[2].replace("_", ", ")
    return codes or str(answer.get("description", ""))


def _parameter(parameter: Mapping[str, Any]) -> str:
    need = " (required)" if parameter.get("required") else ""
    return (
        f"<tr><td><code>{html.escape(parameter['name'])}</code><td class=d>{parameter['in']}{need}"
        f"<td>{html.escape(parameter.get('description', ''))}"
    )


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    title = html.escape(name)
    inside = _json("", schema)
    return f"<details id=schema-{title}><summary><code>{title}</code></summary>{inside}</details>"


def _json(title: str, value: object) -> str:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return f"{html.escape(title)}<pre>{html.escape(text)}</pre>"
