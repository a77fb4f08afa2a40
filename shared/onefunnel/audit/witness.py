"""From a request to the row that it leaves: read off the route, so that no command can forget it."""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from starlette.requests import Request

from onefunnel.audit import policy
from onefunnel.audit.entry import Entry, Marked, Marks
from onefunnel.http.principal import Principal
from onefunnel.http.routing import EXTENSION
from onefunnel.ids import new_id

_NOTHING: Final = "{}"


def is_audited(request: Request) -> bool:
    """Say whether what the request asks for commits with a row."""
    return policy.audited(*deed_of(request.scope["route"]))


def deed_of(route: Any) -> policy.Deed:
    """Return what a route does to what; a route of services alone is known by its name."""
    declared = (route.openapi_extra or {}).get(EXTENSION)
    if declared is None:
        return "internal", route.operation_id
    return declared["resource"], declared["action"]


class Made(NamedTuple):
    """What a write answers with, as far as the audit tells of it."""

    body: object = None
    location: str | None = None
    version: int | None = None
    event_id: UUID | None = None

    def id_as(self, resource: str) -> str | None:
        """Return the id of the object that was made, where the answer names it."""
        place = (self.location or "").rpartition("/")[2]
        known = (getattr(self.body, name, None) for name in ("id", f"{resource}_id"))
        return place or next((str(id_) for id_ in known if id_ is not None), None)


def object_of(request: Request, made: Made) -> str | None:
    """Return what a write is about: what the path names, else what was made."""
    named = "/".join(str(value) for value in request.path_params.values())
    return named or made.id_as(deed_of(request.scope["route"])[0])


NOTHING_MADE: Final = Made()


def row_of(request: Request, principal: Principal, made: Made = NOTHING_MADE) -> Marked:
    """Return the row that says who asked for this, and for what.

    The object is what the path names, else what was made.
    """
    route, scope = request.scope["route"], request.scope
    resource, action = deed_of(route)
    body: bytes = getattr(request, "_body", b"")  # what the route has read, within its limit
    target = f"{request.method} {scope['path']}?".encode() + scope["query_string"]
    marks = Marks(request.app.state.internal_key)
    entry = Entry(
        tenant_id=principal.tenant_id,
        id=new_id(),
        recorded_at=request.app.state.clock.now(),
        principal_id=principal.principal_id,
        role=principal.role,
        person_id=principal.person_id,
        resource=resource,
        action=action,
        operation=route.operation_id,
        object_id=object_of(request, made),
        version=made.version,
        event_id=made.event_id,
        told=_told(policy.told(resource, action), body),
        request_id=str(scope["onefunnel.request_id"]),
        digest=marks.digest(target, body),
    )
    return marks.marked(entry)


def row_of_file(
    principal: Principal,
    marks: Marks,
    at: datetime,
    *,
    resource: str,
    operation: str,
    request_id: str,
    target: bytes,
) -> Marked:
    """Return the row of a list that leaves as a file: a read, but one that takes everything along."""
    entry = Entry(
        tenant_id=principal.tenant_id,
        id=new_id(),
        recorded_at=at,
        principal_id=principal.principal_id,
        role=principal.role,
        person_id=principal.person_id,
        resource=resource,
        action="export",
        operation=operation,
        object_id=None,
        version=None,
        event_id=None,
        told=_NOTHING,
        request_id=request_id,
        digest=marks.digest(target),
    )
    return marks.marked(entry)


def row_without_request(
    principal: Principal, marks: Marks, at: datetime, deed: policy.Deed, **told: str
) -> Marked:
    """Return the row of what is done where there is no request: by an operator's command."""
    words = orjson.dumps(told)
    entry = Entry(
        tenant_id=principal.tenant_id,
        id=new_id(),
        recorded_at=at,
        principal_id=principal.principal_id,
        role=principal.role,
        person_id=None,
        resource=deed[0],
        action=deed[1],
        operation="command",
        object_id=None,
        version=None,
        event_id=None,
        told=words.decode(),
        request_id="",
        digest=marks.digest(words),
    )
    return marks.marked(entry)


def _told(names: tuple[str, ...], body: bytes) -> str:
    if not names or not body:
        return _NOTHING
    sent = orjson.loads(body)
    return orjson.dumps({name: sent[name] for name in names if name in sent}).decode()
