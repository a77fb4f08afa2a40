"""What a CRM's words may become a code of ours: ids, and words of a vocabulary. Events carry nobody's name."""

import re
from collections.abc import Mapping
from typing import Final

MAX_CODE: Final = 64
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:/&+-]{0,63}", re.ASCII)
# What may be an address or a telephone number of somebody is no code, whatever else is written with it.
# Numbers of more digits, dates and what hangs on another word by a dash are ids.
_PERSONAL: Final = re.compile(
    r"@|(?<![\w-])(?!\d{4}-\d\d-\d\d(?!\d))\+?(?:\(?\d\)?[ ./()-]{0,3}){6,14}\d(?![\w-])", re.ASCII
)
_NOT_CODE: Final = re.compile(r"[^A-Za-z0-9 _.:/&+-]+", re.ASCII)
_ID: Final = re.compile(
    r"\d{1,20}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?=\w*\d)[A-Za-z0-9_]{15,40}",
    re.ASCII,
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
# Why deals are lost, in the words of the lists that CRMs come with. Whatever else somebody wrote may name a person.
_WORDS: Final = """
a after alternative an and another any approval available bad before better big budget business buy
buying by canceled cancelled case change changed changes cheaper chose closed communication company
competition competitor competitors complex concerns contact contract cost costs could couldn
customer cycle dark data date deadline deal decided decision decisions delay delayed delivery demand
didn didn't different do does doesn doesn't done down due duplicate economic existing expectations
expensive experience expired external feature features fit fix for freeze from functionality funding
funds future gap ghosted go going gone good got had has have high higher hold house impact
implementation in inactive incorrect incumbent information integration interest interested internal
invalid is issue issues it its junk lack language later lead left legal limitations location long
longer lost low lower market match maturity merger met missing mistake need needed needs never new
no non none not nothing now number of offer on option or organization other others out outcome
outside own paid partner payment people performance pilot plan policy poor postponed preferred price
prices pricing priorities priority problem problems process procurement product project proposal
prospect provider purchase purpose qualified quality quo quote reach ready reason reasons region
relationship reply requirement requirements research resource resources responded responding
response responsive restructuring risk roadmap roi sales scope security selected service services
short size slow small solution spam specified staff started status stayed stopped strategy support
switched technical technology terms test the this time timeframe timeline timing to together too
trial trust unable unavailable unknown unqualified unresponsive unspecified unsuitable urgency use
user value vendor volume wait was weak went were why will with without won't work would wrong
"""
_PLAIN: Final = frozenset(_WORDS.split())


def code_of(text: str, known: Mapping[str, str]) -> str | None:
    """Return the code of a source or the like, None if it is none."""
    usable = len(text) <= MAX_CODE and not _PERSONAL.search(text)
    code = known.get(text) or (_NOT_CODE.sub("-", text).strip("-") if usable else "")
    return code if _CODE.fullmatch(code) else None


def reason_of(text: str, known: Mapping[str, str]) -> str | None:
    """Return the code of why a deal was lost, None where that is in words that may name somebody."""
    if text in known:
        return known[text]
    words = _WORD.findall(text.casefold())
    return code_of(text, known) if _ID.fullmatch(text) or _PLAIN.issuperset(words) else None
