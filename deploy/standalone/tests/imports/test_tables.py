"""Reading files that people really have."""

import csv
from pathlib import Path

import pytest

from standalone.console.failure import Failure
from standalone.imports import tables
from standalone.imports.tables import BadRow, Row, Table


def table(
    tmp_path: Path, raw: bytes, name: str = "data.csv", delimiter: str | None = None
) -> Table:
    path = tmp_path / name
    path.write_bytes(raw)
    return Table(path, delimiter)


def failure(tmp_path: Path, raw: bytes, name: str = "data.csv") -> Failure:
    with pytest.raises(Failure) as caught:
        list(table(tmp_path, raw, name).rows())
    return caught.value


def test_a_byte_order_mark_is_part_of_the_first_column(tmp_path: Path) -> None:
    found = table(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n")
    assert found.columns == ("a", "b")
    assert list(found.rows()) == [Row(2, {"a": "1", "b": "2"})]


def test_a_line_break_inside_quotes_ends_the_row_or_moves_the_lines_after_it(
    tmp_path: Path,
) -> None:
    found = table(tmp_path, b'a,b\n"x\ny",2\n3,4\n')
    assert list(found.rows()) == [Row(2, {"a": "x\ny", "b": "2"}), Row(4, {"a": "3", "b": "4"})]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_has_to_be_told(tmp_path: Path, mark: str) -> None:
    raw = f'"a,b"{mark}c{mark}d\n1{mark}2{mark}3\n'.encode()
    assert table(tmp_path, raw).columns == ("a,b", "c", "d")


def test_a_stated_delimiter_is_overruled_by_the_header(tmp_path: Path) -> None:
    assert table(tmp_path, b"a,b;c\n", delimiter=";").columns == ("a,b", "c")


def test_a_ragged_row_stops_the_file_or_loses_its_line(tmp_path: Path) -> None:
    rows = list(table(tmp_path, b"a,b\n1,2\n1\n1,2,3\n\n5,6\n").rows())
    assert [row.line for row in rows] == [2, 3, 4, 6]
    assert rows[1] == BadRow(3, "it has 1 cells and the header names 2", "1")
    assert rows[3] == Row(6, {"a": "5", "b": "6"})


@pytest.mark.parametrize("raw", ["a,b\n1,2\n".encode("utf-16"), b"a\0b\n1\n"])
def test_utf_16_is_read_as_rubbish(tmp_path: Path, raw: bytes) -> None:
    found = failure(tmp_path, raw)
    assert found.code == "not-utf8"
    assert "iconv" in str(found)


def test_bytes_that_are_no_text_are_guessed(tmp_path: Path) -> None:
    assert "line 3: byte 2 is not UTF-8" in str(failure(tmp_path, b"a,b\n1,2\n\x66\xfc,2\n"))


def test_an_empty_file_is_taken_for_a_table(tmp_path: Path) -> None:
    assert failure(tmp_path, b"").code == "empty-file"


@pytest.mark.parametrize(
    ("raw", "cause"),
    [(b"\n1,2\n", "names no column"), (b"a,b,a\n", "twice: a"), (b"," * 2_000 + b"x\n", "limit")],
)
def test_a_bad_header_is_accepted(tmp_path: Path, raw: bytes, cause: str) -> None:
    assert cause in str(failure(tmp_path, raw))


def test_a_quotation_mark_that_is_never_closed_swallows_the_rest(tmp_path: Path) -> None:
    found = failure(tmp_path, b'a,b\n1,2\n"3,4\n5,6\n')
    assert "line 3" in str(found)
    assert "quotation mark" in str(found)


def test_a_line_over_the_limit_is_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = csv.field_size_limit()
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", 20)
    assert "line 2: longer than 20 bytes" in str(failure(tmp_path, b"a\n" + b"x" * 30 + b"\n"))
    csv.field_size_limit(before)  # it is the whole process's


def test_a_file_over_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_FILE_BYTES", 10)
    assert failure(tmp_path, b"a,b\n1,2\n3,4\n").code == "file-too-large"


def test_a_file_that_is_not_there_gives_a_stack_trace(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot read"):
        Table(tmp_path / "none.csv")


def test_numbers_of_json_lines_pass_through_a_float(tmp_path: Path) -> None:
    raw = b'{"a": 0.10, "b": 12345678901234567890, "c": true, "d": null, "e": "x"}\n\n'
    rows = list(table(tmp_path, raw, "data.jsonl").rows())
    assert rows == [
        Row(1, {"a": "0.10", "b": "12345678901234567890", "c": "true", "d": "", "e": "x"})
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "it is not JSON"),
        (b"[1]", "it is not a JSON object"),
        (b'{"a": [1]}', "a is nested"),
        (b'{"a": 1, "a": 2}', "a name is given twice"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_json_line_stops_the_file(tmp_path: Path, line: bytes, reason: str) -> None:
    bad, good = table(tmp_path, line + b'\n{"a": "1"}\n', "data.jsonl").rows()
    assert isinstance(bad, BadRow)
    assert reason in bad.reason
    assert good == Row(2, {"a": "1"})
