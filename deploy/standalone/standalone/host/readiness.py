"""Asking the gateway whether it serves yet."""

import asyncio
import http.client
import json
from typing import Final

from standalone.host.ports import HOST

ANSWER_WITHIN_S: Final = 60.0


async def serving(port: int) -> bool:
    """Wait for the gateway's first answer.

    The host holds the listening socket, so the question waits in line until the web process takes it.
    """
    return await asyncio.to_thread(_answers, port)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def release_at(url_port: int, key: str) -> dict[str, object]:
    """Return `/v1/status` as the gateway tells it."""
    connection = http.client.HTTPConnection(HOST, url_port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {key}"})
        found = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}
