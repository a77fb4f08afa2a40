"""One Kafka broker of the test's own: fetched by Maven, run by Java, no Docker.

It keeps its data and its ports for as long as it lives, so that a test may kill it, freeze it and
start it again, and clients find the same broker at the same place. It has a second door: who comes
in there is told to come back through a port where only a test's proxy listens.
"""

import base64
import fcntl
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from onefunnel.ids import new_id
from onefunnel.testing.waiting import wait_until

POM: Final = Path(__file__).resolve().parents[3] / "deploy" / "kafka" / "pom.xml"
READY: Final = "Kafka Server started"
READY_S: Final = 60.0
HOST: Final = "127.0.0.1"
# Below the range that the system gives to outgoing connections: there a client that looks for a dead
# broker on its own machine can be given the broker's port, connect to itself and keep it.
PORTS: Final = range(12_000, 20_000)
PROTOCOLS: Final = "OPEN:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL"
JAVA: Final = (
    "java", "-Xmx384m", "-Xms384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Secured:
    """A second way in: over TLS, with the broker's certificate, for one user."""

    certificate: str  # PEM
    key: str  # PEM, PKCS 8
    user: str
    password: str


class BrokerFailed(Exception):
    """The broker ended before it was ready; the message is the end of its log."""


def can_run() -> bool:
    """Say whether this machine has what it takes: Java and Maven."""
    return bool(shutil.which("java") and shutil.which("mvn"))


def image() -> str:
    """Return the container image of the version that Maven fetches."""
    version = ET.parse(POM).findtext("{*}dependencies/{*}dependency/{*}version")
    return f"apache/kafka:{version}"


class LocalBroker:
    """A broker and its controller in one process, with a directory of its own."""

    def __init__(self, directory: Path, secured: Secured | None = None) -> None:
        self._directory = directory
        self._secured = secured
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = _free_ports()
        self._log = directory / "broker.log"

    @property
    def bootstrap(self) -> str:
        """Return the address for clients; it stays the same through restarts."""
        return f"{HOST}:{self._ports[0]}"

    @property
    def secured_bootstrap(self) -> str:
        """Return the address of the way in that is secured, if there is one."""
        return f"{HOST}:{self._ports[4]}"

    @property
    def behind_proxy(self) -> tuple[str, int]:
        """Return the address that a proxy connects to."""
        return HOST, self._ports[2]

    @property
    def proxy_port(self) -> int:
        """Return the port on which clients of the second door look for the broker."""
        return self._ports[3]

    @property
    def data(self) -> Path:
        """Return the directory of its logs."""
        return self._directory / "data"

    def create(self) -> None:
        """Format the storage and start. Where somebody took a port just now, take others."""
        self._directory.mkdir(parents=True, exist_ok=True)
        cluster = base64.urlsafe_b64encode(new_id().bytes).rstrip(b"=").decode()
        self._configure()
        subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._settings, *self._users()),
            check=True, capture_output=True,
        )  # fmt: skip
        for _ in range(5):
            try:
                return self.start()
            except BrokerFailed as failure:
                if "BindException" not in str(failure):
                    raise
                self._ports = _free_ports()
                self._configure()
        raise BrokerFailed("no free port")

    def start(self) -> None:
        """Start on the data that is there and return when it serves."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", self._settings),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: READY in self._said() or not self.running, limit_s=READY_S)
        if not self.running:
            raise BrokerFailed(self._said()[-2_000:])

    @property
    def running(self) -> bool:
        """Say whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def freeze(self) -> None:
        """Stop its process in the middle of whatever it does; connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def _settings(self) -> str:
        return str(self._directory / "server.properties")

    def _java(self, *arguments: str) -> Sequence[str]:
        return [*JAVA, "-cp", f"{fetched_jars()}/*", *arguments]

    def _configure(self) -> None:
        public, controller, behind, proxy, closed = (f"{HOST}:{port}" for port in self._ports)
        secured = f",SECURED://{closed}" if self._secured else ""
        Path(self._settings).write_text(
            "\n".join(
                [
                    "process.roles=broker,controller",
                    "node.id=1",
                    f"controller.quorum.voters=1@{controller}",
                    "controller.listener.names=CONTROLLER",
                    f"listeners=OPEN://{public},PROXIED://{behind},CONTROLLER://{controller}{secured}",
                    f"advertised.listeners=OPEN://{public},PROXIED://{proxy}{secured}",
                    f"listener.security.protocol.map={PROTOCOLS}",
                    "inter.broker.listener.name=OPEN",
                    f"log.dirs={self.data}",
                    "auto.create.topics.enable=false",
                    "broker.session.timeout.ms=2000",  # how long a killed one is waited for
                    "broker.heartbeat.interval.ms=500",
                    "offsets.topic.replication.factor=1",
                    "group.initial.rebalance.delay.ms=0",
                    "num.network.threads=2",
                    "num.io.threads=2",
                    "log.cleaner.enable=false",
                    *(_properties(self._secured) if self._secured else ()),
                ]
            )
        )

    def _users(self) -> Sequence[str]:
        if self._secured is None:
            return ()
        named = f"name={self._secured.user},password={self._secured.password}"
        return "--add-scram", f"SCRAM-SHA-512=[{named}]"


def _properties(secured: Secured) -> Sequence[str]:
    pem = [text.strip().replace("\n", "\\n") for text in (secured.certificate, secured.key)]
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return (
        "sasl.enabled.mechanisms=SCRAM-SHA-512",
        f"listener.name.secured.scram-sha-512.sasl.jaas.config={scram}",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.certificate.chain={pem[0]}",
        f"ssl.keystore.key={pem[1]}",
    )


def fetched_jars() -> Path:
    """Return the directory of the broker's jars, fetched once; several processes may ask at once."""
    version = sha256(POM.read_bytes()).hexdigest()[:12]
    jars = POM.parent / "jars" / version
    if jars.exists():
        return jars
    jars.parent.mkdir(exist_ok=True)
    with (jars.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.exists():
            unfinished = jars.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            subprocess.run(
                ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies",
                 "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"],
                check=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            unfinished.rename(jars)
    return jars


def _free_ports() -> Sequence[int]:
    """Return five ports that nobody listens on; processes that look at once begin at different places."""
    found = _free_from(PORTS.start + (os.getpid() * 37) % len(PORTS))
    return list(islice(found, 5))


def _free_from(first: int) -> Iterator[int]:
    for at in range(len(PORTS)):
        port = PORTS.start + (first - PORTS.start + at) % len(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                yield port
