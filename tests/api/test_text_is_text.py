"""What somebody is called is text: a browser that is shown it runs nothing, whichever way it came."""

import json

from .stage import Stage

NAME = "<script>alert(1)</script><img src=x onerror=alert(1)>"
JSON = {"content-type": "application/json"}


def test_markup_in_a_name_is_kept_as_text_and_answered_as_nothing_else(stage: Stage) -> None:
    body = json.dumps({"name": NAME, "kind": "rep"}).encode()
    made = stage.ask("POST", "/v1/people", headers=JSON, body=body)
    person = json.loads(made.body)["id"]
    for target in ("/v1/people", f"/v1/people/{person}"):
        answer = stage.ask("GET", target, headers={"accept": "text/html,*/*;q=0.1"})
        headers = dict(answer.headers)
        assert headers[b"content-type"] == b"application/json"
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert NAME in json.dumps(json.loads(answer.body))


def test_what_is_a_page_of_ours_runs_no_script_of_others(stage: Stage) -> None:
    policy = dict(stage.ask("GET", "/docs").headers)[b"content-security-policy"]
    assert b"default-src 'none'" in policy
    assert b"'unsafe-inline'" not in policy.partition(b"script-src")[2].partition(b";")[0]
