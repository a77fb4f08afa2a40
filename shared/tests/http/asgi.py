"""One request as the server would hand it over: for bytes that no well-meaning client can send."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Request:
    method: str = "POST"
    path: str = "/v1/things"
    raw_path: bytes | None = None
    query: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()
    chunks: Sequence[bytes] = (b"",)
    disconnect: bool = False
    read: list[bytes] = field(default_factory=list)

    async def to(self, app: Any, *defaults: tuple[bytes, bytes]) -> Answer:
        """Send it; a default header is added unless the request has one of that name."""
        own = {name for name, _ in self.headers}
        scope = {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode() if self.raw_path is None else self.raw_path,
            "query_string": self.query,
            "headers": [*self.headers, *(h for h in defaults if h[0] not in own)],
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }
        sent: list[dict[str, Any]] = []
        pending = list(self.chunks)

        async def receive() -> dict[str, Any]:
            if not pending:
                return {"type": "http.disconnect"}
            self.read.append(pending[0])
            more = len(pending) > 1 or self.disconnect
            return {"type": "http.request", "body": pending.pop(0), "more_body": more}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], headers, body)
