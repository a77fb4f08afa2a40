"""Every CRM that we can ask, and at which addresses we do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.domain.crm_api import dynamics, hubspot, pipedrive, salesforce, zoho
from gateway.domain.crm_api.calls import Api, bearer

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)

_SALESFORCE: Final = Api(
    hosts=rf"{_LABEL}(\.{_LABEL})?\.my\.salesforce\.com",
    url="",
    authorized=bearer,
    granted=bearer,
    call_every_ms=200,
    max_ids=salesforce.MAX_IDS,
    read=salesforce.read,
    records=salesforce.records,
    changes=salesforce.Queried(),
)
APIS: Final[Mapping[str, Api]] = {
    "hubspot": Api(
        hosts=r"api(-[a-z]{2,4}\d)?\.hubapi\.com",
        url="https://api.hubapi.com",
        authorized=bearer,
        granted=bearer,
        call_every_ms=250,  # a search may be asked for four times a second, a read more often
        max_ids=hubspot.MAX_IDS,
        read=hubspot.read,
        records=hubspot.records,
        changes=hubspot.Searched(),
    ),
    "zoho": Api(
        hosts=r"www\.zohoapis\.(com|eu|in|jp|sa|ca|com\.au|com\.cn|uk)",
        url="",
        authorized=zoho.authorized,
        granted=zoho.authorized,
        call_every_ms=200,
        max_ids=zoho.MAX_IDS,
        read=zoho.read,
        records=zoho.records,
        changes=zoho.Queried(),
        channels=zoho.Watched(),
    ),
    "dynamics": Api(
        hosts=rf"{_LABEL}\.(api\.)?crm\d{{0,2}}\.(dynamics\.com|microsoftdynamics\.us|dynamics\.cn)",
        url="",
        authorized=bearer,
        granted=bearer,
        call_every_ms=50,  # 6,000 in five minutes
        max_ids=1,
        read=dynamics.read,
        records=dynamics.records,
        changes=dynamics.Listed(),
        answers=frozenset({200, 404}),
    ),
    "pipedrive": Api(
        hosts=rf"{_LABEL}\.pipedrive\.com",
        url="https://api.pipedrive.com",
        authorized=pipedrive.authorized,
        granted=bearer,
        call_every_ms=200,
        max_ids=1,
        changes=pipedrive.Listed(),
    ),
    "salesforce": _SALESFORCE,
    "salesforce-flow": _SALESFORCE,
    "salesforce-cdc": _SALESFORCE,
}


def is_vendors(provider: str, host: str) -> bool:
    """Say whether a host is the vendor's own."""
    known = _HOST.fullmatch(host) and re.fullmatch(APIS[provider].hosts, host, re.ASCII)
    return known is not None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a connection's address may lead: to its vendor, and to what the installation allows besides.

    `extra` holds host names of CRMs that run elsewhere. Loopback is for trying things out alone.
    """

    extra: Sequence[str] = ()
    loopback: bool = False

    def why_not(self, provider: str, url: str) -> str | None:
        """Return what is wrong with an address, None if it may be asked."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return "This is no address."
        if parts.username or parts.query or parts.fragment or parts.path.strip("/"):
            return "Give the scheme and the host alone."
        if self.loopback and host in _LOOPBACK:
            return None
        if parts.scheme != "https" or port not in {None, 443}:
            return "The CRM has to be asked over https."
        if not is_vendors(provider, host) and host not in self.extra:
            return "This host is not this CRM's; an operator can allow one of your own."
        return None
