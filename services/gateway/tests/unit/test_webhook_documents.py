"""What subscribers are told to run verifies what we sign; the page lists what we send."""

import base64
import importlib.util
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from gateway.application.sending import signed
from gateway.domain.published import PUBLISHED, EventName
from onefunnel.events.catalogue import CATALOGUE
from onefunnel.testing.needing import missing

DOCS = Path(__file__).parents[4] / "docs"
VECTOR = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "stamp": 1614265330,
    "body": '{"test": 2432232314}',
    "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
AT = datetime.fromtimestamp(VECTOR["stamp"], UTC)
GOOD = {
    "webhook-id": VECTOR["id"],
    "webhook-timestamp": str(VECTOR["stamp"]),
    "webhook-signature": VECTOR["signature"],
}
# headers that differ, the clock, the body, and whether it is genuine
CASES: list[tuple[dict[str, str], int, str, bool]] = [
    ({}, 0, VECTOR["body"], True),
    ({"webhook-signature": f"v1,AAAA {VECTOR['signature']}"}, 0, VECTOR["body"], True),
    ({}, 299, VECTOR["body"], True),
    ({}, 301, VECTOR["body"], False),
    ({}, -301, VECTOR["body"], False),
    ({}, 0, VECTOR["body"] + " ", False),
    ({"webhook-id": "msg_other"}, 0, VECTOR["body"], False),
    ({"webhook-timestamp": "now"}, 0, VECTOR["body"], False),
    ({"webhook-signature": VECTOR["signature"][:-2]}, 0, VECTOR["body"], False),
    ({"webhook-signature": ""}, 0, VECTOR["body"], False),
    ({"webhook-signature": VECTOR["signature"].replace("v1,", "v1a,")}, 0, VECTOR["body"], False),
]


def test_we_sign_as_the_published_vector_does():
    key = base64.b64decode(VECTOR["secret"].removeprefix("whsec_"))
    headers = signed(VECTOR["id"], VECTOR["body"].encode(), [key, key], AT)
    assert headers["webhook-signature"] == f"{VECTOR['signature']} {VECTOR['signature']}"
    assert headers["webhook-timestamp"] == GOOD["webhook-timestamp"]


def python_verify() -> Any:
    spec = importlib.util.spec_from_file_location("v", DOCS / "examples" / "verify_webhook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.verify


@pytest.mark.parametrize(("changed", "off_s", "body", "genuine"), CASES)
def test_the_python_of_the_page_believes_what_is_genuine_alone(changed, off_s, body, genuine):
    headers = {**GOOD, **changed}
    now = VECTOR["stamp"] + off_s
    assert python_verify()(VECTOR["secret"], headers, body.encode(), now) is genuine


def test_the_typescript_of_the_page_believes_what_is_genuine_alone(tmp_path):
    node = shutil.which("node")
    if node is None:
        missing("node is not here: the TypeScript of docs/webhooks.md is not run")
    # Types that Node only has to leave out: whoever runs it has a compiler, or a Node that does so.
    typed = (DOCS / "examples" / "verify_webhook.ts").read_text()
    plain = re.sub(r": (string|Uint8Array|number|boolean|Record<[^>]+>)(?=[,;) =\n{])", "", typed)
    (tmp_path / "verify.mjs").write_text(plain)
    given = [[{**GOOD, **c}, VECTOR["stamp"] + off, body] for c, off, body, _ in CASES]
    (tmp_path / "run.mjs").write_text(
        'import { verify } from "./verify.mjs";\n'
        f"const cases = {json.dumps(given)};\n"
        f"const say = ([h, now, body]) => verify({json.dumps(VECTOR['secret'])}, h, Buffer.from(body), now);\n"
        "console.log(JSON.stringify(cases.map(say)));\n"
    )
    done = subprocess.run(
        [node, str(tmp_path / "run.mjs")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [genuine for *_, genuine in CASES]


def listed() -> dict[str, set[str]]:
    found = re.findall(
        r"^\| `([a-z._]+)` \| ([^;|]+)", (DOCS / "webhooks.md").read_text(), re.MULTILINE
    )
    return {name: {one.strip() for one in fields.split(",")} for name, fields in found}


def test_the_page_lists_every_event_with_its_fields():
    sent = {one.name: set(one.fields) for one in PUBLISHED.values()}
    sent["deal.won"].add("revenue_minor")
    sent["webhook.test"] = {"subscription_id"}
    assert listed() == sent
    assert {one.name for one in PUBLISHED.values()} == set(get_args(EventName))


@pytest.mark.parametrize("type_", PUBLISHED)
def test_what_is_sent_is_in_the_event(type_):
    fields = CATALOGUE[type_].model.model_fields
    known = {field.alias or name for name, field in fields.items()}
    assert PUBLISHED[type_].fields <= known
