"""A service is a value: its name, its app, and what runs in its background."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

# Runs until the event is set, then finishes its turn and returns. Raising ends the worker.
Background = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """What `<package>.main.build(runtime)` returns."""

    name: str
    app: ASGIApp
    background: Sequence[Background] = ()
