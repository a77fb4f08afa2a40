"""How a CRM's records stand here: asked of lead-service, in the tenant's name."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import orjson

from gateway.application.reconciling import Unanswered
from gateway.domain.reconciliation import Standing, Total, Totals
from gateway.domain.webhooks.reading import Kind
from onefunnel.runtime import Header, ServiceClient, ServiceUnreachable

RECORDS: Final = "/internal/crm/records"
TOTALS: Final = "/internal/crm/totals"
# What became of a won deal that was taken back is none of the CRM's states.
_LEFT_OUT: Final = frozenset({"cancelled"})


class LeadServiceStanding:
    """Asks lead-service. `signed` makes the header that says for which tenant."""

    def __init__(self, client: ServiceClient, signed: Callable[[UUID], Header]) -> None:
        self._client = client
        self._signed = signed

    async def standings(
        self, tenant_id: UUID, kind: Kind, ids: Mapping[UUID, str]
    ) -> Mapping[str, Standing]:
        """Return how those stand that are here, by the CRM's id. Raises `Unanswered`."""
        body = orjson.dumps({kind: [str(id_) for id_ in ids]})
        found = await self._asked(tenant_id, "POST", RECORDS, body)
        return {ids[UUID(id_)]: _standing(one) for id_, one in found[kind].items()}

    async def totals(self, tenant_id: UUID, source: str) -> Totals:
        """Return how many records of a source are here. Raises `Unanswered`."""
        found = await self._asked(tenant_id, "GET", f"{TOTALS}/{quote(source, safe='')}", b"")
        return {
            (one["kind"], one["state"] or "", one["currency"] or ""): Total(
                one["count"], _amount(one) or Decimal(0)
            )
            for one in found["totals"]
            if one["state"] not in _LEFT_OUT and one["count"]
        }

    async def _asked(self, tenant_id: UUID, method: str, path: str, body: bytes) -> dict[str, Any]:
        headers = [
            (b"host", b"onefunnel"),
            (b"content-type", b"application/json"),
            self._signed(tenant_id),
        ]
        try:
            answer = await self._client.request(method, path, query="", headers=headers, body=body)
        except ServiceUnreachable as error:
            raise Unanswered from error
        if answer.status != 200:
            raise Unanswered
        content: dict[str, Any] = orjson.loads(answer.body)
        return content


def _standing(one: Mapping[str, Any]) -> Standing:
    return Standing(one.get("state", ""), one.get("currency"), _amount(one))


def _amount(one: Mapping[str, Any]) -> Decimal | None:
    minor = one.get("amount_minor")
    return Decimal(minor).scaleb(-one["digits"]) if minor is not None else None
