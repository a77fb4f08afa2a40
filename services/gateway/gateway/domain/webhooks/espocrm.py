"""EspoCRM: an HMAC beside the webhook's id; records in lists that say neither what happened nor when."""

import hmac
from collections.abc import Mapping
from datetime import datetime

from gateway.domain.webhooks.reading import (
    KINDS,
    Change,
    Told,
    a_list,
    an_object,
    digest_key,
    each,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import (
    MISSING,
    Received,
    Secret,
    Terms,
    Verdict,
    decoded64,
    mac,
    matched,
)


def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Check `Signature`, or `X-Signature` of versions before 9; both hold `id:mac`, in base64."""
    newer, older = received.header("signature"), received.header("x-signature")
    content = decoded64(newer or older)
    if not content:
        return MISSING
    webhook_id, _, signature = content.partition(b":")
    expected = terms.settings.get("webhook_id")
    if expected is not None and expected.encode() != webhook_id:
        return Verdict(reason="wrong-webhook")

    def fits(secret: Secret) -> bool:
        wanted = mac(secret.text.encode(), received.body)
        return hmac.compare_digest(signature, wanted.hex().encode() if newer else wanted)

    return matched(terms, fits)


def read(received: Received, terms: Terms) -> Told:
    """Read a list of records; what they are and what happened to them are settings of the connection."""
    entity, event = _settled(terms)
    records = a_list(parsed(received.body), "the body")
    return Told(each(records, lambda one: _change(an_object(one, "a record"), entity, event)))


def _settled(terms: Terms) -> tuple[str, str]:
    """Return what an endpoint is for; EspoCRM's own name of an event, `Opportunity.update`, says both."""
    entity, event = terms.settings.get("entity"), terms.settings.get("event", "update")
    named, dot, action = event.partition(".")
    if dot and named.lower() in KINDS:
        return entity or named, action
    return entity or "Opportunity", event


def _change(record: Mapping[str, object], entity: str, event: str) -> Change:
    fields = flat(record)
    what = f"{entity}.{event}"
    key = digest_key(what.encode(), str(sorted((k, v or "") for k, v in fields.items())))
    kind, id_ = KINDS.get(entity.lower()), text_of(record.get("id"))
    if kind is None or not id_:
        return Change(key, what, recurs=True)
    # Only a record that was made says when; sent once more later, it outranks no change since.
    at = instant(fields.get("modifiedAt")) or instant(fields.get("createdAt"))
    deleted = event == "delete" or None
    return Change(key, what, kind, id_, at, fields=fields, deleted=deleted, recurs=True)
