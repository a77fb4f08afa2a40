"""Rows that cannot be imported are named with their place and kept; the others are in."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)
MAPPING = """\
mapping: 1
source: crm
currency: EUR
sets:
  - make: products
    file: prices
    key: item
    name: item
    list: price
    currency: unit
  - make: deals
    key: id
    created_at: begun
    amount: value
    currency: unit
    product: item
    stage: {column: stage, aliases: {New: discovery}}
    won:
      when: {column: state, is: won}
      at: closed
      revenue: value
      quantity: count
"""
PRICES = "item,price,unit\nbox,10,EUR\nlamp,20,USD\n"
HEADER = "id,begun,value,unit,item,stage,state,closed,count\n"
GOOD = "d0,2026-01-05,10.00,EUR,box,New,won,2026-02-01,1\n"
# Each row with what is wrong with it: the column that the check names, or none where the gateway refuses it.
BAD = (
    ("d1,2026-01-05,ten,EUR,box,New,open,,", "value", "bad-value"),
    ("d2,2026-01-05,NaN,EUR,box,New,open,,", "value", "bad-value"),
    ("d3,2026-01-05,10000000000000000,EUR,box,New,open,,", "value", "bad-value"),
    ("d4,2026-01-05,1.001,EUR,box,New,open,,", "value", "bad-value"),
    ("d5,05.01.2026,1,EUR,box,New,open,,", "begun", "bad-value"),
    ("d6,2026-01-05,1,EUR,box,New,won,2026-02-01,-2", "count", "bad-value"),
    ("d7,2026-01-05,1,EUR,box,New,won,,1", "closed", "empty"),
    ("d0,2026-01-05,1,EUR,box,New,open,,", "id", "repeated-key"),
    ("d8,2026-01-05,1,EUR,box,New,open,", "", "bad-row"),
    ("d9,2026-01-05,1,euro,box,New,open,,", "unit", "bad-value"),
    ("d10,2126-01-05,1,EUR,box,New,open,,", "", ""),  # not yet happened
    ("d11,2026-01-05,1,EUR,lamp,New,won,2026-02-01,1", "", ""),  # its list price is in dollars
    ("d12,2026-01-05,-1,EUR,box,New,open,,", "", ""),  # a negative amount
    ("d13,2026-01-05,1,XXQ,box,New,open,,", "", ""),  # no such currency
)


def write(folder: Path, deals: str) -> list[str]:
    for name, text in (("m.yaml", MAPPING), ("prices.csv", PRICES), ("deals.csv", HEADER + deals)):
        (folder / name).write_text(text)
    return [
        "import",
        *("--mapping", str(folder / "m.yaml")),
        str(folder / "deals.csv"),
        *("--lookup", f"prices={folder / 'prices.csv'}"),
        *("--rejects", str(folder / "rejects.csv")),
        "--json",
    ]


def test_a_bad_row_takes_a_good_one_with_it_or_goes_unnamed(stack: Any, tmp_path: Path) -> None:
    arguments = write(tmp_path, GOOD + "".join(row + "\n" for row, *_ in BAD))
    done = stack.cli(*arguments, check=False)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["sets"]["deals"]["created"] == 1
    assert report["rejects"]["count"] == len(BAD)

    with (tmp_path / "rejects.csv").open(newline="") as file:
        kept = {int(row["line"]): row for row in csv.DictReader(file)}
    for line, (row, column, code) in enumerate(BAD, start=3):
        assert kept[line]["set"] == "deals"
        assert kept[line]["reason"], row
        if code:
            assert (kept[line]["column"], kept[line]["code"]) == (column, code), row
    assert "row 3, column" in done.stderr
    assert "is not a number" in done.stderr

    stack.folded()
    (group,) = stack.get("/v1/sales-performance?from=2026-01-01&to=2027-01-01")["groups"]
    assert (group["counts"]["opened"], group["counts"]["won"]) == (1, 1), "something half-written"


def test_a_stage_the_funnel_lacks_is_written_or_guessed(stack: Any, tmp_path: Path) -> None:
    done = stack.cli(*write(tmp_path, GOOD.replace("New", "sold")), check=False)
    assert done.returncode == 1
    assert "the funnel has no step sold" in done.stderr
    assert "discovery, evaluation, proposal, negotiation" in done.stderr
    assert stack.get("/v1/products")["items"] == [], "a set was written before all were checked"


def test_a_row_with_other_values_rewrites_what_happened(stack: Any, tmp_path: Path) -> None:
    stack.cli(*write(tmp_path, GOOD))
    done = stack.cli(*write(tmp_path, GOOD.replace("10.00", "11.00")), check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["sets"]["deals"]["rejected"] == 1
    assert report["sets"]["products"]["unchanged"] == 2
    assert "imported before with other values" in done.stderr
