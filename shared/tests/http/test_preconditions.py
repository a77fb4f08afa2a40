"""ETag and If-Match: nobody overwrites what they have not seen."""

import pytest


async def thing(client) -> str:
    return (await client.post("/v1/things", json={"name": "one"})).headers["location"]


async def rename(client, path: str, tag: str | None, name: str = "two"):
    headers = {} if tag is None else {"If-Match": tag}
    return await client.patch(path, json={"name": name}, headers=headers)


async def test_the_etag_of_a_write_lets_the_next_write_in(things, anna):
    path = await thing(anna)
    tag = (await anna.get(path)).headers["etag"]
    changed = await rename(anna, path, tag)
    assert changed.status_code == 200
    assert (await anna.get(path)).headers["etag"] == changed.headers["etag"] != tag


async def test_without_if_match_nothing_is_written(things, anna):
    answer = await rename(anna, await thing(anna), None)
    assert answer.status_code == 428
    assert answer.json()["code"] == "precondition-required"
    assert await things.names() == ["one"]


@pytest.mark.parametrize("tag", ['"0"', '"2"', 'W/"1"', "1", '"1", "2"', '"x"', ""])
async def test_an_etag_that_is_not_the_present_one_is_stale(things, anna, tag):
    answer = await rename(anna, await thing(anna), tag)
    assert answer.status_code == 412
    assert answer.json()["code"] == "stale-version"
    assert await things.names() == ["one"]


async def test_a_wildcard_is_refused(things, anna):
    answer = await rename(anna, await thing(anna), "*")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/If-Match"


async def test_what_has_not_changed_is_not_sent_again(things, anna):
    path = await thing(anna)
    tag = (await anna.get(path)).headers["etag"]
    known = (tag, f'"9", {tag}', f"W/{tag}", f' "a,b" ,W/"9",,  W/{tag}', "*", " * ")
    for given in (*known, [("If-None-Match", '"9"'), ("If-None-Match", tag)]):
        headers = given if isinstance(given, list) else {"If-None-Match": given}
        again = await anna.get(path, headers=headers)
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag


@pytest.mark.parametrize("given", ['"9"', "1", "", 'w/"1"', '"1', '*, "9"', "W/", '"1-masked"'])
async def test_what_names_another_version_or_none_is_answered(things, anna, given):
    path = await thing(anna)
    assert (await anna.get(path)).headers["etag"] == '"1"'
    assert (await anna.get(path, headers={"If-None-Match": given})).status_code == 200
