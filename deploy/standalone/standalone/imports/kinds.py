"""What a set can make: which fields each kind has, and what may have happened to it.

This is the vocabulary of a mapping. It follows the commands of `POST /v1/batches`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Type = Literal[
    "text", "code", "step", "currency", "instant", "day", "money", "cost", "quantity", "share",
    "choice", "reference",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spec:
    """The type of a field; `of` is the kind a reference points to."""

    type: Type
    required: bool = False
    choices: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that may have happened to the row's subject: a command of its own.

    It did where `when` holds, or, without `when`, where the field `dated_by` has a value.
    """

    command: str
    fields: Mapping[str, Spec]
    dated_by: str = "at"
    many: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of set: the command that makes its subject, its fields, and what may happen to it."""

    command: str
    fields: Mapping[str, Spec]
    happenings: Mapping[str, Happening]


_TEXT: Final = Spec("text")
_CODE: Final = Spec("code")
_AT: Final = Spec("instant", required=True)
_PERSON: Final = Spec("reference", of="people")

_PEOPLE = Kind(
    "person.put",
    {
        "name": Spec("text", required=True),
        "kind": Spec("choice", True, ("rep", "marketer", "manager", "executive")),
        "manager": _PERSON,
        "team": _CODE,
        "region": _CODE,
        "from": Spec("day"),
        "to": Spec("day"),
    },
    {},
)
_ACCOUNTS = Kind("account.put", {"name": Spec("text", required=True), "segment": _CODE}, {})
_PRODUCTS = Kind(
    "product.put",
    {"name": Spec("text", required=True), "list": Spec("money"), "currency": Spec("currency")},
    {},
)
_CAMPAIGNS = Kind(
    "campaign.put",
    {"name": Spec("text", required=True), "channel": _CODE, "currency": Spec("currency")},
    {
        "spend": Happening(
            "campaign.spend",
            {"on": Spec("day", required=True), "amount": Spec("money", required=True)},
            dated_by="on",
        )
    },
)
_LEADS = Kind(
    "lead.capture",
    {
        "captured_at": Spec("instant"),
        "name": _TEXT,
        "email": _TEXT,
        "phone": _TEXT,
        "company": _TEXT,
        "source": _CODE,
        "campaign": Spec("reference", of="campaigns"),
        "segment": _CODE,
        "owner": _PERSON,
        "qualified_at": Spec("instant"),
    },
    {
        "touches": Happening(
            "touch.record",
            {
                "at": _AT,
                "side": Spec("choice", True, ("marketing", "sales")),
                "channel": Spec("code", required=True),
                "campaign": Spec("reference", of="campaigns"),
                "person": _PERSON,
            },
            many=True,
        ),
        "assigned": Happening(
            "lead.assign", {"at": _AT, "owner": Spec("reference", True, of="people")}
        ),
        "accepted": Happening("lead.accept", {"at": _AT, "person": _PERSON}),
        "rejected": Happening(
            "lead.reject",
            {
                "at": _AT,
                "person": _PERSON,
                "reason_class": Spec("choice", True, ("procedural", "clerical", "definitional")),
            },
        ),
        "disqualified": Happening(
            "lead.disqualify", {"at": _AT, "reason": Spec("code", required=True)}
        ),
    },
)
_DEALS = Kind(
    "deal.create",
    {
        "name": _TEXT,
        "created_at": Spec("instant"),
        "stage": Spec("step", required=True),
        "owner": _PERSON,
        "amount": Spec("money"),
        "currency": Spec("currency"),
        "account": Spec("reference", of="accounts"),
        "product": Spec("reference", of="products"),
        "source": _CODE,
        "segment": _CODE,
        "campaign": Spec("reference", of="campaigns"),
        "expected_close_on": Spec("day"),
        "lead": Spec("reference", of="leads"),
        "converted_at": Spec("instant"),
    },
    {
        "stages": Happening(
            "deal.stage", {"stage": Spec("step", required=True), "at": _AT}, many=True
        ),
        "won": Happening(
            "deal.win",
            {
                "at": _AT,
                "revenue": Spec("money"),
                "list": Spec("money"),
                "cost": Spec("cost"),
                "quantity": Spec("quantity"),
            },
        ),
        "lost": Happening(
            "deal.lose",
            {
                "at": _AT,
                "outcome": Spec(
                    "choice",
                    True,
                    ("lost_to_competitor", "status_quo", "disqualified", "ghosted", "unspecified"),
                ),
                "competitor": _CODE,
                "reason": Spec("code", required=True),
            },
        ),
    },
)
CREDIT: Final[Mapping[str, Spec]] = {
    "person": Spec("reference", True, of="people"),
    "role": Spec("choice", True, ("owner", "overlay", "marketer")),
    "split": Spec("share"),
}
# In this order, so that whatever a row refers to is there before it.
KINDS: Final[Mapping[str, Kind]] = {
    "people": _PEOPLE,
    "accounts": _ACCOUNTS,
    "products": _PRODUCTS,
    "campaigns": _CAMPAIGNS,
    "leads": _LEADS,
    "deals": _DEALS,
}
