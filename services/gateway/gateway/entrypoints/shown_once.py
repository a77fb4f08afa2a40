"""A secret that was made here: in the first answer, and in no other."""

import orjson
from starlette.responses import Response


def with_secret(response: Response, secret: str | None) -> Response:
    """Put a secret into the first answer; the kept answer, and so every replay, lacks it."""
    if secret is None or "Idempotent-Replayed" in response.headers:
        return response
    body = orjson.dumps({**orjson.loads(response.body), "secret": secret})
    answer = Response(body, response.status_code, media_type="application/json")
    for name in ("Location", "ETag"):
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer
