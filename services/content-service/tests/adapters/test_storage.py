"""Every table keeps each tenant's rows to itself, and what two requests do at once is done twice."""

import asyncio

from onefunnel.ids import new_id


async def test_every_table_of_tenants_is_forced_to_show_one_of_them(library):
    open_tables = await library.owner.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE a.attname = 'tenant_id' AND c.relkind = 'r'"
        " AND c.relname <> ALL($1) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
        ["dead_event"],  # of the worker alone: the app role may not read it at all
    )
    assert [row[0] for row in open_tables] == []


async def test_shares_and_verdicts_that_come_at_once_are_all_kept_in_one_sequence(library):
    asset = await library.asset()
    async with library.client("rep") as rep:
        answers = await asyncio.gather(
            *(
                rep.post(f"/v1/content/{asset}/shares", json={"deal_id": str(new_id())})
                for _ in range(3)
            ),
            *(rep.post(f"/v1/content/{asset}/ratings", json={"score": 4}) for _ in range(3)),
        )
    assert [a.status_code for a in answers] == [201] * 6
    assert [e.sequence for e, _ in await library.published()] == [str(n) for n in range(1, 8)]


async def test_reports_that_come_at_once_are_one_view(library):
    asset, view = await library.asset(pages=3), str(new_id())
    async with library.client("integration") as server:
        answers = await asyncio.gather(
            *(
                server.post(
                    f"/v1/content/{asset}/views",
                    json={"view_id": view, "pages": [{"page": page, "duration_ms": 3_000}]},
                )
                for page in (1, 2, 3)
            )
        )
    assert sorted(a.status_code for a in answers) == [200, 200, 201]
    assert max(a.json()["duration_ms"] for a in answers) == 9_000
    assert (await library.types()).count("content.viewed") == 1
