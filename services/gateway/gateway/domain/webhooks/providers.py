"""Every CRM we know: how its requests are checked, how they are read, what it needs of an answer."""

import base64
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway.domain.webhooks import (
    close,
    cloudevents,
    dynamics,
    espocrm,
    hubspot,
    odoo,
    papermark,
    pipedrive,
    salesforce,
    salesforce_captured,
    standard,
    twenty,
    zoho,
)
from gateway.domain.webhooks.reading import Told
from gateway.domain.webhooks.request import Received, Terms, Verify, path_secret

Media = Literal["json", "xml"]


@dataclass(frozen=True, slots=True)
class Accounts:
    """How a vendor speaks of several accounts in one call."""

    setting: str  # names the account of a connection
    named: Callable[[bytes], frozenset[str]]
    parted: Callable[[bytes, Collection[str]], tuple[Mapping[str, bytes], bytes]]


@dataclass(frozen=True, slots=True)
class Provider:
    """One vendor."""

    name: str
    verify: Verify
    read: Callable[[Received, Terms], Told]
    # Whether a body can be read at all, where that is quicker to say than to read it.
    check: Callable[[Received, Terms], object] | None = None
    media: Media = "json"
    prefix: str = ""  # what a secret that we make begins with
    needs_url: bool = False  # signs the address, so we have to know it
    needs: tuple[str, ...] = ()  # settings without which nothing can be checked
    asks_first: bool = False  # sends OPTIONS before it delivers
    status: int = 200  # of what was stored
    makes_secrets: bool = False  # the vendor's own secret has to be given to us
    kept: Callable[[bytes], bytes] = bytes  # the body without what may not be kept of it
    takes: Callable[[str], bool] = bool  # whether a secret can be one of this vendor's
    accounts: Accounts | None = None

    def new_secret(self) -> str:
        """Return a secret for those who let us choose it: 256 random bits."""
        if self.prefix == standard.PREFIX:
            return self.prefix + base64.b64encode(secrets.token_bytes(32)).decode()
        return self.prefix + secrets.token_urlsafe(32)


_ALL: Final = (
    Provider(
        "hubspot",
        hubspot.verify,
        hubspot.read,
        hubspot.events_of,
        needs_url=True,
        makes_secrets=True,
        accounts=Accounts("portal_id", hubspot.portals_in, hubspot.parted),
    ),
    Provider(
        "salesforce",
        salesforce.verify_message,
        salesforce.read_message,
        media="xml",
        needs=("organization_id",),
        kept=salesforce.without_session,
    ),
    Provider("salesforce-flow", salesforce.verify_flow, salesforce.read_flow),
    Provider("salesforce-cdc", cloudevents.verify, salesforce_captured.read),
    Provider("pipedrive", pipedrive.verify, pipedrive.read, prefix="onefunnel:"),
    Provider(
        "standard", standard.verify, standard.read, prefix=standard.PREFIX, takes=standard.is_key
    ),
    Provider("cloudevents", cloudevents.verify, cloudevents.read, asks_first=True, status=202),
    Provider("zoho", zoho.verify, zoho.read, takes=zoho.is_token),
    Provider("dynamics", dynamics.verify, dynamics.read),
    Provider("close", close.verify, close.read, makes_secrets=True, takes=close.is_key),
    Provider("espocrm", espocrm.verify, espocrm.read, makes_secrets=True),
    Provider("twenty", twenty.verify, twenty.read),
    Provider("odoo", path_secret, odoo.read),
    Provider("papermark", papermark.verify, papermark.read, makes_secrets=True),
)
PROVIDERS: Final[Mapping[str, Provider]] = {provider.name: provider for provider in _ALL}
