"""`Accept`: the range that says most of a media type decides how much it is wanted."""

import pytest

from onefunnel.http.accepting import accept_of, first_of, weight

JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("*/*", 1),
        ("application/*", 1),
        ("Application/JSON", 1),
        ("application/json; version=2", 1),
        ("text/html, */*;q=0.8", 0.8),
        ("*/*;q=0.1, application/json ; Q=0.25", 0.25),
        ("application/json;q=0, */*", 0),
        ("application/*;q=0, */*", 0),
        ("application/json;q=0.5;ext=1", 0.5),
        ("application/json;q=1.000", 1),
        ("text/html", 0),
        ("application/jsonp", 0),
        ("", 0),
        (" , ;q=1, ,", 0),
        # a weight that is none, and so no wish
        ("application/json;q=", 0),
        ("application/json;q=2", 0),
        ("application/json;q=-1", 0),
        ("application/json;q=0.1234", 0),
        ("application/json;q = 1", 0),
    ],
)
def test_how_much_json_is_wanted(accept, wanted):
    assert weight(accept, JSON) == wanted


def test_several_headers_are_one_list_and_none_is_anything():
    several = [(b"accept", b"text/csv;q=0.5"), (b"x", b"y"), (b"accept", b"application/json")]
    assert accept_of(several) == "text/csv;q=0.5,application/json"
    assert first_of(accept_of(several)) == "text/csv"
    assert accept_of([(b"x", b"y")]) == "*/*"
