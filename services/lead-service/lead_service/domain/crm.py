"""What a CRM has told about one record: every word with the CRM's own time, so that order of arrival is nothing."""

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from lead_service.domain.values import External

# Of a record that talks without end the oldest words are forgotten, the newest decide.
MAX_WORDS: Final = 200
# Where a record has been counts; of everything else only the newest word does.
_WITH_HISTORY: Final = frozenset({"stage", "standing", "deleted"})
SEEN: Final = "seen"  # of this one the first word counts: since when the record is known
_OF_ITS_END: Final = frozenset({SEEN, "deleted", "erased", "merged_into"})


@dataclass(frozen=True, slots=True, order=True)
class Word:
    """One value of one field, as of a time; `tie` decides between two of the same instant."""

    at: datetime
    tie: str
    value: str  # "" says that the field was emptied


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """A record as its CRM has told it so far."""

    id: UUID
    kind: Literal["deal", "lead"]
    external: External
    words: Mapping[str, tuple[Word, ...]] = field(default_factory=dict)
    passed: frozenset[tuple[datetime, str]] = frozenset()  # steps that were published already
    awaits: UUID | None = None  # the lead or deal that it names and that is not here yet
    problem: str | None = None  # why the record could not be followed, in words without its values

    def heard(self, told: Mapping[str, str], *, at: datetime, tie: str) -> "CrmRecord":
        """Return the record with more words. The same words again change nothing, whenever they come."""
        words = dict(self.words)
        for name, value in told.items():
            known = list(words.get(name, ()))
            word = Word(at, tie, value)
            if word not in known:
                insort(known, word)
            words[name] = tuple(known[-MAX_WORDS:] if name in _WITH_HISTORY else known[-1:])
        words[SEEN] = (min((*words.get(SEEN, ()), Word(at, tie, "true"))),)
        return replace(self, words=words)

    def having_passed(self, runs: list[tuple[datetime, str]]) -> "CrmRecord":
        """Return the record with these steps marked as published."""
        return replace(self, passed=self.passed | set(runs))

    def says(self, name: str) -> str | None:
        """Return the newest value of a field, None if it was never told or emptied."""
        words = self.words.get(name)
        return (words[-1].value or None) if words else None

    def newest(self, name: str) -> Word | None:
        """Return the newest word about a field, None if it was never told or emptied."""
        return self.words[name][-1] if self.says(name) else None

    @property
    def seen_at(self) -> datetime:
        """Return when the CRM first spoke of the record."""
        return self.words[SEEN][0].at

    @property
    def only_ended(self) -> bool:
        """Say whether nothing is known of the record but that it is no more."""
        return self.says("deleted") == "true" and self.words.keys() <= _OF_ITS_END

    def told(self, name: str) -> bool:
        """Say whether the CRM ever mentioned a field, if only to empty it."""
        return name in self.words

    def runs(self, name: str) -> list[tuple[datetime, str]]:
        """Return the values of a field in order, each from when it began to hold."""
        found: list[tuple[datetime, str]] = []
        for word in self.words.get(name, ()):
            if word.value and (not found or found[-1][1] != word.value):
                found.append((word.at, word.value))
        return found
