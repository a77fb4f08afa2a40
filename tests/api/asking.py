"""How schemathesis reaches the stage: `requests` asks the services' own loop, and no socket is opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any, Final
from unittest.mock import patch

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from .stage import Stage

ORIGIN: Final = "http://gateway.example"


class ToStage(BaseAdapter):
    """Sends a prepared request to one application of the stage."""

    def __init__(self, stage: Stage, service: str) -> None:
        super().__init__()
        self._stage = stage
        self._service = service
        self.asked = 0

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        """Ask, and return what was answered."""
        self.asked += 1
        assert request.method
        answer = self._stage.ask(
            request.method,
            request.path_url,
            headers={name: _text(value) for name, value in request.headers.items()},
            body=_bytes(request.body),
            role=None,
            service=self._service,
        )
        response = requests.Response()
        response.status_code = answer.status
        response.url, response.request = request.url or "", request
        headers = [(n.decode(), v.decode("latin-1")) for n, v in answer.headers]
        response.headers = CaseInsensitiveDict(headers)
        response.raw = HTTPResponse(
            BytesIO(answer.body), headers, answer.status, preload_content=False
        )
        response._content = answer.body
        response.elapsed = timedelta(0)
        return response

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def reaching(stage: Stage, service: str) -> Iterator[ToStage]:
    """Let every session of `requests` reach an application of the stage at `ORIGIN`."""
    adapter, made = ToStage(stage, service), requests.Session.__init__

    def init(session: requests.Session, *arguments: Any, **options: Any) -> None:
        made(session, *arguments, **options)
        session.mount(ORIGIN, adapter)

    with patch.object(requests.Session, "__init__", init):
        yield adapter


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")
