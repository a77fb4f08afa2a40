"""The matrix of rights against what people are promised, written down a second time and by hand."""

import pytest

from gateway.application.catalogue import operations_of
from gateway.application.exports import TABLES
from gateway.domain.pay import private_parameter, seen_by
from gateway.domain.rights import MATRIX, BadMatrix, parsed
from gateway.main import checked_in_document
from onefunnel.ids import new_id
from onefunnel.reach import ROLES

# What each role must and must not be able to do: one promise a line.
PROMISES = """
rep         may     lead.accept lead.convert deal.win deal.lose lead.rate content.share feedback.create
rep         may not lead.assign lead.merge plan.change quota.set period.close api_key.create batch.create
rep         may     adjustment.read statement.read plan.read
rep         may not tenant.update reconciliation.decide reconciliation.read deal.refund deal.correct
marketer    may     lead.assign campaign.spend content.publish definition.create feedback.answer
marketer    may not lead.accept deal.win plan.change period.close api_key.read batch.create
marketer    may     metrics.export
marketer    may not lead.export deal.export statement.export ledger.export
manager     may     reconciliation.decide lead.merge deal.reopen funnel.create adjustment.create
manager     may not plan.change quota.set period.close api_key.create adjustment.approve
executive   may     metrics.read statement.read plan.read attainment.read
executive   may not lead.read deal.read explanation.read lead.create plan.change period.close deal.win
comp_admin  may     plan.change quota.set period.close adjustment.create statement.read ledger.read
comp_admin  may     adjustment.approve
comp_admin  may not lead.read lead.create deal.win campaign.spend api_key.create definition.activate
comp_admin  may not subject.export lead.export
auditor     may     lead.read deal.read statement.read ledger.read adjustment.read api_key.read
auditor     may not lead.create deal.win plan.change period.close api_key.create content.publish
integration may     batch.create lead.create deal.win lead.touch content.view
integration may not lead.read deal.read statement.read ledger.read metrics.read plan.read person.read
integration may not api_key.create lead.assign tenant.read event.read
operator    may     operations.read operations.redrive status.read identity.read
operator    may not operations.change lead.read statement.read person.read event.read audit.read
admin       may     api_key.create api_key.revoke tenant.update batch.create plan.change period.close
"""


def promises():
    for line in PROMISES.strip().splitlines():
        role, _, rest = line.partition(" ")
        verb = "may not" if rest.split()[1] == "not" else "may"
        for pair in rest.strip().removeprefix(verb).split():
            yield role, verb == "may", *pair.split(".")


@pytest.mark.parametrize(("role", "may", "resource", "action"), list(promises()))
def test_a_role_may_what_was_promised(role, may, resource, action):
    line = MATRIX.line(resource, action)
    assert line is not None
    assert (role in line) is may


def test_a_pair_that_is_not_in_the_file_has_no_line():
    assert MATRIX.line("moon", "eat") is None
    assert MATRIX.line("lead", "eat") is None


@pytest.mark.parametrize(
    "text",
    [
        '[lead]\nread = { boss = "all" }',
        '[lead]\nread = { rep = "everything" }',
        '[lead]\nread = { rep = "self", "marketer rep" = "all" }',
        '[lead]\nread = { rep = "" }',
        '[lead]\nread = { rep = "mask" }',
    ],
)
def test_a_word_that_means_nothing_stops_the_start(text):
    with pytest.raises(BadMatrix):
        parsed(text)


def test_an_auditor_changes_nothing():
    changes = {action for actions in MATRIX.permissions("auditor").values() for action in actions}
    assert changes == {"read", "export"}


def test_an_operator_sees_how_things_stand_and_takes_up_what_was_left():
    assert MATRIX.permissions("operator") == {
        "identity": ["read"],
        "operations": ["read", "redrive"],
        "status": ["read"],
    }


def test_an_integration_reads_nothing_but_how_things_are():
    reads = {r for r, actions in MATRIX.permissions("integration").items() if "read" in actions}
    assert reads == {"identity", "status"}


def test_nobody_decides_about_their_own_pay():
    decided = {"plan.change", "quota.set", "adjustment.create", "adjustment.approve"}
    for pair in (*decided, "deal.correct", "deal.refund"):
        line = MATRIX.line(*pair.split("."))
        assert line is not None
        owner = set() if pair in decided else {"admin"}
        may = {r for r, cell in line.items() if "self" in cell.relations}
        assert may <= {*owner, "integration"}, pair


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("asked", ["own", "other", "none"])
def test_nobody_who_sees_only_their_own_pay_is_shown_anothers(role, asked):
    me, other = new_id(), new_id()
    question = {"own": str(me), "other": str(other), "none": None}[asked]
    seen = seen_by(MATRIX.rights(role, "statement", "read"), me, question)
    if role not in {"rep", "marketer", "executive"}:
        assert (seen.visible, seen.narrow_to) == (True, None)
    elif asked == "other":
        assert not seen.visible
    else:
        assert seen.visible
        assert seen.narrow_to == (me if asked == "none" else None)


@pytest.mark.parametrize(
    ("resource", "parameters", "private"),
    [
        ("statement", {"payee", "period"}, "payee"),
        ("metrics", {"payee"}, "payee"),
        ("quota", {"person"}, "person"),
        ("plan", {"person", "plan"}, "person"),
        ("plan", {"limit"}, None),
        ("metrics", {"person"}, None),
    ],
)
def test_the_parameter_that_says_whose_pay_it_is(resource, parameters, private):
    assert private_parameter(resource, parameters) == private


def test_every_operation_about_pay_says_whose():
    """A new operation on statements or ledger without a payee would show everybody's."""
    open_ones = [
        operation.operation_id
        for operation in operations_of(checked_in_document())
        if operation.resource in {"statement", "ledger"} and operation.private_parameter is None
    ]
    assert open_ones == []


def test_every_line_of_the_table_is_of_use():
    operations = operations_of(checked_in_document())
    files = [o.as_a_file for o in operations if o.operation_id in TABLES]
    used = {(o.resource, o.action) for o in (*operations, *files)}
    assert set(MATRIX) - used == set()
