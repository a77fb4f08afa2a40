"""A million inputs near good ones: each is read or refused as promised, and nothing else happens."""

import os
import traceback
from random import Random

import pytest

from .mutation import mutated
from .targets import TARGETS, Target

# `make fuzz` sets both; a seed that found something is given back to find it again.
SEED = int(os.environ.get("FUZZ_SEED", "20261122"))
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_input_is_read_or_refused_as_promised(target: Target) -> None:
    random = Random(f"{SEED}/{target.name}")
    print(f"FUZZ_SEED={SEED}, {target.share * TIMES} inputs")
    for number in range(target.share * TIMES):
        data = mutated(target.seeds, random)
        try:
            target.call(data)
        except target.refuses:
            continue
        except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
            pytest.fail(f"FUZZ_SEED={SEED}, input {number}: {data!r}\n{traceback.format_exc()}")


def test_they_are_a_million() -> None:
    assert sum(target.share for target in TARGETS) >= 1_000_000
