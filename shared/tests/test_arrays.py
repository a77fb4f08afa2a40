"""Arrays that are spelled as text are read by PostgreSQL as the values that they were made of."""

from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onefunnel.persistence.arrays import array, arrays, placeholder

VALUES = {
    "int": st.none() | st.integers(-(2**31), 2**31 - 1),
    "bigint": st.none() | st.integers(-(2**63), 2**63 - 1),
    "uuid": st.none() | st.uuids(),
    "date": st.dates(date(1, 1, 1)),
    "timestamptz": st.datetimes(datetime(1, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    "bool": st.booleans(),
    "text": st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "bytea": st.binary(),
}


@pytest.fixture
async def driver(fresh_database):
    connection = await asyncpg.connect(fresh_database(None).owner_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("kind", VALUES)
async def test_postgresql_reads_other_values(kind, driver) -> None:
    drawn: list[list] = []

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(VALUES[kind], max_size=8))
    def draw(values: list) -> None:
        drawn.append(values)

    draw()
    for values in drawn:
        rows = await driver.fetch(
            f"SELECT v FROM unnest({placeholder(1, kind)}) WITH ORDINALITY AS g (v, n) ORDER BY n",
            array(kind, values),
        )
        read = [UUID(bytes=v.bytes) if isinstance(v, UUID) else v for (v,) in rows]
        assert read == values


def test_no_rows_are_empty_arrays() -> None:
    assert arrays(("int", "bytea"), []) == ["{}", ()]


@pytest.mark.parametrize("text", ['"', "\\", '","', "{}", "NULL", "", " a ", "é\n\t", '\\"'])
async def test_a_text_that_looks_like_syntax_is_read_as_syntax(text: str, driver) -> None:
    read = await driver.fetchval(f"SELECT {placeholder(1, 'text')}", array("text", [text, text]))
    assert read == [text, text]
