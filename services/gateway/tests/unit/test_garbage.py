"""Bodies that fuzzing found: each is refused as a request is, and no parser's own error comes out."""

from datetime import UTC, datetime

import pytest

from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.reading import Unreadable
from gateway.domain.webhooks.request import Received, Secret, Terms
from gateway.domain.webhooks.xml import parse_xml
from onefunnel.ids import new_id


@pytest.mark.parametrize("body", [b"1e9999999999999999999", b'{"token":"\\ud800"}', b"[" * 5_000])
def test_a_token_that_cannot_be_read_is_a_wrong_one(body):
    received = Received("POST", "https://gw.example/h", {}, {}, body)
    terms = Terms((Secret(new_id(), "the token"),))
    assert not PROVIDERS["zoho"].verify(received, terms, datetime(2026, 11, 22, tzinfo=UTC)).genuine


@pytest.mark.parametrize("encoding", ["utf-99", "F-8", "shift_jis", "utf-7"])
def test_xml_in_an_encoding_that_is_none_is_unreadable(encoding):
    with pytest.raises(Unreadable):
        parse_xml(f'<?xml version="1.0" encoding="{encoding}"?><a b="1">\xe9</a>'.encode("latin-1"))
