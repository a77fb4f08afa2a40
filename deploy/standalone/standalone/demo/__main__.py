"""`python -m standalone.demo DATA URL`: load the demo company and check it. The host runs this."""

import os
import sys
import time
from pathlib import Path

from standalone.console.failure import Failure
from standalone.console.tables import say
from standalone.demo.loading import check, load
from standalone.demo.story import demo_company
from standalone.host.keys import read_keys
from standalone.host.processes import die_with
from standalone.host.wiring import PARENT


def main() -> None:
    """Load and check."""
    die_with(int(os.environ[PARENT]))
    data, url = Path(sys.argv[1]), sys.argv[2]
    keys = (read_keys(data) or {})["demo"]
    company = demo_company()
    began = time.monotonic()
    try:
        count = load(company, url, keys)
        took = time.monotonic() - began
        say(f"  {'demo data':<11} ready  {took:4.1f} s   {count:,} items of tenant demo")
        check(company, url, keys)
    except Failure as failure:
        say(str(failure))
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main()
