"""The rows of the catalogue of bad input, and the request that each of them stands for."""

import base64
import hashlib
import hmac
import json
import operator
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from onefunnel.runtime import ServiceResponse

from .stage import Stage

CATALOGUE: Final = Path(__file__).with_name("bad_input")
CANARY: Final = "canary-5f1e"  # in what is sent; never in what is answered
JSON: Final = {"content-type": "application/json"}
PROVIDERS: Final = ("standard", "cloudevents")

Row = dict[str, Any]
_GROUP: Final = re.compile(r"(\d+) ")


class _Loader(yaml.SafeLoader):
    """YAML with three words more, for what nobody wants to read in full."""


_Loader.add_constructor("!times", lambda yml, node: operator.mul(*yml.construct_sequence(node)))
_Loader.add_constructor("!joined", lambda yml, node: "".join(yml.construct_sequence(node)))
_Loader.add_constructor("!repeated", lambda yml, node: _repeated(*yml.construct_sequence(node)))


def _repeated(text: str, times: int) -> list[str]:
    return [text] * times


def rows() -> list[Row]:
    """Return the rows of every section."""
    pages = sorted(CATALOGUE.glob("[a-z]_*.yaml"))
    return [row for page in pages for row in yaml.load(page.read_text(), _Loader)]


def group_of(row: Row) -> int | None:
    """Return the number of the group that a row is a case of."""
    found = _GROUP.match(row["name"])
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Crm:
    """A connection of the stage's tenant, and what its CRM signs with."""

    path: str
    secret: str

    def signed(self, body: str, *, at: float = 0, secret: str | None = None) -> dict[str, str]:
        """Return the headers of Standard Webhooks for a body that is sent `at` seconds from now."""
        id_, stamp = "msg_1", str(int(time.time() + at))
        key = base64.b64decode((secret or self.secret).removeprefix("whsec_"))
        mac = hmac.digest(key, f"{id_}.{stamp}.{body}".encode(), hashlib.sha256)
        signature = "v1," + base64.b64encode(mac).decode()
        return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}


def connected(stage: Stage, provider: str) -> Crm:
    """Connect a CRM."""
    body = json.dumps({"provider": provider, "name": "a CRM"}).encode()
    made = stage.ask("POST", "/v1/connections", headers=JSON, body=body)
    assert made.status == 201, made.body
    found = json.loads(made.body)
    return Crm("/v1/webhooks/" + found["url"].partition("/v1/webhooks/")[2], found["secret"])


def asked(stage: Stage, crms: Mapping[str, Crm], row: Row) -> ServiceResponse:
    """Send the request of a row, and return the answer."""
    body = row.get("body", "")
    target, role, headers = "/v1/leads", row.get("role", "admin"), JSON
    if (sent := row.get("webhook")) is not None:
        signed = crms["standard"].signed(
            sent.get("signs", body), at=sent.get("at", 0), secret=sent.get("secret")
        )
        path = crms[sent.get("to", "standard")].path
        target, role, headers = path, None, {**JSON, **signed}
    return stage.ask(
        row.get("method", "POST"),
        row.get("target", target),
        headers={**headers, **row.get("headers", {})},
        body=body.encode(),
        role=role,
    )
