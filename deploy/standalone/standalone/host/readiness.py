"""Asking the gateway whether it serves yet."""

import asyncio
import http.client
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
