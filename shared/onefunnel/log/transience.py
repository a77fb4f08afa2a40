"""Telling errors that pass from errors that come again: only the latter may make a dead letter."""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.log.port import LogError
from onefunnel.persistence.database import NotCommitted

# Classes of SQLSTATE: connection, transaction rollback (serialization, deadlock), resources, object
# not available (lock timeout), operator intervention, system error, internal error; and a read-only
# server (25006) while another takes over.
_PASSING: Final = ("08", "40", "53", "55P03", "57", "58", "XX", "25006", "25P03", "25P04")


def is_transient(error: BaseException) -> bool:
    """Say whether the same work may well succeed later, without anybody changing anything."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _passes(getattr(error.orig, "sqlstate", None))
    if isinstance(error, asyncpg.PostgresError):
        return _passes(error.sqlstate)
    if isinstance(error, DomainError):
        return error.kind is ErrorKind.UNAVAILABLE
    return isinstance(
        error,
        OSError
        | TimeoutError
        | LogError
        | PoolTimeout
        | NotCommitted
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError,
    )


def _passes(state: str | None) -> bool:
    return state is None or state.startswith(_PASSING)
