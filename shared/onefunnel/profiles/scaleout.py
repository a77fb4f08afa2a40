"""The scale-out profile: Kafka for a log, one database per service on any servers, services over HTTP.

A profile is a module with `Settings`, `migrate` and `open_runtime`. Each process is one service in one
part; what it is not told it does not need.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.types import ASGIApp

from onefunnel.errors import Refused
from onefunnel.log.kafka_access import Access, Mechanism
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import KafkaTopics
from onefunnel.persistence.migrations import upgrade
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE, database_of, password_of, url_of
from onefunnel.profiles.assembly import Part, runtime_on
from onefunnel.profiles.clients import Clients
from onefunnel.profiles.databases import Databases
from onefunnel.profiles.roles import check_app_role, check_worker_role
from onefunnel.runtime import Runtime
from onefunnel.wakeups import Wakeups

SAFE: Final = Copies(replication=3, min_isr=2)


class Settings(BaseSettings):
    """What this profile is told, read once from the environment. URLs name a server and no database."""

    model_config = SettingsConfigDict(
        env_prefix="ONEFUNNEL_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    owner_url: Annotated[str | None, Field(repr=False)] = (
        None  # `migrate`: who may make databases and roles
    )
    app_url: Annotated[str | None, Field(repr=False)] = (
        None  # `serve`: the role that row policies hold
    )
    worker_url: Annotated[str | None, Field(repr=False)] = (
        None  # `work`, and `serve` where it looks at all tenants
    )
    kafka_bootstrap: str
    kafka_replication: int = SAFE.replication
    kafka_min_isr: int = SAFE.min_isr
    kafka_small: bool = False  # fewer copies than are safe: a broker that is lost loses events
    kafka_prefix: str = ""  # of topics, where installations share a cluster
    kafka_tls: bool = False
    kafka_ca_file: str | None = None  # PEM; who signed the brokers' certificates
    kafka_certificate_file: str | None = None  # PEM with its key; our own, where brokers ask for it
    kafka_user: str | None = None  # SASL
    kafka_password: SecretStr | None = None
    kafka_mechanism: Mechanism = "SCRAM-SHA-512"
    internal_key: SecretStr  # what the services' principals are signed with
    vault_key: SecretStr = SecretStr("")  # what the keys of people are wrapped by; else the above
    service_urls: Mapping[str, str] = {}  # the other services, by name

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        few = self.kafka_replication < SAFE.replication or self.kafka_min_isr < SAFE.min_isr
        if few and not self.kafka_small:
            raise ValueError(
                f"KAFKA_REPLICATION {self.kafka_replication} and KAFKA_MIN_ISR {self.kafka_min_isr}"
                f" are below {SAFE.replication} and {SAFE.min_isr}: acknowledged events could be"
                " lost with one broker; ONEFUNNEL_KAFKA_SMALL=true accepts that"
            )
        return self

    @model_validator(mode="after")
    def _can_speak(self) -> Self:
        if (self.kafka_user is None) != (self.kafka_password is None):
            raise ValueError("KAFKA_USER and KAFKA_PASSWORD go together")
        if self.kafka_user is not None and self.kafka_mechanism == "PLAIN" and not self.kafka_tls:
            raise ValueError(
                "KAFKA_MECHANISM=PLAIN shows the password to the network: set KAFKA_TLS=true"
            )
        if not self.kafka_tls and (self.kafka_ca_file or self.kafka_certificate_file):
            raise ValueError("KAFKA_CA_FILE and KAFKA_CERTIFICATE_FILE want KAFKA_TLS=true")
        return self

    @property
    def access(self) -> Access:
        """Return how brokers are talked to."""
        password = self.kafka_password
        return Access(
            tls=self.kafka_tls,
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            user=self.kafka_user,
            password=password.get_secret_value() if password else None,
            mechanism=self.kafka_mechanism,
        )

    @property
    def copies(self) -> Copies:
        """Return how many copies of a record there must be."""
        return Copies(self.kafka_replication, self.kafka_min_isr)


async def migrate(settings: Settings, packages: Sequence[str]) -> None:
    """Make roles, topics and the databases of the given services, and bring these up to date."""
    server = _told(settings.owner_url, "ONEFUNNEL_OWNER_URL")
    urls = {APP_ROLE: settings.app_url, WORKER_ROLE: settings.worker_url}
    passwords = {
        role: password for role, url in urls.items() if url and (password := password_of(url))
    }
    await provision(server, [database_of(package) for package in packages], passwords)
    for package in packages:  # one by one: Alembic's `op` stands for one migration at a time
        await upgrade(url_of(server, database_of(package)), package)
    topics = _topics(settings)
    try:
        await topics.create()
    finally:
        await topics.close()


def open_runtime(
    settings: Settings, *, part: Part, checks: Sequence[str], apps: Mapping[str, ASGIApp]
) -> Runtime:
    """Return the runtime of one process. `apps` may be filled after, as services are built on it.

    Nothing is connected to yet. `Runtime.check` looks at the roles of the databases in `checks` that
    the part works under, and where it works on the log, at the topics.
    """
    wakeups = Wakeups()
    return runtime_on(
        Databases(partial(_database_url, settings)),
        KafkaLog(settings.kafka_bootstrap, prefix=settings.kafka_prefix, access=settings.access),
        internal_key=settings.internal_key.get_secret_value().encode(),
        clients=Clients(apps, settings.service_urls),
        wake=wakeups.wake,
        wakeups=wakeups,
        vault_key=settings.vault_key.get_secret_value().encode(),
        check=partial(_check, settings, part, checks),
    )


async def _check(settings: Settings, part: Part, names: Sequence[str]) -> None:
    if part == "web":
        server = _told(settings.app_url, "ONEFUNNEL_APP_URL")
        for name in names:
            await check_app_role(url_of(server, name))
        return
    server = _told(settings.worker_url, "ONEFUNNEL_WORKER_URL")
    for name in names:
        await check_worker_role(url_of(server, name))
    topics = _topics(settings)
    try:
        await topics.check()
    finally:
        await topics.close()


def _topics(settings: Settings) -> KafkaTopics:
    return KafkaTopics(
        settings.kafka_bootstrap,
        settings.copies,
        prefix=settings.kafka_prefix,
        access=settings.access,
    )


def _database_url(settings: Settings, name: str, role: str) -> str:
    """Return where a service's database is under a role.

    A pool is asked for in every part and opened in those that use it. One whose server nobody told
    us has no address but a word that the driver repeats to whoever does open it.
    """
    if role == APP_ROLE:
        url, missing = settings.app_url, "onefunnel-app-url-is-not-set"
    else:
        url, missing = settings.worker_url, "onefunnel-worker-url-is-not-set"
    return f"{missing}://{name}" if url is None else url_of(url, name)


def _told(value: str | None, variable: str) -> str:
    if value is None:
        raise Refused(f"{variable} is not set")
    return value
