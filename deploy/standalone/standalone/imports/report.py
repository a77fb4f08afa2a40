"""What a run of `onefunnel import` has done, as a table or as JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from standalone.console.tables import say, show_json, show_table
from standalone.imports.cells import Missing
from standalone.imports.checking import SetCheck
from standalone.imports.rejects import Rejects

STATUSES: Final = ("created", "updated", "unchanged", "rejected")


@dataclass(slots=True)
class Report:
    """What happened, by set."""

    run_id: str
    checks: Mapping[str, SetCheck]
    missing: Mapping[Missing, int]  # as `ranked` orders it
    dry_run: bool
    sent: dict[str, Counter[str]] = field(default_factory=dict)

    def rejected(self) -> int:
        """Return how many rows are not in."""
        return sum(one.rejected for one in self.checks.values()) + sum(
            counts["rejected"] for counts in self.sent.values()
        )


def ranked(missing: Mapping[Missing, int]) -> dict[Missing, int]:
    """Return what was looked up in vain, the most rows first: the same order in every run."""
    return dict(sorted(missing.items(), key=lambda pair: (-pair[1], astuple(pair[0]))))


def unmatched_text(missing: Missing) -> str:
    """Return one line about values that were looked up in vain."""
    return (
        f'{missing.set_name}: column "{missing.column}" = "{missing.text}"'
        f" is not in {missing.wanted_in}"
    )


def show_report(report: Report, rejects: Rejects, *, as_json: bool) -> None:
    """Print what happened, by set."""
    if as_json:
        show_json(_as_json(report, rejects))
        return
    if report.dry_run:
        rows = [
            [name, f"{c.rows:,}", f"{c.items:,}", f"{c.repeated:,}", f"{c.rejected:,}"]
            for name, c in report.checks.items()
        ]
        show_table(["set", "rows", "to import", "repeated", "rejected"], rows, ["<", *">>>>"])
        say("nothing was written; without --dry-run this is imported")
        return
    rows = [
        [name, *(f"{report.sent[name][status]:,}" for status in STATUSES[:3]),
         f"{report.sent[name]['rejected'] + check.rejected:,}"]
        for name, check in report.checks.items()
    ]  # fmt: skip
    show_table(["set", *STATUSES], rows, ["<", *">>>>"])
    say(f"run {report.run_id}: every event of this import carries it as its correlation id")
    if not report.rejected():
        say("Next   onefunnel performance   ·   onefunnel funnel --by source")


def _as_json(report: Report, rejects: Rejects) -> dict[str, Any]:
    return {
        "run": report.run_id,
        "dry_run": report.dry_run,
        "sets": {
            name: {
                "rows": check.rows,
                "to_import": check.items,
                "repeated": check.repeated,
                "left_out": check.left_out,
                "rejected_by_check": check.rejected,
                **{status: report.sent.get(name, Counter())[status] for status in STATUSES},
            }
            for name, check in report.checks.items()
        },
        "unmatched": [
            {"set": m.set_name, "column": m.column, "value": m.text, "in": m.wanted_in, "rows": n}
            for m, n in report.missing.items()
        ],
        "rejects": {"count": rejects.count, "file": str(rejects.path) if rejects.count else None,
                    "first": rejects.first},
    }  # fmt: skip
