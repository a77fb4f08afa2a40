"""Waiting until everything that was written is in the numbers."""

from datetime import datetime
from typing import Any

from onefunnel.clock import SystemClock
from standalone.gateway_client import Gateway
from standalone.host.waiting import wait_until


def settle(gateway: Gateway, within_s: float) -> bool:
    """Wait until no webhook is unread, no event waits in an outbox, and all appended by then are folded.

    A lag of nought says only what the worker last saw; an `as_of` after the outboxes were empty is proof.
    """
    if not wait_until(lambda: _relayed(gateway), within_s):
        return False
    relayed_at = SystemClock().now()
    return wait_until(lambda: _folded(gateway, relayed_at), within_s)


def _relayed(gateway: Gateway) -> bool:
    services: dict[str, Any] = gateway.get("/v1/status")["services"]
    details = [one["detail"] for one in services.values()]
    # One that does not answer in time says nothing of its outbox, least of all that it is empty.
    return all(detail is not None and _empty(detail) for detail in details)


def _empty(detail: dict[str, Any]) -> bool:
    return not any(detail.get(queue, {}).get("depth", 0) for queue in ("unread", "outbox"))


def _folded(gateway: Gateway, after: datetime) -> bool:
    answer = gateway.get("/v1/sales-performance")
    return datetime.fromisoformat(answer["as_of"]) > after and not answer["stale"]
