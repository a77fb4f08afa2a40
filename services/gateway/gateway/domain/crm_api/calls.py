"""A question to a CRM, its answer, and where in its changes a poll has got to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from gateway.domain.webhooks.reading import Change, Kind, Unreadable, an_object, digest_key, parsed

FORM: Final = "application/x-www-form-urlencoded"
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """One question: a path below the CRM's address, or below where its vendor gives out tokens."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    base: str = ""  # where tokens are given out; such a question is asked without one


@dataclass(frozen=True, slots=True)
class Reply:
    """What the CRM answered, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def content(self) -> Mapping[str, Any]:
        """Return the answer's JSON object. Raises `Unreadable`."""
        try:
            return an_object(parsed(self.body), "the answer")
        except (ValueError, RecursionError) as error:
            raise Unreadable("the answer is not JSON") from error


@dataclass(frozen=True, slots=True)
class Mark:
    """Where in a CRM's changes a poll is: everything before `since` is read; `after` is the vendor's own place."""

    since: datetime
    after: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Records that changed, and where to go on; None when there is no more."""

    changes: tuple[Change, ...]
    following: Mark | None


class Changes(Protocol):
    """How a vendor is asked what changed."""

    kinds: tuple[Kind, ...]

    def changed(self, kind: Kind, mark: Mark, fields: frozenset[str]) -> Call:
        """Return the question for the changes from a mark on, the oldest first."""
        ...

    def page(self, kind: Kind, mark: Mark, reply: Reply) -> Page:
        """Return what was answered to it."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """A channel as it is to be: who we are in it, where it leads, until when."""

    id: int
    token: str = field(repr=False)
    url: str
    until: datetime


class Channels(Protocol):
    """How a vendor is asked to tell of changes for a while."""

    lasts: timedelta  # as long as the vendor allows
    forgotten: str  # its word for a channel that it does not know

    def opened(self, opening: Opening) -> Call:
        """Return the question for a new channel."""
        ...

    def renewed(self, opening: Opening) -> Call:
        """Return the question for a longer life of one that is open."""
        ...

    def heard(self, reply: Reply, opening: Opening) -> datetime | str:
        """Return until when it is open, or the vendor's word for why it is not."""
        ...


@dataclass(frozen=True, slots=True)
class Api:
    """One vendor's interface."""

    hosts: str  # a regular expression of the host names it may have
    url: str  # where it is if nothing else is said; "" if each account has a host of its own
    authorized: Callable[[str], Mapping[str, str]]  # with a token of the account's own
    granted: Callable[[str], Mapping[str, str]]  # with a token that OAuth gave
    call_every_ms: int  # its limit, kept by asking no more often
    max_ids: int
    changes: Changes
    read: Callable[[Kind, tuple[str, ...], frozenset[str]], Call] | None = None
    records: Callable[[Kind, Reply], tuple[Change, ...]] | None = None
    channels: Channels | None = None
    answers: frozenset[int] = frozenset({200, 204, 207})

    def changes_of(self, kind: Kind, reply: Reply) -> tuple[Change, ...]:
        """Return the records of an answer, whichever question it was to. Raises `Unreadable`."""
        if self.records is not None:
            return self.records(kind, reply)
        return self.changes.page(kind, Mark(BEGINNING), reply).changes


def bearer(token: str) -> Mapping[str, str]:
    """Return the header that most vendors want."""
    return {"authorization": f"Bearer {token}"}


def record(
    kind: Kind,
    id_: str,
    at: datetime | None,
    fields: Mapping[str, str | None],
    *,
    deleted: bool | None = None,
) -> Change:
    """Return a record that was read as a change: all of its fields, at the time it was last changed."""
    said = str(sorted((name, value or "") for name, value in fields.items()))
    key = digest_key(b"record", kind, id_, at.isoformat() if at else "", said)
    return Change(key, f"{kind}.read", kind, id_, at, fields=fields, deleted=deleted)
