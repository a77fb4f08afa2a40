"""The host only watches: what serves and asks databases stays out of its memory."""

import subprocess
import sys

HEAVY = {
    "asyncpg",
    "fastapi",
    "prometheus_client",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}


def test_the_host_loads_nothing_that_only_its_children_need():
    asked = (
        "import sys, standalone.host.host; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(said.stdout.split())
