"""How a figure is taken: median of five, wall and CPU, Python's and PostgreSQL's apart."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """What one part did: events (or calls) per second and CPU microseconds for each."""

    name: str
    per_second: float
    python_us: float
    postgres_us: float

    def __str__(self) -> str:
        parts = f"{self.python_us:.1f} Python + {self.postgres_us:.1f} PostgreSQL"
        total = self.python_us + self.postgres_us
        return f"{self.name:<46}{self.per_second:12,.0f}/s  {total:8.1f} µs CPU ({parts})"


def _postgres_cpu(server_pid: int) -> float:
    """Return the CPU seconds of a server: its living children, and those it has already buried."""
    server = psutil.Process(server_pid)
    own = server.cpu_times()
    total: float = own.user + own.system + own.children_user + own.children_system
    for child in server.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue  # buried in the meantime: counted with the next reading
        total += times.user + times.system
    return total


def _python_cpu() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


async def measure(
    name: str,
    work: Callable[[], Awaitable[int]],
    *,
    server_pid: int,
    before: Callable[[], Awaitable[None]] | None = None,
    rounds: int = ROUNDS,
) -> Figure:
    """Run `work` (it returns how many events it did) and return the median round."""
    rows = []
    for _ in range(rounds):
        if before:
            await before()
        wall, python, postgres = time.perf_counter(), _python_cpu(), _postgres_cpu(server_pid)
        n = await work()
        wall = time.perf_counter() - wall
        rows.append(
            (
                n / wall,
                (_python_cpu() - python) / n * 1e6,
                (_postgres_cpu(server_pid) - postgres) / n * 1e6,
            )
        )
    middle = sorted(rows)[len(rows) // 2]
    assert statistics.median(r[0] for r in rows) == middle[0]
    return Figure(name, *middle)


def report(title: str, figure: Figure, yardstick: Figure, *, floor: float, aim: float) -> str:
    """Return the lines of one part: figure, yardstick, their ratio, and where floor and aim are."""
    ratio = figure.per_second / yardstick.per_second
    verdict = (
        "aim reached"
        if figure.per_second >= aim
        else "floor reached"
        if figure.per_second >= floor
        else "FLOOR MISSED"
    )
    goal = f"floor {floor:,.0f}/s, aim {aim:,.0f}/s: {verdict}"
    return f"\n{title}\n  {figure}\n  {yardstick}\n  ratio {ratio:.1f} ×   {goal}"
