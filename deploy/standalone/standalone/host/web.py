"""The web process: five apps in one loop; only the gateway listens."""

import asyncio
import os
import signal
import socket

import uvicorn
import uvloop

from onefunnel import tracing
from onefunnel.http.listening import BoundedHttp, Server
from onefunnel.ops import watch_loop
from onefunnel.telemetry import configure_logs
from standalone.host.processes import die_with
from standalone.host.stack import open_stack
from standalone.host.wiring import LISTEN, PARENT, descriptor

GRACE_S = 5  # requests that are under way may finish; live streams say goodbye


async def serve(door: socket.socket) -> None:
    """Serve until SIGTERM."""
    async with open_stack("web") as stack:
        server = Server(
            uvicorn.Config(
                stack.services["gateway"].app,
                http=BoundedHttp,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _leave, server)
        watch_loop(asyncio.get_running_loop())
        await server._serve([door])  # noqa: SLF001 - `serve` would take the signals from us


def _leave(server: Server) -> None:
    server.should_exit = True


def main() -> None:
    """Run the web process on the socket that the host opened."""
    die_with(int(os.environ[PARENT]))
    configure_logs("web")
    tracing.start("onefunnel-web")
    uvloop.run(serve(socket.socket(fileno=descriptor(LISTEN))))


if __name__ == "__main__":
    main()
