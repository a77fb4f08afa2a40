"""Restoring a backup into an empty directory."""

import asyncio
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import asyncpg

from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import DATABASES
from standalone.archive.backup import COMPANIONS
from standalone.archive.manifest import NAME, Manifest, Part, not_a_backup, read_manifest
from standalone.console.failure import REFUSED, Failure
from standalone.host import lock, postgres
from standalone.host.processes import mark_of
from standalone.host.wiring import ERASED

_MAX_SMALL_BYTES: Final = 1_000_000
_POSITIONS: Final = "SELECT topic, partition, next_position, log_id FROM stream_partition"
_ENDS: Final = """
SELECT t.name, h.partition, h.next_position, h.log_start, m.log_id
FROM head h JOIN topic t ON t.id = h.topic_id CROSS JOIN meta m"""


def restore(data: Path, file: Path, erased: Path | None = None) -> Manifest:
    """Make a stack out of a backup. The directory must hold none; a failure leaves none behind.

    Who is on the list `erased` is erased anew before the stack serves.
    """
    with _opened(file) as archive:
        manifest = read_manifest(_small(archive, NAME))
        _refuse_newer(manifest)
        data.mkdir(parents=True, exist_ok=True)
        held = lock.acquire(data, mark_of(os.getpid()))
        try:
            _refuse_used(data)
            try:
                _restore_into(data, archive, manifest)
                if erased is not None:
                    _write_private(data / ERASED, erased.read_bytes())
            except BaseException:
                shutil.rmtree(data / "postgres", ignore_errors=True)
                raise
        finally:
            held.release()
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:") as archive:
            yield archive
    except OSError as error:
        raise not_a_backup(error.strerror or str(error)) from None
    except tarfile.TarError as error:
        raise not_a_backup(f"it is no archive, or a torn one: {error}") from None


def _refuse_used(data: Path) -> None:
    if (data / "postgres").exists():
        raise Failure(
            f"{data} already holds data",
            because=("a restore never overwrites",),
            help="restore into a new directory:  onefunnel restore --data NEW FILE",
            code="data-exists",
            exit_code=REFUSED,
        )


def _refuse_newer(manifest: Manifest) -> None:
    from importlib.metadata import version

    mine = version("onefunnel-standalone")
    if _numbers(manifest.onefunnel) > _numbers(mine):
        raise not_a_backup(f"onefunnel {manifest.onefunnel} made it and this is {mine}")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _restore_into(data: Path, archive: tarfile.TarFile, manifest: Manifest) -> None:
    server = postgres.start(data)
    try:
        asyncio.run(provision(server.url("postgres"), DATABASES))
        for part in manifest.databases:
            _restore_part(server, archive, part)
        asyncio.run(_check_positions(server))
    finally:
        postgres.stop(server)
    for companion in COMPANIONS:
        if companion in archive.getnames():
            _write_private(data / companion, _small(archive, companion))


def _restore_part(server: LocalServer, archive: tarfile.TarFile, part: Part) -> None:
    dump = server.directory / f"onefunnel-restore-{part.name}"
    try:
        _unpack(archive, part, dump)
        name = part.name.removesuffix(".dump")
        server.run_tool("pg_restore", "--exit-on-error", "-d", server.url(name), str(dump))
    except RuntimeError as error:
        raise Failure(
            f"the database {part.name} could not be restored",
            because=tuple(str(error).splitlines()[:3]),
            help="nothing was kept; is the disk full?",
            code="restore-failed",
        ) from None
    finally:
        dump.unlink(missing_ok=True)


def _unpack(archive: tarfile.TarFile, part: Part, to: Path) -> None:
    member = archive.extractfile(part.name) if part.name in archive.getnames() else None
    if member is None:
        raise not_a_backup(f"{part.name} is missing")
    digest = sha256()
    with to.open("wb") as file:
        while block := member.read(1 << 20):
            digest.update(block)
            file.write(block)
    to.chmod(0o644)  # PostgreSQL may run as another user; the directory is closed to all others
    if digest.hexdigest() != part.sha256:
        raise not_a_backup(f"{part.name} is damaged")


async def _check_positions(server: LocalServer) -> None:
    """Compare what consumers have read with what the log has: they must agree."""
    log = await asyncpg.connect(server.url("eventlog"))
    try:
        ends = {(row["name"], row["partition"]): row for row in await log.fetch(_ENDS)}
    finally:
        await log.close()
    for name in DATABASES:
        await _check_consumer(server.url(name), name, ends)


async def _check_consumer(
    url: str, name: str, ends: Mapping[tuple[str, int], asyncpg.Record]
) -> None:
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT to_regclass('stream_partition') IS NOT NULL"):
            return
        rows = await connection.fetch(_POSITIONS)
    finally:
        await connection.close()
    for row in rows:
        end = ends.get((row["topic"], row["partition"]))
        if end is None or row["log_id"] != end["log_id"] or not _within(row, end):
            raise not_a_backup(f"{name} has read what the log of this backup does not have")


def _within(row: asyncpg.Record, end: asyncpg.Record) -> bool:
    return bool(end["log_start"] <= row["next_position"] <= end["next_position"])


def _small(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name) if name in archive.getnames() else None
    if member is None:
        raise not_a_backup(f"{name} is missing")
    return member.read(_MAX_SMALL_BYTES)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
