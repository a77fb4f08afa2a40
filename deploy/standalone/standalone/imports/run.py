"""One run of `onefunnel import`: check everything, then send, then say what happened."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from onefunnel.ids import new_id
from standalone.console.failure import FAILED, INTERRUPTED, OK, USAGE, Failure
from standalone.console.options import Target
from standalone.console.progress import Progress
from standalone.console.tables import say
from standalone.gateway_client import Gateway, failure_of
from standalone.imports.checking import Opened, Reject, SetReader, check_all, open_files
from standalone.imports.language import DATA, read_plan
from standalone.imports.model import Plan
from standalone.imports.rejects import Rejects
from standalone.imports.report import Report, ranked, show_report, unmatched_text
from standalone.imports.sending import Outcome, Sender, batches
from standalone.patience import Patience
from standalone.settled import settle

COUNTED_WITHIN_S: Final = 30.0
_UNMATCHED_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    mapping: Path
    data_file: Path
    look_ups: tuple[str, ...]
    dry_run: bool
    rejects: Path
    accept_unmatched: bool
    as_json: bool


def run_import(request: Request, target: Target) -> int:
    """Run the import and return the exit code."""
    plan = read_plan(request.mapping)
    opened = open_files(plan, _files(plan, request))
    gateway = None if request.dry_run else _ready_gateway(target)
    rejects = Rejects(request.rejects)
    try:
        report = _check(opened, rejects, request)
        _stop_at_unmatched(report, request)
        _check_steps(report, plan, gateway)
        if gateway is not None:
            _send(opened, report, rejects, gateway)
    finally:
        rejects.close()
    show_report(report, rejects, as_json=request.as_json)
    if gateway is not None and not request.as_json:
        _wait_until_counted(gateway)
    return FAILED if report.rejected() else OK


def _wait_until_counted(gateway: Gateway) -> None:
    """Come back when the rows are in the numbers, so that the next command shows them."""
    try:
        counted = settle(gateway, COUNTED_WITHIN_S)
    except Failure:
        return  # this key may bring data in but not read numbers
    if not counted:
        say("the rows are in; they are still being counted:  onefunnel status  says how far")


def _files(plan: Plan, request: Request) -> dict[str, Path]:
    files = {DATA: request.data_file, plan.sets[-1].file: request.data_file}
    for given in request.look_ups:
        name, equals, path = given.partition("=")
        if not equals or not name or not path:
            raise Failure(
                f"--lookup {given} is not NAME=FILE", code="usage", exit_code=USAGE,
                help="such as  --lookup products=products.csv",
            )  # fmt: skip
        _check_name(name, plan)
        files[name] = Path(path)
    return files


def _check_name(name: str, plan: Plan) -> None:
    known = {one.file for one in plan.sets} | set(plan.files)
    known |= {one.file for one in _look_ups(plan)}
    if name not in known:
        raise Failure(
            f"the mapping reads no file called {name}",
            help="it reads: " + ", ".join(sorted(known - {DATA})),
            code="usage",
            exit_code=USAGE,
        )


def _look_ups(plan: Plan) -> list[Any]:
    from standalone.imports.language import every_source

    return [s.look_up for one in plan.sets for s in every_source(one) if s.look_up]


def _ready_gateway(target: Target) -> Gateway:
    """Return a gateway that answers and knows the key, before any file is read."""
    gateway = target.connect()
    gateway.get("/livez")  # nobody there is said at once; somebody busy is waited for
    answer = Patience(_Notice()).send(gateway, "GET", "/v1/me", None, {})
    if answer.status >= 400:
        raise failure_of(answer, "GET /v1/me")
    return gateway


def _check(opened: Opened, rejects: Rejects, request: Request) -> Report:
    total = sum(opened.tables[one.file].size for one in opened.plan.sets)
    progress = Progress("checking", total // 80 or 1, "rows")
    checks = check_all(opened, rejects.add, lambda *_: progress.add())
    progress.finish()
    missing = ranked(opened.world.missing)
    opened.world.missing.clear()
    return Report(str(new_id()), checks, missing, request.dry_run)


def _stop_at_unmatched(report: Report, request: Request) -> None:
    if not report.missing:
        return
    for missing, count in islice(report.missing.items(), _UNMATCHED_SHOWN):
        say(f"  {unmatched_text(missing)}: {count:,} rows")
    more = len(report.missing) - _UNMATCHED_SHOWN
    if more > 0:
        say(f"  and {more:,} more values")
    if request.accept_unmatched or request.dry_run:
        return
    raise Failure(
        f"{len(report.missing):,} values were looked up in vain, in {sum(report.missing.values()):,} rows",
        because=("a look-up or reference found no row with that key",),
        help=(
            "add an alias for each to the mapping, or import these rows without the value:"
            "  --accept-unmatched\nnothing was written"
        ),
        code="unmatched-look-up",
    )


def _check_steps(report: Report, plan: Plan, gateway: Gateway | None) -> None:
    """Compare the stages that the rows name with the steps of the active funnel."""
    used = {step: line for check in report.checks.values() for step, line in check.steps.items()}
    if not used or gateway is None:
        return
    known = _deal_steps(gateway)
    unknown = sorted(set(used) - set(known))
    if unknown:
        raise Failure(
            f"the funnel has no step {', '.join(unknown)}",
            because=(f"line {used[unknown[0]]} is in {unknown[0]}",),
            help=f"{plan.path} can alias it to one of: {', '.join(known)}\nnothing was written",
            code="unknown-stage",
        )


def _deal_steps(gateway: Gateway) -> list[str]:
    """Return the steps that a deal can stand in; it is won by being won, not by being moved."""
    funnel = gateway.get("/v1/funnels/default")
    active = next(one for one in funnel["versions"] if one["version"] == funnel["active"])
    return [
        str(step["key"])
        for step in active["steps"]
        if step["entity"] == "deal" and step["entry"] != "deal.won"
    ]


def _send(opened: Opened, report: Report, rejects: Rejects, gateway: Gateway) -> None:
    total = sum(check.items for check in report.checks.values())
    progress = Progress("importing", total, "rows")
    sender = Sender(gateway, report.run_id, _Notice())
    for one in opened.plan.sets:
        counts = report.sent[one.name] = Counter()
        reader = SetReader(opened, one, lambda _: None)  # the check has reported its rejects
        try:
            for batch in batches(reader.items(), opened.plan.source):
                outcomes = sender.send(batch)
                counts.update(outcome.status for outcome in outcomes)
                _keep_rejected(outcomes, rejects, one.name, opened.tables[one.file].path)
                progress.add(len(outcomes))
        except KeyboardInterrupt:
            progress.finish()
            raise _interrupted(report) from None
    progress.finish()


class _Notice:
    """Says once, not at every attempt, that the gateway is being waited for."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, cause: str) -> None:
        if not self._said:
            say(f"  waiting for the gateway: {cause}")
        self._said = True


def _keep_rejected(
    outcomes: Sequence[Outcome], rejects: Rejects, set_name: str, path: Path
) -> None:
    for outcome in outcomes:
        if outcome.status == "rejected":
            problem = outcome.problem or {}
            code = str(problem.get("type") or problem.get("code") or "rejected").rsplit("/", 1)[-1]
            reason = str(problem.get("detail") or code)
            rejects.add(Reject(set_name, path, outcome.line, "", reason, code, outcome.key))


def _interrupted(report: Report) -> Failure:
    done = sum(sum(counts.values()) for counts in report.sent.values())
    return Failure(
        f"interrupted after {done:,} rows, which are in",
        because=("every row is wholly in or not at all",),
        help="run the same command again: it goes on where it stopped",
        code="interrupted",
        exit_code=INTERRUPTED,
    )
