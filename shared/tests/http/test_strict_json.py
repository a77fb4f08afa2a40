"""The JSON guard against a slow, obvious reader of the same rules."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefunnel.http.problems import Problem
from onefunnel.http.strict_json import MAX_DEPTH, guard

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def verdict(raw: bytes) -> str:
    try:
        guard(raw)
    except Problem as problem:
        return problem.code
    return "good"


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(v) for v in value), default=0)
    return 0


def strings(value: object):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def expected(raw: bytes) -> str:
    """The rules once more, without any care for speed."""

    def pairs(found):
        if len({key for key, _ in found}) != len(found):
            raise ValueError("duplicate")
        return dict(found)

    def number(text):
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("infinite")
        return value

    def constant(_):
        raise ValueError("constant")

    try:
        value = json.loads(
            raw.decode(), object_pairs_hook=pairs, parse_float=number, parse_constant=constant
        )
        if depth(value) > MAX_DEPTH:
            raise ValueError("deep")  # noqa: TRY301
        for text in strings(value):
            text.encode()
    except ValueError:
        return "malformed-json"
    return "validation-failed" if any("\0" in text for text in strings(value)) else "good"


@settings(max_examples=300)
@given(VALUES, st.booleans())
def test_what_json_writes_is_read_by_the_rules(value, ascii_only):
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert verdict(raw) == expected(raw)


@settings(max_examples=500)
@given(VALUES, st.data())
def test_a_broken_document_is_refused_or_still_one(value, data):
    raw = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b'"', b"{", b"}", b"[", b"]", b",", b"\\", b"\\u0000", b"\xff",
                             b"\\ud800", b"NaN", b"e999", b'"a":1,', b"\0", b" "])
        )  # fmt: skip
    assert verdict(bytes(raw)) == expected(bytes(raw))


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("levels", [1, 31, 32, 33, 64])
def test_thirty_two_levels_are_enough(opening, levels):
    closing = b"]" if opening == b"[" else b"}"
    raw = opening * levels + b"1" + closing * levels
    assert verdict(raw) == ("good" if levels <= 32 else "malformed-json")


@pytest.mark.parametrize(
    "raw",
    [
        b'"' * 1_000_000,
        b'\\"' * 500_000,
        b'"\\' + b'\\"' * 500_000,
        b"[" * 1_000_000,
        b'["' * 300_000,
        b"{" * 40 + b'"\\' * 400_000,
        b"1" * 1_000_000,
        b"-" * 1_000_000,
        b'{"a":"' + b"\\u00e9" * 150_000,
    ],
)
def test_no_document_takes_more_than_one_look(raw):
    """Not timed: quadratic work on a megabyte would run into the timeout of the test itself."""
    assert verdict(raw) == "malformed-json"


def test_a_wide_document_is_no_deep_one():
    assert verdict(b"[" + b",".join([b'{"a":[1]}'] * 50_000) + b"]") == "good"
