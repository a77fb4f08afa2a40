"""A mapping is read strictly, and every mistake is named with its line."""

from decimal import Decimal
from pathlib import Path

import pytest

from standalone.console.failure import USAGE, Failure
from standalone.imports.language import read_plan
from standalone.imports.model import Assumed, Plan

GOOD = """\
mapping: 1
source: crm
currency: EUR
aliases:
  names: {AB: A B}
sets:
  - make: people
    file: staff
    key: id
    name: name
    kind: {constant: rep}
  - make: products
    file: prices
    key: {column: product, aliases: names}
    name: product
    list: price
  - make: deals
    key: [region, number]
    stage: {constant: discovery}
    owner: seller
    product: {column: item, set: products}
    won:
      when: {column: state, is: [Won, won]}
      at: closed
      revenue: {column: value, round: half_up, decimal: ","}
      list: {column: item, lookup: prices, match: product, take: price}
      cost: list price × 0.6
      credits:
        - {person: seller, role: {constant: owner}}
"""


def plan_of(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    return read_plan(path)


def mistakes(tmp_path: Path, text: str) -> str:
    with pytest.raises(Failure) as caught:
        plan_of(tmp_path, text)
    assert caught.value.exit_code == USAGE
    assert caught.value.code == "bad-mapping"
    return str(caught.value).replace(str(tmp_path) + "/", "")


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_mapping_means_something_else_than_it_says(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, GOOD)
    assert [one.name for one in plan.sets] == ["people", "products", "deals"]
    assert [one.file for one in plan.sets] == ["staff", "prices", "data"]
    (won,) = plan.sets[2].events
    cost = next(field for field in won.fields if field.name == "cost")
    assert cost.source == Assumed("list price", Decimal("0.6"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    name: name\n",
            "    nme: name\n",
            "m.yaml:10: nme means nothing here: did you mean name?",
        ),
        ("    name: name\n", "", "m.yaml:7: name is missing"),
        ("make: people", "make: peple", "m.yaml:7: make cannot be peple: did you mean people?"),
        (
            "{constant: rep}",
            "{constant: reps}",
            "m.yaml:11: kind cannot be reps: did you mean rep?",
        ),
        ("    key: id\n", "    key: id\n    key: x\n", "m.yaml:10: key is given twice"),
        ("    key: id\n", "", "m.yaml:7: key is missing: the columns that identify a row"),
        ("set: products", "set: product", "there is no earlier set product of products; did you"),
        ("× 0.6", "× many", "a cost is a column or a line such as  list price × 0.6"),
        ("aliases: names}", "aliases: nmes}", "m.yaml:14: aliases: there is no alias table nmes"),
        ("is: [Won, won]", "was: Won", "when needs one of: is, is_not, present"),
        ("mapping: 1", "mapping: 2", "m.yaml:1: mapping cannot be 2: it can be 1"),
        ("source: crm", "source: The CRM", "source must be a word of small letters"),
        ("currency: EUR\n", "", "list needs a currency, here or at the top"),
        ("      list: {column", "      quantity: {column", "the assumed cost needs list beside it"),
        ("{column: item, set", "{column: item, constant: x, set", "give either column or constant"),
        ("round: half_up", "round: up", "round cannot be up"),
        ('decimal: ","', "decimal: x", "decimal cannot be x"),
        ("file: prices", "file: [a]", "file must be a single value"),
    ],
)
def test_a_mistake_passes_or_has_no_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in mistakes(tmp_path, changed(old, new))


def test_only_the_first_mistake_is_told(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path, changed("key: id", "kee: id").replace("name: product", "nam: product")
    )
    assert "4 mistakes" in found


def test_sets_may_come_in_any_order(tmp_path: Path) -> None:
    text = """\
mapping: 1
source: crm
sets:
  - {make: deals, file: x, key: id, stage: s}
  - {make: accounts, file: y, key: id, name: n}
"""
    assert "m.yaml:5: accounts must come earlier" in mistakes(tmp_path, text)


def test_two_sets_of_a_kind_are_told_apart_by_nobody(tmp_path: Path) -> None:
    two = GOOD.replace(
        "  - make: products", "  - {make: people, set: more, file: staff, key: n, name: n, "
        "kind: {constant: rep}}\n  - make: products"
    )  # fmt: skip
    assert "owner must say which set it points to: one of people, more" in mistakes(tmp_path, two)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "its top level must be"),
        ("- a\n", "its top level must be"),
        ("a: [1", "m.yaml"),
        ("a: &x {b: *x}\n", "an anchor holds itself"),
        ("mapping: 1\nsource: a\nsets: []\n", "sets must be a list of sets"),
        ("mapping: 1\nsource: a\nsets:\n  - deals\n", "a set begins with  - make: deals"),
    ],
)
def test_what_is_no_mapping_gives_a_stack_trace(tmp_path: Path, text: str, cause: str) -> None:
    assert cause in mistakes(tmp_path, text)


def test_an_anchor_that_grows_without_end_is_followed(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert "means nothing here" in mistakes(tmp_path, "mapping: 1\n" + "\n".join(lines))


def test_a_mapping_over_the_limit_is_read(tmp_path: Path) -> None:
    assert "larger than" in mistakes(tmp_path, "#" * (1024**2 + 1))


def test_words_that_yaml_takes_for_truth_values_change(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, changed("is: [Won, won]", "is: [Yes, 007]"))
    assert plan.sets[2].events[0].when[0].is_one_of == {"Yes", "007"}
