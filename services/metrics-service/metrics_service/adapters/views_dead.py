"""Dead letters, straight from the fold's tables; row level security keeps them to the tenant."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.application.fold_codes import AGGREGATE_NAME, TOPIC_NAME
from metrics_service.application.queries.dead_letters import DeadLetter, DeadStatus
from onefunnel.errors import not_found

_DEAD: Final = """
    SELECT d.dead_id AS id, d.status, d.reason, d.detail, d.type, d.event_id, d.aggregate_code,
           d.aggregate_id, d.aggregate_seq AS sequence, d.topic_code, d.partition, d.position,
           d.attempts, d.died_at, d.settled_at, d.actor,
           (SELECT count(*) FROM parked_event p WHERE p.aggregate_id = d.aggregate_id
                AND p.aggregate_code = d.aggregate_code)::int AS waiting
    FROM dead_event d WHERE {where} ORDER BY d.dead_id LIMIT :limit"""


class SqlDeadRows:
    """The dead letters of one read."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def dead(
        self, status: DeadStatus | None, *, after: int | None, limit: int
    ) -> Sequence[DeadLetter]:
        """Return dead letters, oldest first."""
        conditions, values = ["d.dead_id > :after"], dict[str, Any](after=after or 0, limit=limit)
        if status is not None:
            conditions.append("d.status = :status")
            values["status"] = status
        found = await self._conn.execute(text(_DEAD.format(where=" AND ".join(conditions))), values)
        return [_letter(row) for row in found]

    async def dead_one(self, dead_id: int) -> DeadLetter:
        """Return one, or raise not-found."""
        statement = text(_DEAD.format(where="d.dead_id = :id"))
        row = (await self._conn.execute(statement, {"id": dead_id, "limit": 1})).one_or_none()
        if row is None:
            raise not_found("dead letter")
        return _letter(row)


def _letter(row: Row[Any]) -> DeadLetter:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for the row as a mapping
    code = fields.pop("aggregate_code")
    return DeadLetter(
        **{key: value for key, value in fields.items() if key != "topic_code"},
        topic=TOPIC_NAME[fields["topic_code"]],
        aggregate=None if code is None else AGGREGATE_NAME[code],
    )
