"""Database URLs in libpq's style, and the roles and databases that they name."""

from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

APP_ROLE: Final = "onefunnel_app"  # answers requests; row policies hold it inside one tenant
WORKER_ROLE: Final = "onefunnel_worker"  # relays and folds; BYPASSRLS, never answers a request

DATABASES: Final = ("lead", "scoring", "content", "metrics", "gateway", "eventlog")
SCHEME: Final = "postgresql"


def database_of(package: str) -> str:
    """Return the name of a service's database: `lead` for `lead_service`."""
    return package.removesuffix("_service")


def url_of(server_url: str, database: str, *, role: str | None = None) -> str:
    """Return the URL of one database on the server, under `role` or the server URL's own user."""
    parts = urlsplit(server_url)
    credentials, _, host = parts.netloc.rpartition("@")
    netloc = f"{role or credentials}@{host}" if (role or credentials) else host
    # Built by hand: `urlunsplit` drops the empty host that stands for a Unix socket.
    query = f"?{parts.query}" if parts.query else ""
    return f"{SCHEME}://{netloc}/{database}{query}"


def sqlalchemy_url(url: str) -> str:
    """Return the same address for SQLAlchemy's asyncpg dialect."""
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql+asyncpg"))


def password_of(url: str) -> str | None:
    """Return the password that a URL carries, if any."""
    password = urlsplit(url).password
    return None if password is None else unquote(password)
