"""Pay totals and the book. The book is appended to; nothing here changes a line of it."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Final
from uuid import UUID

import orjson

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_ledger import Balance, Entry
from metrics_service.projections.affected import PayScope
from metrics_service.projections.keys import LedgerKey, PayKey, PayVector
from onefunnel.persistence.arrays import arrays, placeholders

# Pay totals of one ledger key may be changed by turns that touch different assignments, so the key
# has a lock of its own. Sorted numbers, one statement; the last locks that a turn takes.
_LOCK: Final = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key"

_KEY_KINDS: Final = ("uuid", "text", "text", "text")
_KEYS: Final = f"unnest({placeholders(_KEY_KINDS, first=2)})"
_DUE_KINDS: Final = (*_KEY_KINDS, "uuid")
_NAMES: Final = "(payee_id, component, earned_period, currency)"

# One look into an index for each key, whatever the planner believes of the tables' size.
_SAME: Final = " AND ".join(f"t.{name} = k.{name}" for name in LedgerKey._fields)

_POSTED: Final = f"""
    SELECT k.*, (
        SELECT sum(t.amount_minor)::bigint FROM ledger_entry t WHERE t.tenant_id = $1 AND {_SAME})
    FROM {_KEYS} AS k {_NAMES}"""

_ENTRY_KINDS: Final = {
    "tenant_id": "uuid", "payee_id": "uuid", "component": "text", "earned_period": "text",
    "posted_period": "text", "currency": "text", "account": "text", "kind": "text",
    "amount_minor": "bigint", "plan_id": "uuid", "plan_version": "int", "cause_event_id": "uuid",
    "inputs": "text",
}  # fmt: skip
assert tuple(_ENTRY_KINDS) == Entry._fields

_POST: Final = f"""
    INSERT INTO ledger_entry ({", ".join(_ENTRY_KINDS)})
    SELECT {", ".join(_ENTRY_KINDS).replace("inputs", "inputs::jsonb")}
    FROM unnest({placeholders(_ENTRY_KINDS.values())}) AS e ({", ".join(_ENTRY_KINDS)})"""


def _totals(schema: str) -> str:
    vector = ", ".join(f"t.{name}" for name in PayVector._fields)
    key = ", ".join(f"t.{name}" for name in PayKey._fields)
    return f"""
        SELECT {key}, {vector} FROM {_KEYS} AS k {_NAMES} CROSS JOIN LATERAL (
            SELECT * FROM {schema}.pay_total t WHERE t.tenant_id = $1 AND {_SAME} OFFSET 0) t
        ORDER BY {key}"""


def _lock_number(tenant_id: UUID, key: LedgerKey) -> int:
    text = "\x1f".join((str(tenant_id), str(key.payee_id), *key[1:]))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


async def balances(
    driver: Driver, schema: str, tenant_id: UUID, keys: Collection[LedgerKey]
) -> dict[LedgerKey, Balance]:
    """Lock ledger keys and return their pay totals and what the book has posted."""
    await driver.execute(_LOCK, sorted(_lock_number(tenant_id, key) for key in keys))
    columns = arrays(_KEY_KINDS, keys)
    credited: dict[LedgerKey, list[tuple[PayKey, PayVector]]] = {key: [] for key in keys}
    n = len(PayKey._fields)
    for row in map(tuple, await driver.fetch(_totals(schema), tenant_id, *columns)):
        key = PayKey(*row[:n])
        under = LedgerKey(key.payee_id, key.component, key.earned_period, key.currency)
        credited[under].append((key, PayVector(*row[n:])))
    posted = {
        LedgerKey(*tuple(row)[:4]): row[4]
        for row in await driver.fetch(_POSTED, tenant_id, *columns)
    }
    return {key: Balance(credited[key], posted.get(key) or 0) for key in keys}


async def pay_keys(
    driver: Driver, schema: str, tenant_id: UUID, scopes: Sequence[PayScope]
) -> list[LedgerKey]:
    """Return the ledger keys with a pay total in these scopes, sorted."""
    rows = await driver.fetch(
        f"""SELECT DISTINCT t.payee_id, t.component, t.earned_period, t.currency
        FROM unnest($2::uuid[], $3::text[], $4::text[]) AS s (person_id, component, period)
        JOIN {schema}.pay_total t ON t.payee_id = coalesce(s.person_id, t.payee_id)
            AND t.component = coalesce(s.component, t.component)
            AND t.earned_period = coalesce(s.period, t.earned_period)
        WHERE t.tenant_id = $1 ORDER BY 1, 2, 3, 4""",
        tenant_id,
        *zip(*scopes, strict=True),
    )
    return [LedgerKey(*row) for row in rows]


async def post(driver: Driver, entries: Sequence[Entry]) -> None:
    """Append entries to the book."""
    if entries:
        rows = ((*entry[:-1], orjson.dumps(entry.inputs).decode()) for entry in entries)
        await driver.execute(_POST, *arrays(_ENTRY_KINDS.values(), rows))


async def defer(
    driver: Driver, schema: str, tenant_id: UUID, causes: Mapping[LedgerKey, UUID]
) -> None:
    """Remember ledger keys to be settled later; the newest cause counts."""
    rows = sorted((*key, cause) for key, cause in causes.items())
    await driver.execute(
        f"INSERT INTO {schema}.pay_due (tenant_id, payee_id, component, earned_period, currency,"
        f" cause_event_id) SELECT $1::uuid, * FROM unnest({placeholders(_DUE_KINDS, first=2)})"
        " ON CONFLICT (tenant_id, payee_id, component, earned_period, currency)"
        " DO UPDATE SET cause_event_id = excluded.cause_event_id",
        tenant_id,
        *arrays(_DUE_KINDS, rows),
    )


async def take_deferred(driver: Driver, schema: str, tenant_id: UUID) -> dict[LedgerKey, UUID]:
    """Take the remembered ledger keys of a tenant, with their causes."""
    rows = await driver.fetch(
        f"DELETE FROM {schema}.pay_due WHERE tenant_id = $1"
        " RETURNING payee_id, component, earned_period, currency, cause_event_id",
        tenant_id,
    )
    return {LedgerKey(*tuple(row)[:4]): row["cause_event_id"] for row in rows}
