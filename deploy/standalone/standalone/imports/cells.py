"""Reading the mapped values of one row, exactly or with the column and the reason why not."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP
from typing import Final

from standalone.imports import values
from standalone.imports.model import Assumed, Condition, Field, LookUp, SetPlan, Source
from standalone.imports.tables import Row
from standalone.imports.values import Notation, Unusable

MAX_KEY: Final = 150  # with the set's name before it, it fits the gateway's 200

_PARSERS: Final[Mapping[str, Callable[[str, Notation], object]]] = {
    "text": lambda cell, _: values.text(cell),
    "code": lambda cell, _: values.code(cell),
    "step": lambda cell, _: values.step(cell),
    "currency": lambda cell, _: values.currency(cell),
    "instant": values.instant,
    "day": values.day,
    "quantity": values.quantity,
    "share": values.share,
}


class Rejected(Exception):
    """A row that cannot become commands, the column that is at fault, and why."""

    def __init__(self, column: str, reason: str, code: str = "bad-value") -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Missing:
    """A value for which the file that should know it has no row."""

    set_name: str
    field: str
    column: str
    wanted_in: str
    text: str


@dataclass(slots=True)
class World:
    """What the rows may refer to: the keys of the sets before, and the look-up files."""

    source: str
    currency: str | None
    keys: dict[str, dict[str, int]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    look_ups: Mapping[LookUp, Mapping[str, str]] = field(default_factory=dict)
    missing: Counter[Missing] = field(default_factory=Counter)

    def target(self, one: Field) -> str:
        """Return the name of the set that a reference points to."""
        assert isinstance(one.source, Source)
        if one.source.points_to:
            return one.source.points_to
        return next(name for name, kind in self.kinds.items() if kind == one.spec.of)


class RowReader:
    """Reads the fields of one row of one set."""

    def __init__(self, plan: SetPlan, row: Row, world: World) -> None:
        self.plan = plan
        self.row = row
        self.world = world
        self.currency = world.currency
        self.missed: set[Missing] = set()  # counted once a row, however often it is read
        for one in plan.fields:
            if one.name == "currency":
                self.currency = self._text_value(one)

    def key(self) -> str:
        """Return what identifies the row; several columns are joined."""
        return self._joined(self.plan.key)

    def subject(self) -> str:
        """Return what names the thing that the row is about; its key, unless the mapping says more."""
        return self._joined(self.plan.id or self.plan.key)

    def _joined(self, sources: Sequence[Source]) -> str:
        parts = []
        for source in sources:
            part = self._cell(source)
            if part is None:
                raise Rejected(source.place, "it is empty and identifies the row", "no-key")
            parts.append(part)
        if len(parts) > 1:
            parts = [part.replace("\\", "\\\\").replace("|", "\\|") for part in parts]
        return self._checked(sources[0].place, "|".join(parts))

    def _checked(self, place: str, key: str) -> str:
        if len(key) > MAX_KEY:
            raise Rejected(place, f"it identifies the row and is longer than {MAX_KEY} characters")
        try:
            return values.text(key)
        except Unusable as reason:
            raise Rejected(place, str(reason)) from None

    def holds(self, conditions: tuple[Condition, ...]) -> bool:
        """Say whether all conditions hold."""
        return all(self._holds(one) for one in conditions)

    def _holds(self, one: Condition) -> bool:
        cell = self._cell(one.source)
        found = cell is not None if one.is_one_of is None else cell in one.is_one_of
        return found != one.negated

    def has(self, one: Field) -> bool:
        """Say whether a field has any text."""
        return isinstance(one.source, Source) and self._cell(one.source) is not None

    def value(self, one: Field) -> object:
        """Return a field's value, or None where the row has none."""
        assert isinstance(one.source, Source)
        value: object = None
        cell = self._matched(one)
        if cell is not None:
            try:
                value = self._typed(one, one.source, cell)
            except Unusable as reason:
                shown = cell if len(cell) <= 60 else cell[:57] + "…"
                raise Rejected(one.source.place, f'"{shown}": {reason}') from None
        if value is None and one.spec.required:
            raise Rejected(one.source.place, f"it is empty and {one.name} is needed", "empty")
        return value

    def amount(self, one: Field) -> int | None:
        """Return a money field in minor units of the row's currency."""
        value = self.value(one)
        assert value is None or isinstance(value, int)
        return value

    def assumed(self, rule: Assumed, base: int | None) -> int | None:
        """Return a made-up cost in minor units, rounded half up once."""
        if base is None:
            return None
        return int((base * rule.factor).quantize(1, rounding=ROUND_HALF_UP))

    def _text_value(self, one: Field) -> str | None:
        value = self.value(one)
        return str(value) if value is not None else self.world.currency

    def _cell(self, source: Source) -> str | None:
        """Return the text after null words and aliases, before any look-up."""
        if source.constant is not None:
            return source.constant
        raw = self.row.cells.get(source.column or "", "").strip()
        if raw in source.nulls:
            return source.default
        return source.aliases.get(raw, raw)

    def _matched(self, one: Field) -> str | None:
        """Return the text after a look-up or a reference was resolved; count what was not found."""
        source = one.source
        assert isinstance(source, Source)
        cell = self._cell(source)
        if cell is None:
            return None
        if source.look_up:
            found = self.world.look_ups[source.look_up].get(cell)
            if found is None:
                self._miss(one, source, source.look_up.file, cell)
            return None if found in source.nulls else found
        if one.spec.type == "reference" and not source.outside:
            target = self.world.target(one)
            if cell not in self.world.keys[target]:
                self._miss(one, source, target, cell)
                return None
        return cell

    def _miss(self, one: Field, source: Source, wanted_in: str, cell: str) -> None:
        missing = Missing(self.plan.name, one.name, source.place, wanted_in, cell)
        self.missed.add(missing)

    def _typed(self, one: Field, source: Source, cell: str) -> object:
        kind = one.spec.type
        if kind == "choice":
            return self._choice(one, cell)
        if kind == "reference":
            return {"source": source.outside or self.world.source, "id": cell}
        if kind in {"money", "cost"}:
            return self._money(source, cell)
        return _PARSERS[kind](cell, source.notation)

    def _choice(self, one: Field, cell: str) -> str:
        if cell not in one.spec.choices:
            raise Unusable(f"it must be one of {', '.join(one.spec.choices)} (or an alias of one)")
        return cell

    def _money(self, source: Source, cell: str) -> int:
        if source.minor_units:
            return values.whole(cell, source.notation, -values.MAX_MINOR, values.MAX_MINOR)
        if self.currency is None:
            raise Unusable("the row names no currency")
        amount = values.number(cell, source.notation)
        return values.minor(amount, self.currency, source.rounding)
