"""Values that events carry: identifiers, codes, money, exact decimals."""

from decimal import Decimal
from typing import Annotated, Literal, NewType
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

LeadId = NewType("LeadId", UUID)
DealId = NewType("DealId", UUID)
PersonId = NewType("PersonId", UUID)
AccountId = NewType("AccountId", UUID)
ProductId = NewType("ProductId", UUID)
CampaignId = NewType("CampaignId", UUID)
AssetId = NewType("AssetId", UUID)

MAX_MINOR = 10**15

# A code is a word of the tenant's own vocabulary (a source, a segment, a region), never free text:
# free text may hold personal data and stays in the service that took it in.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:/&+-]{0,63}$")]
StepKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=-MAX_MINOR, le=MAX_MINOR, strict=True)]
Period = Annotated[str, StringConstraints(pattern=r"^\d{4}(-(Q[1-4]|0[1-9]|1[0-2]))?$")]
Side = Literal["marketing", "sales"]


def _plain_decimal(text: str) -> str:
    """Refuse what `Decimal` takes but a person would not write; keep the text itself, so no digit is lost."""
    assert Decimal(text).is_finite()
    # The pattern's digits are those of every script, and so are the ones that `Decimal` reads.
    if not text.isascii():
        raise ValueError("must be written in the digits 0 to 9")
    return text


# A decimal that keeps its digits: "0.08", never 0.08. Read it with `decimal.Decimal` or `fractions.Fraction`.
DecimalText = Annotated[
    str, StringConstraints(pattern=r"^-?\d{1,12}(\.\d{1,12})?$"), AfterValidator(_plain_decimal)
]
Instant = AwareDatetime


class Value(BaseModel):
    """A frozen part of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Money(Value):
    """An amount in minor units of one currency (ISO 4217)."""

    amount_minor: Minor
    currency: Currency
