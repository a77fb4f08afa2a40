"""`onefunnel import` of a CRM export into a fresh stack, beside reading the same file with `csv`."""

import asyncio
import csv
import resource
import statistics
import time
from pathlib import Path

from tests.bench.harness import cpu_of, load, postgres_cpu, verdict
from tests.bench.running import COMMAND, running

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "maven-crm"
MAPPING = ROOT / "docs" / "examples" / "mappings" / "maven-crm.yaml"
ROUNDS, GOAL_S = 5, 5.0


async def run() -> str:
    """Return the seconds of an import, start of the command to its end."""
    if not FOLDER.is_dir():
        return f"\nimport_maven\n  SKIPPED: {FOLDER} is not there"
    rounds = [await _one_round() for _ in range(ROUNDS)]
    took, folded, command, web, database, worker = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    began = time.perf_counter()
    rows = _rows()
    reading = time.perf_counter() - began
    return (
        f"\nimport_maven ({load()})\n"
        f"  {rows:,} deals imported in {took:.1f} s, in the numbers after {folded:.1f} s\n"
        f"  CPU {command:.1f} s command + {web:.1f} s web + {database:.1f} s PostgreSQL"
        f" + {worker:.1f} s relay and fold\n"
        f"  csv alone reads them in {reading * 1000:.0f} ms\n"
        f"  {rows / took:,.0f} deals/s   goal {GOAL_S:.0f} s:"
        f" {verdict(took, floor=GOAL_S, aim=GOAL_S - 1e-9)}"
    )


async def _one_round() -> tuple[float, ...]:
    """Import into a fresh stack; return the seconds of the command, until all is folded, and of CPU."""
    async with running() as stack:

        def cpu() -> list[float]:
            command = resource.getrusage(resource.RUSAGE_CHILDREN)
            return [
                command.ru_utime + command.ru_stime,
                cpu_of(stack.pid("web")),
                postgres_cpu(stack.postgres),
                cpu_of(stack.pid("worker")),
            ]

        before, began = cpu(), time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "import", "--mapping", str(MAPPING), str(FOLDER / "sales_pipeline.csv"),
            *("--lookup", f"teams={FOLDER / 'sales_teams.csv'}"),
            *("--lookup", f"accounts={FOLDER / 'accounts.csv'}"),
            *("--lookup", f"products={FOLDER / 'products.csv'}"),
            *("--json", "--data", str(stack.data)),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, talk = await process.communicate()
        took = time.perf_counter() - began
        assert process.returncode == 0, (out + talk).decode()
        await stack.folded()
        spent = [after - so_far for so_far, after in zip(before, cpu(), strict=True)]
        return took, time.perf_counter() - began, *spent


def _rows() -> int:
    with (FOLDER / "sales_pipeline.csv").open(newline="") as file:
        return sum(1 for _ in csv.DictReader(file))
