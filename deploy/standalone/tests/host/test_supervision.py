"""Who dies is started again, but not for ever."""

from pathlib import Path

import pytest

from standalone.console.failure import Failure
from standalone.host import supervision
from standalone.host.child import Child
from standalone.host.processes import Mark
from standalone.host.supervision import Deaths, keep_alive, manner


async def test_a_process_that_always_dies_is_started_for_ever(tmp_path: Path) -> None:
    child = Child("web", "this", tmp_path / "logs" / "web.log", environment={})
    started: list[tuple[str, Mark]] = []
    said: list[str] = []
    with pytest.raises(Failure, match="died 5 times") as caught:
        await keep_alive(child, lambda name, mark: started.append((name, mark)), said.append)
    assert len(started) == supervision.MAX_DEATHS
    assert len({mark for _, mark in started}) == supervision.MAX_DEATHS
    assert len(said) == supervision.MAX_DEATHS - 1
    assert "ended with code 0" in said[0]
    assert "let's do more of those!" in str(caught.value), "the last words are not shown"


def test_deaths_long_ago_count() -> None:
    deaths = Deaths()
    assert not any(deaths.too_many(now) for now in (0, 20, 40, 60, 80, 100, 120))
    assert [deaths.too_many(now) for now in (121, 122)] == [False, True]


def test_a_signal_is_told_as_a_number() -> None:
    assert manner(-9) == "was killed by signal 9"
    assert manner(1) == "ended with code 1"


async def test_a_process_that_does_not_hear_is_waited_for(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf.py"
    deaf.write_text(
        "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\nsignal.pause()\n"
    )
    child = Child("web", "deaf", tmp_path / "deaf.log", environment={"PYTHONPATH": str(tmp_path)})
    await child.start()
    while child.last_words() != "ready":
        pass
    assert await child.stop(0.2) is False
    assert await child.wait() == -9


def test_a_long_log_is_shown_whole(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("x" * 100_000 + "\n\n")
    assert len(Child("web", "this", log, environment={}).last_words()) < 1_000
