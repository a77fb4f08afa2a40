"""One process that the host starts, watches and stops."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from standalone.host.processes import Mark, mark_of

MAX_LOG_BYTES: Final = 10_000_000
MAX_WORDS: Final = 400


class Child:
    """A Python module that runs as a process of its own, with its talk in a log file."""

    def __init__(
        self,
        name: str,
        module: str,
        log: Path,
        *,
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._module = module
        self._environment = environment
        self._descriptors = descriptors
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Mark:
        """Start the process and return what identifies it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                env={**os.environ, **self._environment, "ONEFUNNEL_PARENT": str(os.getpid())},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self._descriptors,
                # A Ctrl-C on the terminal is the host's: it stops us in order.
                start_new_session=True,
            )
        return mark_of(self._process.pid)

    async def wait(self) -> int:
        """Wait until the process ends; return its exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, within_s: float) -> bool:
        """Ask the process to stop and wait; end it if it does not. Say whether it did itself."""
        if self._process is None or self._process.returncode is not None:
            return True
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            self.kill()
            await self._process.wait()
            return False
        return True

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def last_words(self) -> str:
        """Return the last line of the log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4_000))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.strip()[:MAX_WORDS] for line in reversed(lines) if line.strip()), "")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
