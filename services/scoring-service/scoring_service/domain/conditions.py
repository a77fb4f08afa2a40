"""Conditions on a lead's facts: what a rule of the qualified-lead definition may ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

# A fact is a number, a code or a yes/no; never free text, never a float.
Scalar = int | bool | str
Facts = Mapping[str, Scalar]
Operator = Literal["eq", "ne", "in", "not_in", "between", "at_least", "at_most"]
Operands = tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator operands`. A missing fact holds only where the operator is a negation."""

    field: str
    operator: Operator
    operands: Operands

    def holds(self, facts: Facts) -> bool:
        """Say whether the facts meet the condition."""
        if self.field not in facts:
            return self.operator in {"ne", "not_in"}
        return _TESTS[self.operator](facts[self.field], self.operands)


def same(left: Scalar, right: Scalar) -> bool:
    """Compare without Python's `True == 1`: a yes is not a number."""
    return type(left) is type(right) and left == right


def _among(fact: Scalar, operands: Operands) -> bool:
    return any(same(fact, operand) for operand in operands)


def _number(scalar: Scalar) -> int | None:
    return scalar if type(scalar) is int else None


def _within(fact: Scalar, low: Scalar | None, high: Scalar | None) -> bool:
    if (number := _number(fact)) is None:
        return False
    above = low is None or ((bound := _number(low)) is not None and number >= bound)
    below = high is None or ((bound := _number(high)) is not None and number <= bound)
    return above and below


_TESTS: dict[Operator, Callable[[Scalar, Operands], bool]] = {
    "eq": _among,
    "in": _among,
    "ne": lambda fact, operands: not _among(fact, operands),
    "not_in": lambda fact, operands: not _among(fact, operands),
    "between": lambda fact, operands: _within(fact, operands[0], operands[1]),
    "at_least": lambda fact, operands: _within(fact, operands[0], None),
    "at_most": lambda fact, operands: _within(fact, None, operands[0]),
}
