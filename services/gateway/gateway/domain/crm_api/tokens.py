"""Where each vendor gives out access tokens, how it is asked, and what it answers."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus, urlsplit

from gateway.domain.connection import GrantKind
from gateway.domain.crm_api.apis import is_vendors
from gateway.domain.crm_api.calls import FORM, Call, Reply
from gateway.domain.webhooks.reading import Unreadable, text_of

MAX_LIFE_S: Final = 86_400
# What OAuth calls a refusal; a vendor's words around it may repeat what was sent, and are not shown.
_ERROR: Final = re.compile(r"[a-z][a-z_]{1,39}", re.ASCII)
_REFRESH: Final[frozenset[GrantKind]] = frozenset({"refresh_token"})
_BOTH: Final[frozenset[GrantKind]] = frozenset({"refresh_token", "client_credentials"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is shown to get a token, in the clear for one question."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    directory: str = ""

    @property
    def kind(self) -> GrantKind:
        """Return the name that OAuth has for it."""
        return "refresh_token" if self.refresh_token else "client_credentials"


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """How one vendor is asked for a token."""

    path: str
    grants: frozenset[GrantKind]
    host: Callable[[str], str] = str  # where it is, by the host of the CRM's own address
    basic: bool = False  # the client says who it is in a header
    directory: bool = False  # the path names the client's directory
    scope: str = ""  # behind the CRM's address


@dataclass(frozen=True, slots=True)
class Given:
    """A token that was given; `refresh_token` is there where the one before is good no more."""

    token: str = field(repr=False)
    life_s: float | None
    refresh_token: str | None = field(repr=False)


def _accounts(host: str) -> str:
    region = host.removeprefix("www.zohoapis.")
    return "accounts.zohocloud.ca" if region == "ca" else f"accounts.zoho.{region}"


def _entra(host: str) -> str:
    if host.endswith(".us"):
        return "login.microsoftonline.us"
    if host.endswith(".cn"):
        return "login.partner.microsoftonline.cn"
    return "login.microsoftonline.com"


_SALESFORCE: Final = TokenEndpoint("/services/oauth2/token", _BOTH)
TOKENS: Final[Mapping[str, TokenEndpoint]] = {
    "hubspot": TokenEndpoint("/oauth/v1/token", _REFRESH),
    "salesforce": _SALESFORCE,
    "salesforce-flow": _SALESFORCE,
    "salesforce-cdc": _SALESFORCE,
    "zoho": TokenEndpoint("/oauth/v2/token", _REFRESH, _accounts),
    "pipedrive": TokenEndpoint(
        "/oauth/token", _REFRESH, lambda _: "oauth.pipedrive.com", basic=True
    ),
    "dynamics": TokenEndpoint(
        "/{directory}/oauth2/v2.0/token", _BOTH, _entra, directory=True, scope="/.default"
    ),
}


def asked_for(provider: str, url: str, shown: Credentials) -> Call:
    """Return the question for a token of a CRM at this address.

    A CRM that runs elsewhere than at its vendor gives out its tokens itself.
    """
    endpoint = TOKENS[provider]
    host = urlsplit(url).hostname or ""
    base = f"https://{endpoint.host(host)}" if is_vendors(provider, host) else url
    form: dict[str, str] = {"grant_type": shown.kind}
    headers = {"content-type": FORM}
    if endpoint.basic:
        pair = f"{quote_plus(shown.client_id)}:{quote_plus(shown.client_secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": shown.client_id, "client_secret": shown.client_secret}
    if shown.refresh_token:
        form["refresh_token"] = shown.refresh_token
    elif endpoint.scope:
        form["scope"] = url + endpoint.scope
    path = endpoint.path.format(directory=shown.directory)
    return Call("POST", path, form, headers, base=base)


def given_by(reply: Reply) -> Given | str:
    """Return the token of an answer, or the word that the vendor refuses with. Raises `Unreadable`.

    A refusal may come with status 200, and a life in milliseconds beside one in seconds.
    """
    try:
        content = reply.content()
    except Unreadable:
        if reply.status == 200:
            raise
        content = {}
    if reply.status != 200 or "error" in content:
        word = text_of(content.get("error")) or ""
        return word if _ERROR.fullmatch(word) else f"status {reply.status}"
    token = content.get("access_token")
    if not isinstance(token, str) or not token:
        raise Unreadable("the answer holds no access_token")
    refresh = content.get("refresh_token")
    life = text_of(content.get("expires_in_sec", content.get("expires_in"))) or ""
    life_s = min(int(life), MAX_LIFE_S) if life.isascii() and life.isdecimal() else None
    return Given(token, life_s, refresh if isinstance(refresh, str) and refresh else None)
