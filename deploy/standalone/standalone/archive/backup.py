"""Writing a backup."""

import asyncio
import io
import os
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import asyncpg

from onefunnel.clock import SystemClock
from onefunnel.persistence.local_server import MAJOR, LocalServer
from onefunnel.persistence.urls import DATABASES
from standalone.archive.manifest import NAME, Manifest, Part
from standalone.console.failure import REFUSED, USAGE, Failure
from standalone.host import keys
from standalone.host.borrowing import borrowed_server

FREEZE_WITHIN_MS: Final = 30_000
AT_ONCE: Final = 2
# Kept beside the databases: without them the command could not use the restored stack.
COMPANIONS: Final = (keys.NAME, "internal.key", "demo.loaded")


def back_up(data: Path, file: Path) -> Manifest:
    """Write a backup of a stack, running or not, into a new file."""
    if file.exists():
        raise Failure(
            f"{file} exists",
            because=("a backup never overwrites a file",),
            help="choose another name, or remove it first",
            code="file-exists",
            exit_code=USAGE,
        )
    with borrowed_server(data) as server:
        return asyncio.run(_write(data, server, file))


async def _write(data: Path, server: LocalServer, file: Path) -> Manifest:
    dumps = [server.directory / f"onefunnel-backup-{os.getpid()}-{name}" for name in DATABASES]
    try:
        async with _frozen_log(server):
            await _dump_all(server, dumps)
        return await asyncio.to_thread(_pack, data, dumps, file)
    finally:
        for dump in dumps:
            dump.unlink(missing_ok=True)


@asynccontextmanager
async def _frozen_log(server: LocalServer) -> AsyncIterator[None]:
    """Keep the log as it is: appends wait, reads and all other writes go on."""
    connection = await asyncpg.connect(server.url("eventlog"))
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SET LOCAL lock_timeout = {FREEZE_WITHIN_MS}")
        await connection.execute("LOCK TABLE head IN SHARE MODE")
        yield
        await transaction.rollback()
    except asyncpg.LockNotAvailableError:
        raise Failure(
            "the log could not be held still",
            because=("something has been appending to it for 30 seconds in one go",),
            help="try again in a moment",
            code="log-busy",
            exit_code=REFUSED,
        ) from None
    finally:
        await connection.close()


async def _dump_all(server: LocalServer, dumps: Sequence[Path]) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def dump(name: str, to: Path) -> None:
        async with turn:
            await asyncio.to_thread(
                server.run_tool, "pg_dump", "-Fc", "-Z", "1", "-f", str(to), "-d", server.url(name)
            )

    await asyncio.gather(*(dump(name, to) for name, to in zip(DATABASES, dumps, strict=True)))


def _pack(data: Path, dumps: Sequence[Path], file: Path) -> Manifest:
    parts = tuple(_part(name, dump) for name, dump in zip(DATABASES, dumps, strict=True))
    made_at = SystemClock().now().isoformat(timespec="seconds")
    manifest = Manifest(version("onefunnel-standalone"), MAJOR, made_at, parts)
    unfinished = file.with_name(f"{file.name}.part")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
        _add_bytes(archive, NAME, manifest.text().encode())
        for companion in COMPANIONS:
            if (data / companion).exists():
                _add_bytes(archive, companion, (data / companion).read_bytes())
        for part, dump in zip(parts, dumps, strict=True):
            archive.add(dump, part.name, filter=_plain)
        archive.close()
        raw.flush()
        os.fsync(raw.fileno())
    unfinished.rename(file)
    return manifest


def _part(name: str, dump: Path) -> Part:
    with dump.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return Part(f"{name}.dump", dump.stat().st_size, digest.hexdigest())


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    archive.addfile(info, io.BytesIO(content))


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info
