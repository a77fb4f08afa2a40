"""The catalogue of operations, and what stops the start."""

import pytest

from gateway.application.catalogue import BadCatalogue, RouteTable, merged, operations_of
from onefunnel.http.app import Undeclared, service_app
from onefunnel.http.routing import declared, routes


def described(**extension):
    operation = {"operationId": extension.pop("id", "listLeads"), "responses": {}}
    if extension:
        operation["x-onefunnel"] = extension
    return operation


def document(path="/v1/leads", method="get", **extension):
    return {"paths": {path: {method: described(**extension)}}}


LEADS = {"service": "lead", "resource": "lead", "action": "read", "owned": True}


@pytest.mark.parametrize("missing", ["service", "resource", "action"])
def test_an_operation_that_does_not_declare_itself_stops_the_start(missing):
    extension = {key: value for key, value in LEADS.items() if key != missing}
    with pytest.raises(BadCatalogue, match="GET /v1/leads does not declare"):
        operations_of(document(**extension))


def test_an_operation_without_any_declaration_stops_the_start():
    with pytest.raises(BadCatalogue, match="does not declare"):
        operations_of(document())


@pytest.mark.parametrize("unknown", [{"resource": "moon"}, {"action": "eat"}])
def test_an_operation_that_no_role_is_asked_about_stops_the_start(unknown):
    with pytest.raises(BadCatalogue, match="the matrix has no line for"):
        operations_of(document(**{**LEADS, **unknown}))


def test_what_may_be_had_as_a_file_needs_a_line_that_says_who_takes_it_along():
    deals = {"service": "lead", "resource": "activity", "action": "read", "owned": True}
    with pytest.raises(BadCatalogue, match="no line for activity"):
        operations_of(document(id="listDeals", **deals))


def test_a_line_that_tells_owners_apart_needs_a_route_that_does():
    with pytest.raises(BadCatalogue, match="owned=True"):
        operations_of(document(**{**LEADS, "owned": False}))


def test_a_line_with_groups_needs_a_route_that_knows_them():
    numbers = {"service": "metrics", "resource": "metrics", "action": "read", "owned": True}
    with pytest.raises(BadCatalogue, match="grouped=True"):
        operations_of(document(**numbers))
    assert operations_of(document(**numbers, grouped=True))


def test_a_service_whose_owned_route_nobody_guards_does_not_start():
    router = routes("leads")

    @router.get("/v1/leads/{lead_id}", openapi_extra=declared("lead", "read", owned=True))
    async def get_lead(lead_id: str) -> None: ...

    async def ready() -> None: ...

    with pytest.raises(Undeclared, match="nobody guards it"):
        service_app(name="lead-service", routers=[router], internal_key=b"k", ready=ready)


def test_two_operations_of_one_name_stop_the_start():
    two = document(**LEADS)
    two["paths"]["/v1/other"] = {"get": described(**LEADS)}
    with pytest.raises(BadCatalogue, match="unique"):
        operations_of(two)


def test_a_service_with_an_undeclared_route_does_not_start():
    router = routes("leads")

    @router.get("/v1/leads")
    async def list_leads() -> None: ...

    async def ready() -> None: ...

    with pytest.raises(Undeclared, match="/v1/leads lacks openapi_extra"):
        service_app(name="lead-service", routers=[router], internal_key=b"k", ready=ready)


def test_a_service_with_a_route_of_another_kind_does_not_start():
    from fastapi import APIRouter

    router = APIRouter()

    @router.get("/v1/leads", openapi_extra=declared("lead", "read"))
    async def list_leads() -> None: ...

    async def ready() -> None: ...

    with pytest.raises(Undeclared, match="make routers with"):
        service_app(name="lead-service", routers=[router], internal_key=b"k", ready=ready)


def table() -> RouteTable:
    found = []
    for number, path in enumerate(
        ["/v1/leads", "/v1/leads/batch", "/v1/leads/{lead_id}", "/v1/leads/{lead_id}/accept",
         "/v1/leads/batch/{batch_id}", "/v1/{anything}/other"]
    ):  # fmt: skip
        found += operations_of(document(path, id=f"op{number}", **LEADS))
    return RouteTable(found)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/leads", ("/v1/leads", {})),
        ("/v1/leads/batch", ("/v1/leads/batch", {})),
        ("/v1/leads/42", ("/v1/leads/{lead_id}", {"lead_id": "42"})),
        ("/v1/leads/42/accept", ("/v1/leads/{lead_id}/accept", {"lead_id": "42"})),
        ("/v1/leads/batch/7", ("/v1/leads/batch/{batch_id}", {"batch_id": "7"})),
        ("/v1/leads/batch/accept", ("/v1/leads/batch/{batch_id}", {"batch_id": "accept"})),
        ("/v1/leads/other", ("/v1/leads/{lead_id}", {"lead_id": "other"})),
        ("/v1/deals/other", ("/v1/{anything}/other", {"anything": "deals"})),
    ],
)
def test_a_word_wins_over_a_parameter_and_a_dead_end_is_walked_back(path, expected):
    match = table().find(path)
    assert (match.operations["GET"].path, match.parameters) == expected


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/leads/", "/v1/leads//accept", "/v2/leads", ""])
def test_no_other_path_is_found(path):
    assert table().find(path) is None


def test_one_path_served_twice_stops_the_start():
    operations = operations_of(document(**LEADS))
    with pytest.raises(BadCatalogue, match="there twice"):
        RouteTable([*operations, *operations])


def test_documents_merge_and_the_first_one_wins_a_path():
    first = {**document(id="a", **LEADS), "components": {"schemas": {"Money": {"type": "object"}}}}
    second = {
        **document(id="b", **LEADS),
        "components": {"schemas": {"Money": {"type": "object"}, "Lead": {}}},
    }
    second["paths"]["/v1/leads"]["post"] = described(id="c", **LEADS)
    found = merged([first, second], {"title": "t", "version": "1"})
    assert found["paths"]["/v1/leads"]["get"]["operationId"] == "a"
    assert found["paths"]["/v1/leads"]["post"]["operationId"] == "c"
    assert list(found["components"]["schemas"]) == ["Lead", "Money"]


def test_two_schemas_of_one_name_are_told_apart_wherever_they_are_meant():
    def speaking(service, kind, id_, path):
        operation = described(id=id_, **{**LEADS, "service": service})
        operation["answer"] = {"$ref": "#/components/schemas/Money"}
        return {
            "paths": {path: {"get": operation}},
            "components": {"schemas": {"Money": {"type": kind}, "Same": {"type": "null"}}},
        }

    first = speaking("lead", "object", "a", "/v1/a")
    second = speaking("scoring", "string", "b", "/v1/b")
    found = merged([first, second], {"title": "t", "version": "1"})
    assert list(found["components"]["schemas"]) == ["Money", "Same", "ScoringMoney"]
    assert found["paths"]["/v1/a"]["get"]["answer"]["$ref"].endswith("/Money")
    assert found["paths"]["/v1/b"]["get"]["answer"]["$ref"].endswith("/ScoringMoney")
