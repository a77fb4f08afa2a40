"""Connections and secrets as they are kept in JSON columns."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from gateway.adapters.tables import CONNECTION
from gateway.domain.connection import Access, Attention, Channel, Connection, Grant, SealedSecret

Json = dict[str, Any]


def row_of(connection: Connection) -> Json:
    """Return a connection as it is kept."""
    row = {name: getattr(connection, name) for name in CONNECTION.c.keys()}  # noqa: SIM118 - a collection
    return row | {
        "secrets": [secret_json(secret) for secret in connection.secrets],
        **standing_of(connection),
    }


def standing_of(connection: Connection) -> Json:
    """Return the columns that say how a connection stands with its CRM."""
    return {
        "access": _access_json(connection.access) if connection.access else None,
        "attention": _attention_json(connection.attention) if connection.attention else None,
        "channel": _channel_json(connection.channel) if connection.channel else None,
    }


def connection_of(row: Row[Any]) -> Connection:
    """Return the connection of a row."""
    values = row._asdict()
    access, attention, channel = (values[name] for name in ("access", "attention", "channel"))
    return Connection(
        **values
        | {
            "secrets": tuple(secret_of(secret) for secret in values["secrets"]),
            "access": _access_of(access) if access else None,
            "attention": _attention_of(attention) if attention else None,
            "channel": _channel_of(channel) if channel else None,
        }
    )


def secret_json(secret: SealedSecret) -> Json:
    """Return a secret as it is kept."""
    return {
        "id": str(secret.id),
        "sealed": base64.b64encode(secret.sealed).decode(),
        "created_at": secret.created_at.isoformat(),
        "expires_at": secret.expires_at.isoformat() if secret.expires_at else None,
    }


def secret_of(kept: Mapping[str, Any]) -> SealedSecret:
    """Return a secret that was kept."""
    return SealedSecret(
        UUID(kept["id"]),
        base64.b64decode(kept["sealed"]),
        datetime.fromisoformat(kept["created_at"]),
        datetime.fromisoformat(kept["expires_at"]) if kept["expires_at"] else None,
    )


def _access_json(access: Access) -> Json:
    grant = access.grant
    return {
        "url": access.url,
        "token": secret_json(access.token) if access.token else None,
        "reconcile_minutes": access.reconcile_minutes,
        "grant": _grant_json(grant) if grant else None,
        "doubted": access.doubted,
    }


def _access_of(kept: Mapping[str, Any]) -> Access:
    token, grant = kept["token"], kept.get("grant")  # kept before there were grants: none
    return Access(
        kept["url"],
        secret_of(token) if token else None,
        kept["reconcile_minutes"],
        _grant_of(grant) if grant else None,
        kept.get("doubted", False),
    )


def _grant_json(grant: Grant) -> Json:
    refresh = grant.refresh_token
    return {
        "client_id": grant.client_id,
        "client_secret": secret_json(grant.client_secret),
        "refresh_token": secret_json(refresh) if refresh else None,
        "directory": grant.directory,
    }


def _grant_of(kept: Mapping[str, Any]) -> Grant:
    refresh = kept["refresh_token"]
    return Grant(
        kept["client_id"],
        secret_of(kept["client_secret"]),
        secret_of(refresh) if refresh else None,
        kept["directory"],
    )


def _attention_json(attention: Attention) -> Json:
    return {
        "code": attention.code,
        "detail": attention.detail,
        "since": attention.since.isoformat(),
    }


def _attention_of(kept: Mapping[str, Any]) -> Attention:
    return Attention(kept["code"], kept["detail"], datetime.fromisoformat(kept["since"]))


def _channel_json(channel: Channel) -> Json:
    return {"id": channel.id, "expires_at": channel.expires_at.isoformat()}


def _channel_of(kept: Mapping[str, Any]) -> Channel:
    return Channel(kept["id"], datetime.fromisoformat(kept["expires_at"]))
