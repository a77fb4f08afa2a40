"""DATA/onefunnel.lock: who runs on a data directory, so that a second start can say so.

The kernel's file lock makes taking it atomic; the process id and start time inside tell whose it
is, and which processes a killed host may have left.
"""

import contextlib
import errno
import fcntl
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from standalone.console.failure import REFUSED, Failure
from standalone.host.processes import Mark

NAME: Final = "onefunnel.lock"
_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the lock: the host, where it answers, and its children by name."""

    host: Mark
    url: str
    children: dict[str, Mark]

    def alive(self) -> bool:
        """Say whether the host still runs."""
        return self.host.alive()


class Lock:
    """The lock, held until it is released or the process ends."""

    def __init__(self, path: Path, descriptor: int, owner: Owner, left_over: Owner | None) -> None:
        self._path = path
        self._descriptor = descriptor
        self.owner = owner
        self.left_over = left_over  # what a killed host wrote; its processes may still run
        self._write()

    def note(self, *, url: str | None = None, child: tuple[str, Mark] | None = None) -> None:
        """Write down where the host answers, or a child it has started."""
        if url is not None:
            self.owner = replace(self.owner, url=url)
        if child is not None:
            self.owner = replace(self.owner, children={**self.owner.children, child[0]: child[1]})
        self._write()

    def release(self) -> None:
        """Give the lock up; nothing of the host may run any more."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        os.close(self._descriptor)

    def _write(self) -> None:
        # Never replaced by another file: the kernel's lock belongs to this one. Readers take the
        # first JSON object and ignore what a longer text before it may have left.
        raw = json.dumps(asdict(self.owner), indent=2).encode() + b"\n"
        os.pwrite(self._descriptor, raw, 0)
        os.ftruncate(self._descriptor, len(raw))
        os.fsync(self._descriptor)


def acquire(data: Path, host: Mark) -> Lock:
    """Take the lock of a data directory, or say who has it."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / NAME
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock_file(descriptor, data)
            if not _is_still(path, descriptor):
                os.close(descriptor)
                continue  # its owner has just removed it
            found = _parse(os.pread(descriptor, _MAX_BYTES, 0))
            if found is not None and found.alive() and found.host != host:
                raise already_running(data, found)  # a file system without locks
        except Failure:
            os.close(descriptor)
            raise
        return Lock(path, descriptor, Owner(host, "", {}), found)


def read_owner(data: Path) -> Owner | None:
    """Return the host that runs on a data directory, or None."""
    try:
        owner = _parse((data / NAME).read_bytes()[:_MAX_BYTES])
    except OSError:
        return None
    return owner if owner is not None and owner.alive() else None


def already_running(data: Path, owner: Owner) -> Failure:
    """Return the failure of a second start: where the first is, and how to stop it."""
    where = f", at {owner.url}" if owner.url else ""
    return Failure(
        f"onefunnel is already running on {data}",
        because=(f"process {owner.host.pid} has it{where}",),
        help=f"use it, or stop it:  kill {owner.host.pid}\n"
        "a second one needs a directory and a port of its own:  onefunnel up --data DIR --port PORT",
        code="already-running",
        exit_code=REFUSED,
    )


def _lock_file(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            return  # a file system without locks: the process id decides
        owner = _parse(os.pread(descriptor, _MAX_BYTES, 0))
        if owner is not None:
            raise already_running(data, owner) from None
        raise Failure(
            f"onefunnel is just starting or stopping on {data}",
            because=("another process holds its lock",),
            help="try again in a moment",
            code="already-running",
            exit_code=REFUSED,
        ) from None


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _parse(raw: bytes) -> Owner | None:
    try:
        found, _ = json.JSONDecoder().raw_decode(raw.decode())
        return Owner(
            Mark(**found["host"]),
            str(found["url"]),
            {name: Mark(**mark) for name, mark in found["children"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
