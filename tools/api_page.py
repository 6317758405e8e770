"""The reference page of the API, docs/reference/api.md, written from its description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.server.api.contract import PERMISSION
from hullmark.server.api.permissions import PERMISSIONS, ROLES

_METHODS = ("get", "post", "put", "patch", "delete")
_HEAD = """\
# The HTTP API

This page is written from the server's OpenAPI 3.1 description, which every server serves at `/api/v1/openapi/openapi.json`, without a
sign-in; the shapes that are named here stand there in full. What Anchore's clients ask for below `/v1` is in
[anchore-api.md](anchore-api.md); Harbor's scanner API is below `/api/harbor`.

## What holds everywhere

**Sign-in.** `Authorization: Bearer hmk_…` with an API key, `Bearer` with a token (from `POST /api/v1/tokens`, or of the identity
provider), or `Basic` with a person's name and password; clients that know only passwords send the name `_api_key` and a key as the
password. Nobody, or a proof that is worth nothing: 401.

**Accounts.** Everything belongs to an account. Who belongs to several, and operators, choose one with `X-Hullmark-Account`; addresses
below `/api/v1/accounts/NAME` name it themselves. What is another account's is answered like what there is not: 404, or 403 for the
account itself.

**Bodies** are JSON in snake_case; unknown fields are refused (400). Moments are RFC 3339; one without a zone is UTC.

**Errors** are `application/problem+json` (RFC 9457): `title`, `status`, `detail`, and `advice`, which says what to do; for a request that
is not understood also `errors`, one for each field. Below `/v1` they have Anchore's body.

| status | when |
|---|---|
{statuses}

**Lists** answer `{{"items": […], "next": "…"}}`. `limit` is at most 200; `cursor` takes the `next` of the page before, null is the end.
A cursor is good for the list that it came from, also after things were added or removed.

**Sending again.** A POST with an `Idempotency-Key` (at most 200 printable characters, your own, for instance a UUID) acts once: sent again
within a day it is answered as the first time, with `Idempotent-Replayed: true`. The key with another request is refused (422); while the
first one is at work: 409 with `Retry-After`. What failed with 5xx did not happen and may be sent again. PUT, PATCH and DELETE need no key,
nor do uploads, which go by what they hold.

**Asking again.** Answers to GET that come in one piece have an `ETag`; with `If-None-Match` the answer is 304 if it would be the same.

**Rates.** Each caller has so many requests a minute (`HULLMARK_RATE`), each address a few without or with wrong proof: then 429 with
`Retry-After` in seconds. 503 has it too.

**Every answer** has `X-Request-Id`, which the log and the audit log have too; one that you send (letters, digits, `._:/+=-`) is taken over.

**Events** are listed at `/api/v1/events`, and told as they happen at `/api/v1/events/stream` (Server-Sent Events): `id` is the event's
number, `event` its kind, `data` the event as JSON. A client that comes back with `Last-Event-ID` gets what it missed, in order, whatever
happened to it or to the server meanwhile. A comment comes at least every 15 seconds while nothing happens.

## Roles and permissions

What a role may in its account. Operators may everything, in every account; `system:write` is theirs alone. Keys may be narrowed to some
of these by `scopes`.

| permission | {roles} |
|---|{dashes}|
{grants}
"""


def page_of(contract: dict[str, Any]) -> str:
    """The page, in Markdown."""
    roles = list(ROLES)
    head = _HEAD.format(
        statuses="\n".join(_statuses(contract)),
        roles=" | ".join(roles),
        dashes="|".join("---" for _ in roles),
        grants="\n".join(
            f"| `{permission}` | {' | '.join('yes' if permission in ROLES[role] else '' for role in roles)} |"
            for permission in sorted(PERMISSIONS)
        ),
    )
    tags = [tag for tag in contract["tags"] if not tag["name"].startswith("anchore")]
    return head + "".join("\n" + "\n".join(_section(contract, tag)) + "\n" for tag in tags)


def _statuses(contract: dict[str, Any]) -> Iterator[str]:
    for name, told in sorted(contract["components"]["responses"].items()):
        if name.isdigit():
            yield f"| {name} | {told['description']} |"


def _section(contract: dict[str, Any], tag: dict[str, str]) -> Iterator[str]:
    yield f"## {tag['name'].replace('_', ' ').capitalize()}"
    yield ""
    yield tag["description"]
    for path, item in contract["paths"].items():
        for method in _METHODS:
            if method in item and tag["name"] in item[method]["tags"]:
                yield ""
                yield from _operation(contract, path, method, item[method])


def _operation(contract: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> Iterator[str]:
    yield f"### `{method.upper()} {path}`"
    yield ""
    needs = told.get(PERMISSION)
    who = "for everybody" if needs is None else "signed in" if ":" not in needs and needs != "scan" else f"`{needs}`"
    yield f"{told['summary']} ({who})."
    description = told["description"].rpartition("\n\nNeeds ")[0] if needs else told["description"]
    if description:
        yield ""
        yield " ".join(description.split())
    if parameters := list(_parameters(told)):
        yield ""
        yield from parameters
    yield ""
    yield from _exchange(contract, told)


def _parameters(told: dict[str, Any]) -> Iterator[str]:
    for parameter in told["parameters"]:
        if "$ref" in parameter or parameter["in"] == "path":
            continue
        schema = parameter.get("schema", {})
        words = [_kind(schema)]
        if parameter.get("required"):
            words.append("required")
        elif schema.get("default") not in (None, ""):
            words.append(f"default {str(schema['default']).lower()}")
        text = f": {parameter['description']}" if parameter.get("description") else ""
        yield f"- `{parameter['name']}` ({', '.join(words)}){text}"


def _exchange(contract: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    body = told.get("requestBody", {}).get("content", {})
    if body:
        yield f"- sends {' or '.join(_content(name, each['schema']) for name, each in body.items())}"
        for each in body.values():
            yield from _fields(contract, each["schema"])
    for status, answer in told["responses"].items():
        if "$ref" in answer or not status.startswith(("2", "3")):
            continue
        content = answer.get("content", {})
        shapes = " or ".join(_content(name, each["schema"]) for name, each in content.items()) or "nothing"
        yield f"- answers {status}: {shapes}"
    refused = [name for name, answer in told["responses"].items() if name[0] in "45" and name not in _USUAL]
    if refused:
        yield f"- refuses with {', '.join(refused)}, and as everywhere"


_USUAL = ("400", "401", "403", "404", "408", "413", "415", "422", "429", "431", "503")


def _content(media_type: str, schema: dict[str, Any]) -> str:
    kind = _kind(schema)
    if media_type == "application/json" and kind != "anything":
        return f"`{kind}`" if kind[0].isupper() else kind
    return f"`{media_type}`"


def _fields(contract: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """The fields of a body, one a line."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found = contract["components"]["schemas"].get(name, schema)
    for field, kind in sorted(found.get("properties", {}).items(), key=lambda each: each[0]):
        words = [_kind(kind)]
        if field in found.get("required", ()):
            words.append("required")
        elif kind.get("default") not in (None, "", [], {}):
            words.append(f"default {str(kind['default']).lower()}")
        yield f"    - `{field}` ({', '.join(words)})"


def _kind(schema: dict[str, Any]) -> str:
    """The type of a schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return ", ".join(str(each) for each in schema["enum"] if each is not None)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(each) for each in schema[several]))
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(each for each in kind if each != "null") + (" or null" if "null" in kind else "")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    known = {"date-time": "moment", "uuid": "UUID", "binary": "bytes"}
    return known.get(str(schema.get("format"))) or str({"boolean": "true or false", "string": "text"}.get(kind, kind))
