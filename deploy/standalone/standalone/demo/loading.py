"""Loading the demo company through the gateway, and checking its numbers there."""

from collections.abc import Mapping
from uuid import UUID

from standalone.console.failure import Failure
from standalone.console.progress import Progress
from standalone.console.tables import say
from standalone.demo import scenes
from standalone.demo.checking import differences
from standalone.demo.desk import Desk
from standalone.demo.expected import expected
from standalone.demo.facts import SOURCE, Company
from standalone.demo.items import items_of
from standalone.demo.scenes import Ids
from standalone.gateway_client import Gateway
from standalone.imports.sending import Sender, batches
from standalone.settled import settle

FOLDED_WITHIN_S = 120.0


def load(company: Company, url: str, keys: Mapping[str, str]) -> int:
    """Load everything that is not there yet; return how many items and calls it were."""
    groups = list(items_of(company))
    total = sum(len(group) for group in groups) + scenes.calls_needed(company)
    progress = Progress("demo data", total, "items")
    desk = Desk(url, keys, progress.add)
    gateway = desk.gateway("admin")
    ids = Ids(UUID(gateway.get("/v1/me")["tenant"]["id"]))
    sender = Sender(gateway, str(ids("run", "demo")), lambda _: None)
    for group in groups:
        for batch in batches(enumerate(group), SOURCE):
            for outcome in sender.send(batch):
                if outcome.status == "rejected":
                    raise _refused(outcome.key, outcome.problem)
            progress.add(len(batch.keys))
    scenes.define(desk)
    scenes.pay(desk, company, ids)
    scenes.refund(desk, company, ids)
    scenes.share_content(desk, company, ids)
    scenes.rate(desk, company, ids)
    progress.finish()
    return total


def check(company: Company, url: str, keys: Mapping[str, str]) -> None:
    """Compare the gateway's numbers with a count of the facts, once everything is folded."""
    gateway = Gateway(url, keys["admin"])
    ids = Ids(UUID(gateway.get("/v1/me")["tenant"]["id"]))
    if not settle(gateway, FOLDED_WITHIN_S):
        say("  numbers     not checked: the projections are still behind; see  onefunnel status")
        return
    wrong = list(differences(gateway, expected(company), ids))
    if wrong:
        raise Failure(
            "the demo's numbers are not what was loaded",
            because=tuple(wrong[:10]),
            help="this is a fault of this release; please report it",
            code="demo-differs",
        )
    say("  numbers     checked: the gateway's equal a count of what was loaded ✓")


def _refused(key: str, problem: object) -> Failure:
    return Failure(
        f"the gateway refused {key} of the demo company",
        because=(str(problem),),
        help="this is a fault of this release; please report it",
        code="demo-refused",
    )
