"""Which addresses of other people's servers may be called: none that leads back into our own network.

A URL that somebody gives us is judged three times: its text, what its name stands for when it is
given, and what its name stands for at each connection. The rules are data, so that they can be read.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

MAX_URL: Final = 2_000
MAX_NAME: Final = 253
LOOK_UP_TIMEOUT_S: Final = 5.0
PORTS: Final = frozenset({443, 8443})
FIRST_OPEN_PORT: Final = 1025  # where loopback is allowed: no test may own a lower one

# Names that are a machine's, a cluster's or a household's own, whatever they stand for.
INTERNAL_SUFFIXES: Final = (
    ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".corp",
    ".private", ".home.arpa", ".in-addr.arpa", ".ip6.arpa", ".invalid", ".onion", ".svc",
)  # fmt: skip
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Global by the registry, and yet a way to an address that is not: relays, translation, tunnels.
REFUSED_V4: Final = tuple(
    map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4"))
)
UNICAST_V6: Final = IPv6Network("2000::/3")
REFUSED_V6: Final = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
# One reading for everybody: no user, no fragment, no backslash, nothing that is not plain ASCII.
_URL: Final = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]*)?",
    re.ASCII,
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class NotAllowed(Exception):
    """A URL, or what its name stands for, may not be called. The text says why and repeats nothing."""


class NoSuchName(NotAllowed):
    """Nobody has this name."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be called. `loopback` lets tests and trials call servers on this machine."""

    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A URL whose text is allowed."""

    url: str
    host: str  # as a resolver takes it
    port: int


def target_of(url: str, rules: Rules) -> Target:
    """Return what a URL names; raise `NotAllowed` if its text alone rules it out."""
    if len(url) > MAX_URL:
        raise NotAllowed(f"It is longer than {MAX_URL} characters.")
    found = _URL.fullmatch(url)
    if found is None:
        raise NotAllowed("It is no plain https URL: without user, fragment and other than ASCII.")
    host = found["host"].lower()
    at_home = rules.loopback and host in _LOOPBACK_HOSTS
    if found["scheme"] != "https" and not (at_home and found["scheme"] == "http"):
        raise NotAllowed("Only https is called.")
    port = int(found["port"] or (443 if found["scheme"] == "https" else 80))
    if port not in PORTS and not (rules.loopback and FIRST_OPEN_PORT <= port <= 65_535):
        raise NotAllowed("Only the ports 443 and 8443 are called.")
    if not at_home:
        _check_host(host, rules)
    return Target(url, host.strip("[]"), port)


def check_addresses(addresses: Sequence[str], rules: Rules) -> None:
    """Raise `NotAllowed` unless every address is one of the public Internet: one bad one spoils all."""
    if not addresses:
        raise NoSuchName("Its name has no address.")
    if not all(is_allowed(ip_address(one.partition("%")[0]), rules) for one in addresses):
        raise NotAllowed("It leads to an address that is not public.")


def is_allowed(address: Address, rules: Rules) -> bool:
    """Say whether one address may be connected to."""
    if rules.loopback and address.is_loopback:
        return True
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in one for one in REFUSED_V4)
    return address in UNICAST_V6 and not any(address in one for one in REFUSED_V6)


async def check_target(target: Target, rules: Rules, resolve: Resolve) -> None:
    """Raise `NotAllowed` if the name of a target does not stand for public addresses alone.

    A name server that does not answer is no reason to refuse: each connection asks it again.
    """
    try:
        async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
            check_addresses(await resolve(target.host, target.port), rules)
    except TimeoutError:
        return
    except socket.gaierror as error:
        if error.errno in {socket.EAI_AGAIN, socket.EAI_FAIL}:
            return
        raise NoSuchName("Its name has no address.") from error


async def resolved(host: str, port: int) -> list[str]:
    """Return the addresses that a name stands for now, an address itself."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _check_host(host: str, rules: Rules) -> None:
    if host.startswith("["):
        check_addresses([host.strip("[]")] if _is_address(host.strip("[]")) else [], rules)
        return
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # every resolver may read it as an address, in its own way
        if not _is_address(host):
            raise NotAllowed("An address is written as four decimal numbers.")
        check_addresses([host], rules)
        return
    if len(host) > MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise NotAllowed(
            "Its host is no name of the Internet; one with letters beyond ASCII is xn--."
        )
    if len(labels) < 2 or f".{host}".endswith(INTERNAL_SUFFIXES):
        raise NotAllowed("Its host is an internal name.")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
