"""Views of content are told to content-service in the background."""

import asyncio

from gateway.application.looks import Library, Views, tell_one
from onefunnel import telemetry
from onefunnel.errors import DomainError
from onefunnel.wakeups import Listener, Pace

_log = telemetry.log("views")


async def tell_views(
    views: Views, library: Library, stop: asyncio.Event, listener: Listener
) -> None:
    """Tell each view that content-service does not know yet, until stopped: background of the gateway."""
    pace = Pace()
    while not stop.is_set():
        try:
            worked = await tell_one(views, library)
        except DomainError as error:  # the database is away: the next turn comes in any case
            _log.warning("view.turn_failed", error=error.code)
            worked = False
        if worked:
            pace.reset()
        else:
            await listener.wait(pace.pause_s())
