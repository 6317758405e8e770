"""The server does what its OpenAPI says, for every operation, with what is right and what is wrong.

HULLMARK_SCHEMA_EXAMPLES=N tries N requests of each kind for each operation instead of a few, and other ones each time.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests  # noqa: TID251 - what schemathesis speaks through
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from hullmark.server.api.app import create_app
from hullmark.server.api.contract import contract_of, operations
from hullmark.server.api.paging import cursor_of
from hullmark.server.stories.services import services_for
from hullmark.server.stories.settings import Settings
from tests.support.database import fresh_database
from tests.support.desk import Desk
from tests.support.furnished import Furnished, advised, furnish
from tests.support.standing import Standing, standing

pytestmark = pytest.mark.slow

LONG = int(os.environ.get("HULLMARK_SCHEMA_EXAMPLES", "0"))
EXAMPLES = LONG or 3
ENDLESS = "/api/v1/events/stream"
"""Its answers do not end: tests/service/test_requests.py listens to it."""


def _application() -> Litestar:
    return create_app(services_for(Settings(data=Path("/nonexistent"), database_url="postgresql://nowhere/x"), {}))


APPLICATION = _application()
CONTRACT = contract_of(APPLICATION)
METHODS = ("get", "post", "put", "patch", "delete")
"""In this order, so that what is asked about is still there."""

FAULT = b"fault of the server"


def _cases() -> Iterator[tuple[str, GenerationMode]]:
    for method in METHODS:
        for path in CONTRACT["paths"]:
            told = CONTRACT["paths"][path].get(method)
            if told is None or path == ENDLESS:
                continue
            yield f"{method.upper()} {path}", GenerationMode.POSITIVE
            if "requestBody" in told or [
                parameter for parameter in told["parameters"] if "IfNoneMatch" not in parameter.get("$ref", "")
            ]:
                yield f"{method.upper()} {path}", GenerationMode.NEGATIVE


CASES = list(_cases())
load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "allow_header_conformance",
    ]
)


@schemathesis.serializer("application/x-tar", "application/octet-stream", "text/plain", "application/xml")
def _as_bytes(_: Any, value: Any) -> Any:
    return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}


EXAMINED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=not LONG,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


class World:
    """A server with two accounts that have something of everything, and a session that is the operator's."""

    def __init__(self, server: Standing, ours: Furnished, key: str) -> None:
        self.server = server
        self.ours = ours
        self.session = requests.Session()
        self.session.headers["authorization"] = f"Bearer {key}"
        config = SchemathesisConfig()
        config.projects.default.update(base_url=server.url)
        self.schema = schemathesis.openapi.from_dict(CONTRACT, config=config)

    def operation(self, name: str) -> Any:
        """What is to be asked for, by method and path."""
        method, _, path = name.partition(" ")
        return self.schema[path][method]

    def furnished(self, case: Any, *, own: bool) -> Any:
        """The request about something that there is, where `own` and it is about something."""
        if own and case.path_parameters:
            known = self.ours
            for name in case.path_parameters:
                marked = f"{{{name}}}"
                prefix, _, rest = case.path.partition(marked)
                found = known.path(prefix + marked)
                case.path_parameters[name] = found.removeprefix(known.path(prefix)) if rest is not None else found
        return case


@pytest.fixture(scope="module")
def world(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made: list[Any] = []

    async def fill(at: Desk) -> None:
        await advised(at)
        made.append(await furnish(at, "ours", "ourmark"))
        await furnish(at, "theirs", "theirmark")
        key = {"name": "operator", "role": "admin", "person": "admin", "scopes": _everything()}
        made.append((await at.post("/keys", key, "admin"))["key"])

    folder = tmp_path_factory.mktemp("schema")
    with standing(fresh_database(database_server), folder, fill, scan_seconds=20.0, body_wait=5.0) as server:
        yield World(server, made[0], made[1])


def _everything() -> list[str]:
    from hullmark.server.api.permissions import PERMISSIONS

    return sorted(PERMISSIONS)


def test_the_description_is_one_and_complete(world: World) -> None:
    world.schema.validate()
    served = requests.get(f"{world.server.url}/api/v1/openapi/openapi.json", timeout=30)
    assert served.json() == CONTRACT
    assert CONTRACT["openapi"].startswith("3.1")
    told = {(operation.path, operation.method.lower()): operation for operation in operations(APPLICATION)}
    assert {(path, method) for path, item in CONTRACT["paths"].items() for method in item} == set(told)
    names = [item["operationId"] for path in CONTRACT["paths"].values() for item in path.values()]
    assert len(set(names)) == len(names)
    for (path, method), each in told.items():
        item = CONTRACT["paths"][path][method]
        assert item["tags"], path
        assert len(item["tags"]) == 1, path
        assert item["description"], (method, path)
        assert (item.get("security") == []) == (each.handler.opt.get("public") is True), path
        assert "400" in item["responses"], path
        assert "." not in item["operationId"], path
    assert not [name for name in CONTRACT["components"]["schemas"] if "hullmark" in name or "_" in name]


@pytest.mark.parametrize(("name", "mode"), CASES, ids=[f"{name} {mode.value}" for name, mode in CASES])
def test_every_answer_is_as_described(world: World, name: str, mode: GenerationMode) -> None:
    operation = world.operation(name)

    @EXAMINED
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def asked(case: Any, own: bool) -> None:
        if mode is GenerationMode.POSITIVE:
            case = world.furnished(case, own=own)
        headers = {"X-Hullmark-Account": "ours"} if own else {}
        answer = case.call(session=world.session, headers=headers, timeout=60)
        assert FAULT not in answer.content, case.as_curl_command()
        case.validate_response(answer, checks=CHECKED)

    asked()


# What no generator of valid or invalid documents thinks of ------------------------------------------------------------

_MOMENTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z")
_TEXTS = (
    "%00",
    "a%00b",
    "%ff%fe",
    "%ED%A0%80",
    "%",
    "9" * 30,
    "-1",
    *(moment.replace("+", "%2B") for moment in _MOMENTS),
)
_MADE: tuple[Any, ...] = (
    1 << 63,
    -(1 << 62),
    "a\0b",
    "",
    [],
    None,
    {},
    b"\xff",
    ["0001-01-01T00:00:00+14:00", 1],
    [datetime(9999, 12, 31, tzinfo=UTC), (1 << 64) - 1],
    [datetime(1, 1, 1, tzinfo=UTC), 0],
    [1, 2, 3],
    [1 << 63, "\0"],
)
_CURSORS = tuple(cursor_of(each) for each in _MADE)
_QUICK = 4


def _values(name: str) -> tuple[str, ...]:
    found = (*_CURSORS, *_TEXTS) if name in ("cursor", "after") else _TEXTS
    return found if LONG or name in ("cursor", "after", "since", "before", "as_of", "known_at") else found[:_QUICK]


def _addresses(name: str) -> Iterator[str]:
    """The operation's address with one odd value in one place."""
    method, _, path = name.partition(" ")
    told = [parameter for parameter in CONTRACT["paths"][path][method.lower()]["parameters"] if "$ref" not in parameter]
    needed = [f"{each['name']}=x" for each in told if each["in"] == "query" and each["required"]]
    for each in told:
        for value in _values(each["name"]):
            if each["in"] == "path":
                yield path.replace(f"{{{each['name']}}}", value) + "?" + "&".join(needed)
            elif each["in"] == "query":
                yield f"{path}?" + "&".join((*needed, f"{each['name']}={value}"))
    for each in told:
        if each["in"] == "query":
            yield f"{path}?" + "&".join((*needed, f"{each['name']}=1", f"{each['name']}=2", f"{each['name']}[]=3"))
    yield f"{path}/?" + "&".join(needed)
    yield f"{path}?%00=%00&;&=&&" + "&".join(needed)


def _sent(world: World, method: str, address: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    known = address.partition("?")
    for name in (
        "digest",
        "name",
        "kind",
        "number",
        "key",
        "pattern",
        "reference",
        "person",
        "policy_id",
        "id",
        "host",
    ):
        if f"{{{name}}}" in known[0]:
            address = world.ours.path(known[0]) + known[1] + known[2]
            break
    connection = http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=60)
    with contextlib.closing(connection):
        given = {"Authorization": world.session.headers["authorization"], "X-Hullmark-Account": "ours"}
        connection.request(method, address, body, {**given, **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        return answer.status, answer.read()


ODD = sorted({name for name, _ in CASES}, key=lambda name: (METHODS.index(name.split()[0].lower()), name))
DONE = ("DELETE /v1/events", "POST /api/v1/advisories")
"""Not asked with what is right: it would be done."""


@pytest.mark.parametrize("name", [name for name in ODD if not name.startswith("DELETE")])
def test_odd_values_in_addresses_are_no_fault_of_the_server(world: World, name: str) -> None:
    method = name.partition(" ")[0]
    for address in _addresses(name):
        status, body = _sent(world, method, address)
        assert FAULT not in body, (address, body)
        assert status < 500 or status in (501, 502, 503) or "harbor" in address, (address, status, body)


_BODIES = (
    (b"", "application/json"),
    (b"null", "application/json"),
    (b"[]", "application/json"),
    (b"{", "application/json"),
    (b"\xff\xfe{}", "application/json"),
    (b'{"a": "\\ud800"}', "application/json"),
    (b'{"a": NaN}', "application/json"),
    (b"[" * 20_000, "application/json"),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "application/json"),
    (b'{"a": 1' + b"0" * 5000 + b"}", "application/json"),
    (b"{}", "application/json; charset=utf-16"),
    (b"{}", "text/plain"),
    (b"a=b", "application/x-www-form-urlencoded"),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
    (b"--x\r\n", "multipart/form-data"),
    (b"\x81\xa1a\x01", "application/msgpack"),
    (b"{}", "\xff"),
    (b"{}", ""),
)


def _documents(name: str) -> Iterator[bytes]:
    """Bodies that are right but for one field's odd value."""
    method, _, path = name.partition(" ")
    content = CONTRACT["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    known = CONTRACT["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
    fields = known.get("properties", {})
    right = {field: _right(fields[field]) for field in known.get("required", ())}
    odd: tuple[Any, ...] = (
        "a\u0000b",
        "\ud800",
        10**30,
        -1,
        1e308,
        None,
        "9999-12-31T23:59:59-14:00",
        "0001-01-01",
        [],
        {"\u0000": "\u0000"},
    )
    for field, value in itertools.product(fields, odd):
        yield json.dumps({**right, field: value}).encode()


def _right(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    return {"integer": 1, "boolean": True, "array": [], "object": {}}.get(str(schema.get("type")), "x")


@pytest.mark.parametrize(
    "name", [name for name in ODD if name.split()[0] in ("POST", "PUT", "PATCH") and name not in DONE]
)
def test_odd_bodies_are_no_fault_of_the_server(world: World, name: str) -> None:
    method, _, path = name.partition(" ")
    told = CONTRACT["paths"][path][method.lower()]
    needed = "&".join(
        f"{parameter['name']}=x"
        for parameter in told["parameters"]
        if parameter.get("in") == "query" and parameter["required"]
    )
    sent = [*_BODIES, *((document, "application/json") for document in _documents(name))]
    for body, kind in sent[:: 1 if LONG or ("scan" not in name and "sbom" not in name) else 12]:
        status, answer = _sent(world, method, f"{path}?{needed}", body, Content_Type=kind)
        assert FAULT not in answer, (body[:200], kind, answer)
        assert status < 500 or status in (501, 502, 503) or "harbor" in path, (body[:200], kind, status, answer)


def test_other_methods_are_refused_as_such(world: World) -> None:
    for path, item in CONTRACT["paths"].items():
        status, body = _sent(world, "OPTIONS", path)
        assert status in (204, 405), (path, body)
        for method in ("HEAD", "TRACE", "PROPFIND", "PATCH", "PUT"):
            if method.lower() not in item:
                status, body = _sent(world, method, path)
                assert status in (400, 404, 405, 501) or (method == "HEAD" and status < 500), (
                    method,
                    path,
                    status,
                    body,
                )
                assert FAULT not in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency_Key": "\xff\xfe"},
        {"Idempotency_Key": "a" * 5000},
        {"If_None_Match": '\xff, W/, ", *'},
        {"X_Hullmark_Account": "\xff"},
        {"X_Hullmark_Account": "a" * 5000},
        {"Authorization": "Bearer \xff"},
        {"Authorization": "Basic /////w=="},
        {"Authorization": "Basic " + "A" * 30_000},
        {"Accept": "\xff/\xfe;q=x"},
        {"X_Request_Id": "\xff"},
        {"Cookie": "\xff=\xff; a"},
        {"Accept_Encoding": "\xff"},
        {"Range": "bytes=5-1"},
        {"Expect": "100-continue"},
    ],
)
def test_odd_headers_are_no_fault_of_the_server(world: World, headers: dict[str, str]) -> None:
    for method, path in (
        ("GET", "/api/v1/images"),
        ("POST", "/api/v1/exceptions"),
        ("GET", "/v1/images"),
        ("GET", "/api/harbor/metadata"),
    ):
        status, body = _sent(world, method, path, b"{}" if method == "POST" else None, **headers)
        assert status < 500, (path, body)
