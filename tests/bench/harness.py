"""How a figure is taken: median of five, wall and CPU, Python's and PostgreSQL's apart."""

import statistics
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
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


def postgres_cpu(server_pid: int) -> float:
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


def _python_cpu(others: Collection[int]) -> float:
    """Return the CPU seconds of this process and of the other Python processes of a figure."""
    return time.process_time() + sum(cpu_of(pid) for pid in others)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def measure(
    name: str,
    work: Callable[[], Awaitable[int]],
    *,
    server_pid: int,
    before: Callable[[], Awaitable[None]] | None = None,
    rounds: int = ROUNDS,
    others: Collection[int] = (),
) -> Figure:
    """Run `work` (it returns how many events it did) and return the median round.

    `others` are the ids of further Python processes whose CPU counts.
    """
    rows = []
    for _ in range(rounds):
        if before:
            await before()
        wall, python, postgres = time.perf_counter(), _python_cpu(others), postgres_cpu(server_pid)
        n = await work()
        wall = time.perf_counter() - wall
        rows.append(
            (
                n / wall,
                (_python_cpu(others) - python) / n * 1e6,
                (postgres_cpu(server_pid) - postgres) / n * 1e6,
            )
        )
    middle = sorted(rows)[len(rows) // 2]
    assert statistics.median(r[0] for r in rows) == middle[0]
    return Figure(name, *middle)


def load() -> str:
    """Say how busy the machine was in the last minute: figures of a busy one are no figures."""
    return f"load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"


def percentiles(milliseconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, by rank."""
    ordered = sorted(milliseconds)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def verdict(value: float, *, floor: float, aim: float) -> str:
    """Say what was reached of a goal; where the aim is below the floor, less is better."""
    sign = -1 if aim < floor else 1
    if sign * value >= sign * aim:
        return "aim reached"
    return "floor reached" if sign * value >= sign * floor else "FLOOR MISSED"


def report(title: str, figure: Figure, yardstick: Figure, *, floor: float, aim: float) -> str:
    """Return the lines of one part: figure, yardstick, their ratio, and where floor and aim are."""
    ratio = figure.per_second / yardstick.per_second
    goal = f"floor {floor:,.0f}/s, aim {aim:,.0f}/s: " + verdict(
        figure.per_second, floor=floor, aim=aim
    )
    return f"\n{title} ({load()})\n  {figure}\n  {yardstick}\n  ratio {ratio:.1f} ×   {goal}"
