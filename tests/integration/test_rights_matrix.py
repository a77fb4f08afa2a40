"""Every cell of the matrix, through the public gateway, against a second reading of the same file."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from tests.api.rights_interpreter import FILE, Interpreter
from tests.integration.rights_company import AT, PERIOD, ROLES, World, company, world

from gateway.application.catalogue import Operation, operations_of
from gateway.main import checked_in_document
from onefunnel.runtime import Runtime

NOWHERE: Final = "01a20338-a301-731c-a561-4da147c5d0c7"
PRINCIPALS: Final = (*ROLES, "anonymous", "stranger")
# Refused by every body, after the caller and the thing were looked at: nothing is changed by asking.
NO_SUCH_FIELD: Final = {"no such field": 1}
OPEN_ENDED: Final = "/v1/events"
OF_ONE: Final = {f"{{{kind}_id}}": kind for kind in ("lead", "deal", "assignment", "adjustment")}

# Whose every thing of the tenant is foreign.
FOREIGN: Final = {"stranger": "foreign"}

Differences = list[str]


@pytest.fixture
async def there(make_runtime: Callable[..., Runtime]) -> World:
    return await world(await company(make_runtime))


@pytest.fixture
def file() -> Interpreter:
    return Interpreter(FILE.read_text())


def operations(kind: str | None) -> Iterator[Operation]:
    """Yield the operations whose path names one thing of a kind, or with None all others."""
    for operation in operations_of(checked_in_document()):
        named = next((k for brace, k in OF_ONE.items() if brace in operation.path), None)
        usual = not operation.public and operation.path != OPEN_ENDED
        if named == kind and usual and (kind is None or operation.owned):
            yield operation


async def status(
    there: World, who: str, operation: Operation, path: str, body: object = NO_SUCH_FIELD
) -> int:
    """Return 200 for whatever the rights allow, however it ends, or the refusal."""
    answer = await there.ask(who, operation.method, path, body)
    assert answer.status_code < 500, (path, answer.text)
    code = answer.status_code
    return code if code in {401, 403, 404} else 200


def expected(file: Interpreter, who: str, operation: Operation, relation: str) -> int:
    if who == "anonymous":
        return 401
    role = "admin" if who == "stranger" else who
    if who == "stranger":
        relation = "other" if relation == "foreign" else "foreign"
    return file.answer(role, operation.resource, operation.action, relation)


async def objects(there: World, file: Interpreter) -> Differences:
    """Return where the answer about one thing is not what the file says."""
    found = []
    for kind in OF_ONE.values():
        for operation in operations(kind):
            for relation, things in there.things.items():
                id_ = getattr(things, kind)
                for who in PRINCIPALS if id_ else ():
                    path = operation.path.replace(f"{{{kind}_id}}", id_)
                    is_ = await status(there, who, operation, path)
                    should = expected(file, who, operation, relation)
                    if "foreign" in {relation, FOREIGN.get(who)} and should == 404 and is_ == 200:
                        # Who may do it to everybody's is told the same of a foreign thing as of none.
                        nowhere = operation.path.replace(f"{{{kind}_id}}", NOWHERE)
                        is_ = 404 if await status(there, who, operation, nowhere) == 200 else 200
                    if is_ != should:
                        found.append(f"{who} {operation.operation_id} {relation}: {is_}, {should}")
    return found


async def others(there: World, file: Interpreter) -> Differences:
    """Return which other operations are open to a role, or closed, against the file."""
    found = []
    for operation in operations(None):
        path = operation.path
        for parameter in ("{", "}"):
            path = path.replace(parameter, "|")
        path = "".join(NOWHERE if n % 2 else part for n, part in enumerate(path.split("|")))
        for who in PRINCIPALS:
            role = "admin" if who == "stranger" else who
            is_ = await status(there, who, operation, path)
            if who == "anonymous":
                right = is_ == 401
            elif file.named(role, operation.resource, operation.action):
                right = is_ not in {401, 403}
            else:
                seen = file.named(role, operation.resource, "read")
                right = is_ == (403 if seen or not operation.is_about_one else 404)
            if not right:
                found.append(f"{who} {operation.operation_id}: {is_}")
    return found


LISTS: Final[dict[str, tuple[str, str]]] = {
    "lead": ("/v1/leads?limit=200", "owner_id"),
    "deal": ("/v1/deals?limit=200", "owner_id"),
    "activity": ("/v1/activities?limit=200", "deal_id"),
    "ledger": ("/v1/compensation/ledger?limit=200", "payee"),
    "plan": ("/v1/compensation/assignments?limit=200", "person"),
    "quota": ("/v1/compensation/quotas?limit=200", "person"),
    "adjustment": ("/v1/compensation/adjustments?limit=200", "person"),
    "attainment": (f"/v1/quota-attainment?period={PERIOD}", "person"),
}


async def lists(there: World, file: Interpreter) -> Differences:
    """Return which lists do not hold the things of exactly those relations that the file names."""
    found = []
    deals = {things.deal: r for r, things in there.things.items()}
    for resource, (path, owner) in LISTS.items():
        for role in ROLES:
            answer = await there.ask(role, "GET", path)
            should = file.listed(role, resource)
            if not should or answer.status_code != 200:
                right = not should and answer.status_code == 403
                found += [] if right else [f"{role} {path}: {answer.status_code}, {should}"]
                continue
            relation = {**there.owners, **deals, None: "unowned"}
            is_ = {relation[item[owner]] for item in answer.json()["items"]}
            if "agg" in file.cells[role, resource, "read"]:
                should = set()
            should -= {"unowned"} if resource not in {"lead", "deal", "activity"} else set()
            if is_ != should:
                found.append(f"{role} {path}: {sorted(is_)}, {sorted(should)}")
    return found


async def single_pay(there: World, file: Interpreter) -> Differences:
    """Return where a question about one person's pay is not answered as the file says."""
    found = []
    asked = {
        "statement": lambda person: (
            f"/v1/compensation/statements?{urlencode({'payee': person, 'period': PERIOD})}"
        ),
        "ledger": lambda person: f"/v1/compensation/ledger?payee={person}",
        "quota": lambda person: f"/v1/compensation/quotas?person={person}",
        "plan": lambda person: f"/v1/compensation/assignments?person={person}",
        "adjustment": lambda person: f"/v1/compensation/adjustments?person={person}",
        "attainment": lambda person: f"/v1/compensation/attainment?payee={person}&period={PERIOD}",
    }
    for resource, path in asked.items():
        for role in ROLES:
            for relation, things in there.things.items():
                if things.person is None:
                    continue
                answer = await there.ask(role, "GET", path(things.person))
                words = file.cells.get((role, resource, "read"))
                if words is None:
                    should = {403}
                elif relation == "foreign":
                    # To those who see everybody a person who does not exist has no pay.
                    should = {200, 404} if "all" in words else {404}
                elif "agg" in words:
                    should = {404}
                else:
                    should = {file.answer(role, resource, "read", relation)}
                if answer.status_code not in should:
                    found.append(f"{role} {path(relation)}: {answer.status_code}, {should}")
    return found


async def credited(there: World, file: Interpreter) -> Differences:
    """Return where what a quota was credited with is explained to whom the quota's attainment is not shown."""
    found = []
    window = "from=2026-01-01&to=2026-02-01"
    for role in ROLES:
        for relation, things in there.things.items():
            if things.person is None or relation == "foreign":
                continue
            about = f"metric=quota.credited&measure=revenue&person={things.person}"
            answer = await there.ask(role, "GET", f"/v1/explain?{about}&{window}")
            if not file.named(role, "explanation", "read"):
                should = 403
            else:
                should = file.answer(role, "attainment", "read", relation)
            if answer.status_code != should:
                found.append(f"{role} credited {relation}: {answer.status_code}, {should}")
    return found


def decisions(things: Any) -> dict[str, tuple[str, dict[str, object]]]:
    """Return what may be decided about one person, in bodies that only the rights can refuse or a rule."""
    person = {"person": things.person}
    amount = {"amount_minor": 1, "currency": "EUR"}
    return {
        "plan.change": ("/assignments", {**person, "plan": NOWHERE, "from": "2026-01-01"}),
        "quota.set": ("/quotas", {**person, "measure": "count", "period": PERIOD}),
        "adjustment.create": ("/adjustments", {**person, "at": AT, "amount": amount, "reason": "x"}),
    }  # fmt: skip


async def decided(there: World, file: Interpreter) -> Differences:
    """Return who may decide about whose pay against the file."""
    found = []
    for relation, things in there.things.items():
        if things.person is None or relation == "foreign":
            continue
        for name, (path, body) in decisions(things).items():
            resource, action = name.split(".")
            for role in ROLES:
                answer = await there.ask(role, "POST", f"/v1/compensation{path}", body)
                problem = answer.json().get("code") if answer.status_code >= 400 else None
                if not file.named(role, resource, action):
                    should = 403
                else:
                    should = file.answer(role, resource, action, relation)
                missing_plan = name == "plan.change" and "plan" in answer.text
                is_ = {"forbidden": 403, "not-found": 200 if missing_plan else 404}.get(
                    problem, 200
                )
                if is_ != should:
                    found.append(f"{role} {name} {relation}: {is_}, {should}")
    return found


async def created(there: World, file: Interpreter) -> Differences:
    """Return who may make what somebody's, against the file; no body can be carried out in the end."""
    found = []
    for relation, things in there.things.items():
        if relation == "foreign":
            continue
        owner = {"owner": things.person} if things.person else {}
        bodies: dict[str, tuple[str, dict[str, object]]] = {
            "lead": ("/v1/leads", {"campaign": NOWHERE, **owner}),
            "deal": ("/v1/deals", {"account": NOWHERE, **owner}),
            "activity": ("/v1/activities", {"deal": things.deal, "kind": "x", "person": NOWHERE}),
        }
        for resource, (path, body) in bodies.items():
            for role in ROLES:
                problem = (await there.ask(role, "POST", path, body)).json()
                if not file.named(role, resource, "create"):
                    should = 403
                elif resource == "activity":
                    should = file.answer(role, resource, "create", relation)
                else:  # what is new is not there yet to be seen
                    should = 200 if file.may(role, resource, "create", relation) else 403
                unseen = problem.get("errors", [{}])[0].get("pointer") == "/deal"
                is_ = 404 if unseen else {"forbidden": 403}.get(problem["code"], 200)
                if is_ != should:
                    found.append(f"{role} {resource}.create {relation}: {is_}, {should}")
    return found


NUMBERS: Final[dict[str, tuple[str, str, str]]] = {
    "metrics": ("/v1/sales-performance?group_by=person", "groups", "key"),
    "explanation": ("/v1/explain?metric=sales.created&limit=200", "items", "id"),
}


async def numbers(there: World, file: Interpreter) -> Differences:
    """Return whose numbers, and the deals behind them, are shown against the file."""
    found = []
    relation = {**there.owners, **{t.deal: r for r, t in there.things.items()}, "": "unowned"}
    for resource, (path, rows, key) in NUMBERS.items():
        for role in ROLES:
            answer = await there.ask(role, "GET", path)
            should = file.listed(role, resource)
            if not should or "agg" in file.cells[role, resource, "read"]:
                found += [] if answer.status_code == 403 else [f"{role} {path}: shown"]
                continue
            shown = answer.json().get(rows, [])
            is_ = {relation[row[key]] for row in shown if row[key] in relation}
            if is_ != should:
                found.append(f"{role} {path}: {sorted(is_)}, {sorted(should)}")
    return found


FILES: Final[dict[str, tuple[str, str]]] = {
    "lead": ("/v1/leads", "owner_id"),
    "deal": ("/v1/deals", "owner_id"),
    "ledger": ("/v1/compensation/ledger", "payee"),
    "metrics": ("/v1/sales-performance?group_by=person", "key"),
}


async def files(there: World, file: Interpreter) -> Differences:
    """Return whose things are taken along in files against the file of rights."""
    found = []
    relation = {**there.owners, "": "unowned"}
    for resource, (path, owner) in FILES.items():
        for role in ROLES:
            answer = await there.ask(role, "GET", path, Accept="text/csv")
            should = file.listed(role, resource, "export")
            if not should or "agg" in file.cells[role, resource, "export"]:
                found += [] if answer.status_code == 403 else [f"{role} {path}: taken along"]
                continue
            rows = csv.DictReader(io.StringIO(answer.text, newline=""))
            is_ = {relation[row[owner]] for row in rows if row[owner] in relation}
            should -= {"unowned"} if resource == "ledger" else set()
            if is_ != should:
                found.append(f"{role} {path} as a file: {sorted(is_)}, {sorted(should)}")
    for role in ROLES:
        for relation_, things in there.things.items():
            if things.person is None or relation_ == "foreign":
                continue
            query = urlencode({"payee": things.person, "period": PERIOD})
            path = f"/v1/compensation/statements?{query}"
            is_now = (await there.ask(role, "GET", path, Accept="text/csv")).status_code
            wanted = file.answer(role, "statement", "export", relation_)
            wanted = wanted if file.named(role, "statement", "export") else 403
            if is_now != wanted:
                found.append(f"{role} statement of {relation_} as a file: {is_now}, {wanted}")
    return found


async def differences(there: World, file: Interpreter) -> Differences:
    asked = (objects, others, lists, single_pay, credited, created, decided, numbers, files)
    return [one for ask in asked for one in await ask(there, file)]


async def test_every_cell_is_answered_as_a_second_reader_of_the_file_says(there, file):
    assert "\n".join(await differences(there, file)) == ""


# Cells that no caller with a key can be seen to have: who holds a token or signs may as well.
UNSEEN: Final = {
    *(("event", "read"), ("webhook", "deliver"), ("content", "view-by-token")),
    ("subject", "export"),  # asked for by none of the questions here; the vault's own tests do
}


async def test_a_grant_more_or_less_is_seen_in_some_answer(there, file):
    """Every answer is asked for once; a file with one cell taken away or opened wide must not fit them."""
    assert await differences(there, file) == []
    unseen = []
    for cell, words in file.cells.items():
        if cell[1:] in UNSEEN:
            continue
        for changed in ([], ["all"]):
            if set(changed) == set(words) - {"mask", "agg"}:
                continue
            less = Interpreter(FILE.read_text())
            less.cells[cell] = changed
            if not changed:
                del less.cells[cell]
            if await differences(there, less) == []:
                unseen.append((cell, words, changed))
    assert unseen == []
