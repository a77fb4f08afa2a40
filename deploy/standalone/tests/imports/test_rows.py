"""What a row becomes, and what is said about one that cannot become anything."""

from pathlib import Path
from typing import Any

import pytest

from standalone.console.failure import Failure
from standalone.imports.checking import Opened, Reject, SetCheck, SetReader, check_all, open_files
from standalone.imports.language import read_plan

MAPPING = """\
mapping: 1
source: crm
currency: EUR
null_words: ["-"]
sets:
  - make: people
    file: staff
    key: id
    name: name
    kind: {constant: rep}
    region: region
  - make: deals
    key: id
    created_at: begun
    owner: {column: seller, aliases: {Bob: Robert}}
    amount: value
    stage: {column: state, aliases: {New: discovery, Won: negotiation, Lost: proposal}}
    stages:
      - {stage: {constant: evaluation}, at: seen}
    won:
      when: {column: state, is: Won}
      at: closed
      revenue: value
      quantity: count
      list: {column: item, lookup: prices, match: item, take: price}
      cost: list price × 0.605
    lost:
      when: {column: state, is: Lost}
      at: closed
      outcome: {constant: unspecified}
      reason: {constant: unknown}
"""
STAFF = "id,name,region\nRobert,Bob B.,North\nAnn,Ann A.,\n"
PRICES = "item,price\nbox,10.01\n"
HEADER = "id,begun,seller,value,state,seen,closed,count,item\n"
WON = "d1,2026-01-02,Bob,12.50,Won,2026-01-03,2026-02-01,2,box\n"


class Run:
    """One check of a small file."""

    def __init__(
        self, tmp_path: Path, rows: str, mapping: str = MAPPING, staff: str = STAFF
    ) -> None:
        files = {}
        texts = {"data": HEADER + rows, "staff": staff, "prices": PRICES}
        for name, text in texts.items():
            files[name] = tmp_path / f"{name}.csv"
            files[name].write_text(text)
        (tmp_path / "m.yaml").write_text(mapping)
        self.rejects: list[Reject] = []
        self.opened: Opened = open_files(read_plan(tmp_path / "m.yaml"), files)
        self.checks: dict[str, SetCheck] = check_all(
            self.opened, self.rejects.append, lambda *_: None
        )

    def commands(self, name: str = "deals") -> list[tuple[dict[str, Any], ...]]:
        plan = next(one for one in self.opened.plan.sets if one.name == name)
        return [item.commands for _, item in SetReader(self.opened, plan, lambda _: None).items()]

    def refusal(self) -> tuple[int, str, str]:
        (reject,) = self.rejects
        return reject.line, reject.column, reject.reason


def test_a_won_row_becomes_something_else_than_create_move_win(tmp_path: Path) -> None:
    run = Run(tmp_path, WON)
    external = {"source": "crm", "id": "d1"}
    owner = {"source": "crm", "id": "Robert"}
    assert run.commands() == [
        (
            {
                "do": "deal.create",
                "external": external,
                "created_at": "2026-01-02T00:00:00Z",
                "stage": "negotiation",
                "owner": owner,
                "currency": "EUR",
                "amount": {"amount_minor": 1250, "currency": "EUR"},
            },
            {
                "do": "deal.stage",
                "external": external,
                "stage": "evaluation",
                "at": "2026-01-03T00:00:00Z",
            },
            {
                "do": "deal.win",
                "external": external,
                "at": "2026-02-01T00:00:00Z",
                "lines": [
                    {
                        "id": "1",
                        "quantity": "2",
                        "revenue_minor": 1250,
                        "list_minor": 1001,
                        "cost_minor": 606,  # 605.605, rounded half up once
                        "cost_assumed": True,
                    }
                ],
                "credits": [{"person": owner, "role": "owner"}],
            },
        )
    ]


def test_a_deal_without_a_date_gets_one_from_the_clock(tmp_path: Path) -> None:
    (commands,) = Run(tmp_path, "d1,-,Ann,-,New,-,-,-,-\n").commands()
    assert commands == (
        {
            "do": "deal.create",
            "external": {"source": "crm", "id": "d1"},
            "created_at": None,
            "stage": "discovery",
            "owner": {"source": "crm", "id": "Ann"},
            "currency": "EUR",
        },
    )


def test_people_lose_where_they_stand(tmp_path: Path) -> None:
    first, second = Run(tmp_path, WON).commands("people")
    assert first[0]["memberships"] == [{"region": "North"}]
    assert second[0]["memberships"] == []


@pytest.mark.parametrize(
    ("old", "new", "column", "reason"),
    [
        ("12.50", "12,50 €", "value", '"12,50 €": it is not a number'),
        ("12.50", "NaN", "value", '"NaN": it is not a number'),
        ("12.50", "1e3", "value", '"1e3": it is not a number'),
        ("12.50", "10000000000000000", "value", "beyond the limit"),
        ("12.50", "-", "value", "a won deal needs its revenue"),
        (",2,box", ",-2,box", "count", "a quantity must be more than zero"),
        ("2026-02-01", "soon", "closed", '"soon": it is not a date'),
        ("2026-02-01", "-", "closed", "it is empty and at is needed"),
        ("Won", "won", "state", ""),
        ("Won", "In Progress", "state", "it is not a step key"),
        ("d1", "", "id", "it is empty and identifies the row"),
        ("d1", "x" * 300, "id", "longer than 150"),
    ],
)
def test_a_bad_cell_is_refused_without_its_place(
    tmp_path: Path, old: str, new: str, column: str, reason: str
) -> None:
    row = WON.replace(old, f'"{new}"' if "," in new and old != ",2,box" else new)
    run = Run(tmp_path, row + WON.replace("d1", "d2"))
    if new == "won":  # an unknown step is found by comparing with the funnel
        assert run.checks["deals"].steps == {"won": 2, "negotiation": 3, "evaluation": 2}
        return
    line, found, why = run.refusal()
    assert (line, found) == (2, column)
    assert reason in why
    assert len(run.commands()) == 1, "one bad row stops the others"


def test_a_key_that_comes_again_overwrites_the_first(tmp_path: Path) -> None:
    run = Run(tmp_path, WON + WON)
    assert run.refusal() == (3, "id", '"d1" was on line 2 already')


def test_rows_that_agree_are_refused_where_repeats_are_allowed(tmp_path: Path) -> None:
    same = MAPPING.replace("    key: id\n    name", "    key: id\n    repeated: same\n    name")
    run = Run(tmp_path, WON, same, STAFF + "Ann,Ann A.,\nRobert,Bob B.,South\n")
    assert run.checks["people"].repeated == 1
    assert run.refusal() == (5, "id", '"Robert" was on line 2 already with other values')


def test_a_reference_to_nobody_is_sent(tmp_path: Path) -> None:
    rows = "".join(WON.replace("d1", f"d{n}").replace("Bob", "Zoe") for n in range(3))
    run = Run(tmp_path, rows + WON.replace("d1", "d9").replace("box", "crate"))
    told = {(m.column, m.text, m.wanted_in): n for m, n in run.opened.world.missing.items()}
    assert told == {("seller", "Zoe", "people"): 3, ("item", "crate", "prices"): 1}


def test_a_row_that_is_won_and_lost_is_one_of_them(tmp_path: Path) -> None:
    run = Run(tmp_path, WON, MAPPING.replace("is: Lost", "is: Won"))
    assert "won and lost" in run.refusal()[2]


def test_a_column_that_is_not_there_is_taken_as_empty(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="1 mistake") as caught:
        Run(tmp_path, WON, MAPPING.replace("amount: value", "amount: valeu"))
    assert "m.yaml:16: data.csv has no column valeu: did you mean value?" in str(caught.value)


def test_a_file_that_the_mapping_names_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="none was given"):
        Run(tmp_path, WON, MAPPING.replace("file: staff", "file: stuff"))


def test_a_look_up_with_two_answers_takes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PRICES", "item,price\nbox,10\nbox,11\n")
    with pytest.raises(Failure, match="as a look-up"):
        Run(tmp_path, WON)


def test_a_file_without_rows_is_a_success(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="has no rows"):
        Run(tmp_path, "")


def test_keys_of_two_columns_can_collide(tmp_path: Path) -> None:
    text = MAPPING.replace("  - make: deals\n    key: id", "  - make: deals\n    key: [id, item]")
    run = Run(
        tmp_path, WON.replace("d1", "a|b") + WON.replace("d1", "a").replace("box", "b|box"), text
    )
    ids = [commands[0]["external"]["id"] for commands in run.commands()]
    assert ids == [r"a\|b|box", r"a|b\|box"]


def test_rows_outside_the_condition_are_imported(tmp_path: Path) -> None:
    rule = "only: {column: state, is_not: New}"
    only = MAPPING.replace("    key: id\n    created", f"    key: id\n    {rule}\n    created")
    run = Run(tmp_path, WON + "d2,-,Ann,-,New,-,-,-,-\n", only)
    assert run.checks["deals"].left_out == 1
    assert len(run.commands()) == 1


def test_rows_about_one_thing_are_refused_or_become_many(tmp_path: Path) -> None:
    spend = """\
mapping: 1
source: ads
currency: EUR
dates: "%d-%m-%Y"
sets:
  - make: campaigns
    key: ad
    id: campaign
    name: campaign
    spend: {on: day, amount: {column: spent, round: half_up}}
"""
    (tmp_path / "m.yaml").write_text(spend)
    (tmp_path / "ads.csv").write_text(
        "ad,campaign,day,spent\n1,c,31-08-2023,1.4299\n2,c,01-09-2023,2\n"
    )
    opened = open_files(read_plan(tmp_path / "m.yaml"), {"data": tmp_path / "ads.csv"})
    reader = SetReader(opened, opened.plan.sets[0], lambda _: None)
    items = [item for _, item in reader.items()]
    assert [item.key for item in items] == ["campaigns:1", "campaigns:2"]
    assert [item.commands[0]["external"] for item in items] == [{"source": "ads", "id": "c"}] * 2
    assert items[0].commands[1] == {
        "do": "campaign.spend",
        "external": {"source": "ads", "id": "c"},
        "on": "2023-08-31",
        "amount": {"amount_minor": 143, "currency": "EUR"},
    }
    assert opened.world.keys["campaigns"] == {"c": 2}
