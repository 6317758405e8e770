"""The API's description (OpenAPI 3.1), completed from what the routes say of themselves: errors, permissions, names.

A route says in `opt`, besides its `permission`: `formats`, the kind of result that it answers in any format of the command line;
`answers`, media types of answers by status; `also`, another status of the same answer; `fails`, statuses of refusals of its own; `takes`,
types of bodies by media type, where the route reads the body itself.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from hullmark.report import load, names
from hullmark.report.anchore.errors import ErrorBody
from hullmark.server.api.plain_schemas import as_array, make_plain_list, plain_parameter
from hullmark.server.api.problems import MEDIA_TYPE, ProblemBody

ANCHORE, HARBOR = "/v1", "/api/harbor"
PERMISSION = "x-hullmark-permission"
_HARBOR_ERROR = "application/vnd.scanner.adapter.error+json; version=1.0"
_STATE = "contract"
_WORDS: Mapping[int, str] = {
    400: "The request is not understood.",
    401: "Nobody is signed in, or the credentials are not valid.",
    403: "The caller may not do this, or the account is not open to it.",
    404: "There is no such thing, or the account may not see it: both read the same.",
    408: "The body comes too slowly.",
    409: "The state of things does not allow it, or the first request with this Idempotency-Key is at work.",
    413: "The body is too long.",
    415: "The body is of a type that is not taken.",
    422: "The request cannot be carried out as it is.",
    429: "Too many requests: `Retry-After` says when to come again.",
    431: "The head of the request is too long.",
    500: "A fault of the server.",
    501: "This is not offered.",
    502: "A registry, or another host that had to be asked, does not answer as it should.",
    503: "The server cannot answer now: `Retry-After` says when to come again.",
}
_WAITS = (429, 503)
_JSON: dict[str, Any] = {}
_TEXT = {"type": "string"}
_ARRAYS = {"Cvss"}
"""Types that JSON has as arrays of their fields."""


class Operation(NamedTuple):
    """A route with its method, and where the description has it."""

    path: str
    method: str
    handler: HTTPRouteHandler
    main: str
    """The path that it has, or the first of several."""

    @property
    def family(self) -> str:
        """Whose clients it is for: "" for our own."""
        return _family(self.path)


class Contract(JsonRenderPlugin):
    """Serves the description."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as JSON."""
        return msgspec.json.encode(contract_of(request.app))


def contract_of(app: Litestar) -> dict[str, Any]:
    """The description of an application, made when it is first needed."""
    if _STATE not in app.state:
        app.state[_STATE] = msgspec.json.decode(msgspec.json.encode(_build_document(app)))
    found: dict[str, Any] = app.state[_STATE]
    return found


def operations(app: Litestar) -> Iterator[Operation]:
    """All that is described."""
    main: dict[object, str] = {}
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    for route in sorted(routes, key=lambda route: (len(route.path_format), route.path_format)):
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS" and handler.resolve_include_in_schema():
                path = route.path_format or "/"
                yield Operation(path, method, handler, main.setdefault(handler.fn, path))


def _family(path: str) -> str:
    return next((family for family in (ANCHORE, HARBOR) if path == family or path.startswith(f"{family}/")), "")


def _build_document(app: Litestar) -> dict[str, Any]:
    document: dict[str, Any] = app.openapi_schema.to_schema()
    components = document["components"]
    tags: dict[str, str] = {}
    for operation in sorted(operations(app), key=lambda operation: (operation.path, operation.method)):
        described = document["paths"][operation.path][operation.method.lower()]
        _complete(described, operation)
        tag = _tag(operation)
        described["tags"] = [tag]
        tags[tag] = (inspect.getdoc(_module(operation)) or "").partition("\n")[0]
    for schema in components["schemas"].values():
        for field in schema.get("properties", {}).values():
            make_plain_list(field)
    for name in _ARRAYS & components["schemas"].keys():
        components["schemas"][name] = as_array(components["schemas"][name])
    document["paths"] = dict(sorted(document["paths"].items()))
    document["tags"] = [{"name": name, "description": tags[name]} for name in sorted(tags)]
    components["responses"] = _responses()
    components["headers"] = _headers()
    components["parameters"] = _parameters()
    components["schemas"].update(_errors())
    return _rename_schemas(document)


def _module(operation: Operation) -> Any:
    return sys.modules[operation.handler.fn.__module__]


def _tag(operation: Operation) -> str:
    if operation.family == HARBOR:
        return "harbor"
    name = operation.handler.fn.__module__.rpartition(".")[2]
    return f"anchore {name}" if operation.family else name


def _complete(described: dict[str, Any], operation: Operation) -> None:
    handler, opt = operation.handler, operation.handler.opt
    described["operationId"] = _identity(operation)
    described.pop("deprecated", None)
    if handler.summary is None:
        text = f"{inspect.getdoc(handler.fn) or ''} ".replace("\n", " ")
        described["summary"] = re.split(r"[.:;]\s", text)[0].strip()
    permission = opt.get("permission")
    if permission is None:
        described["security"] = []
    else:
        described[PERMISSION] = permission
        needs = "Needs to be signed in." if ":" not in permission and permission != "scan" else f"Needs `{permission}`."
        described["description"] = f"{described.get('description', '').strip()}\n\n{needs}".strip()
    parameters = [plain_parameter(parameter) for parameter in described.get("parameters", [])]
    described["parameters"] = parameters + [
        {"$ref": f"#/components/parameters/{name}"} for name in _list_shared_parameters(operation)
    ]
    for media_type, kind in opt.get("takes", {}).items():
        body = described.setdefault("requestBody", {"required": True, "content": {}})
        body["content"][media_type] = {"schema": _inline(kind)}
    success = described["responses"].pop(str(handler.status_code))
    described["responses"] = {
        **_successes(operation, success),
        **{str(status): _reference(operation.family, status) for status in _failures(operation)},
    }


def _inline(kind: Any) -> dict[str, Any]:
    """The schema of a type, with all that it refers to in itself."""
    (schema,), known = msgspec.json.schema_components([kind], ref_template="{name}")

    def inline_node(node: Any) -> Any:
        if isinstance(node, list):
            return [inline_node(item) for item in node]
        if not isinstance(node, dict):
            return node
        return (
            inline_node(known[node["$ref"]])
            if "$ref" in node
            else {name: inline_node(child) for name, child in node.items()}
        )

    found: dict[str, Any] = inline_node(schema)
    return found


def _identity(operation: Operation) -> str:
    handler = operation.handler
    own = handler.operation_id if isinstance(handler.operation_id, str) else handler.fn.__name__
    if not operation.family:
        return own
    name = f"{'anchore' if operation.family == ANCHORE else 'harbor'}_{own}"
    known = operation.main.split("/")
    return "_".join((name, *(segment.strip("{}") for segment in operation.path.split("/") if segment not in known)))


def _list_shared_parameters(operation: Operation) -> Iterator[str]:
    opt = operation.handler.opt
    if opt.get("permission") is not None:
        if "of" not in opt:
            yield "Account"
        if operation.method == "POST" and not opt.get("streamed"):
            yield "IdempotencyKey"
    if operation.method == "GET":
        yield "IfNoneMatch"


def _successes(operation: Operation, success: dict[str, Any]) -> dict[str, Any]:
    handler, opt = operation.handler, operation.handler.opt
    found = {str(handler.status_code): success}
    kinds = handler.parsed_fn_signature.return_type.inner_types
    if kinds and kinds[0].annotation is bytes:
        success["content"] = {"application/json": {"schema": _JSON}}  # a document that is written elsewhere
    if kind := opt.get("formats"):
        own = success["content"] if opt.get("keeps_shape") else {}
        success["content"] = {**{media_type: {"schema": _JSON} for media_type in _media_types(kind)}, **own}
    if also := opt.get("also"):
        found[str(also)] = {**success, "description": HTTPStatus(also).description}
    for status, content in opt.get("answers", {}).items():
        response = found.setdefault(
            str(status), {"description": HTTPStatus(status).description or HTTPStatus(status).phrase}
        )
        response.pop("content", None)
        if content:
            response["content"] = {
                media_type: {"schema": _JSON if "json" in media_type else _TEXT} for media_type in content
            }
    if opt.get("redirects"):
        found["302"] = {"description": "It is not ready: ask again after `Refresh-After` seconds."}
    for response in found.values():
        response["headers"] = {
            **response.get("headers", {}),
            "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
        }
    if operation.method == "GET" and handler.status_code == 200:
        found["304"] = {"$ref": "#/components/responses/NotModified"}
    return found


def _media_types(kind: Any) -> list[str]:
    return sorted({load(kind, name).media_type for name in names(kind) if name != "template"})


def _failures(operation: Operation) -> list[int]:
    """The statuses of refusals."""
    opt, handler = operation.handler.opt, operation.handler
    found = {400, 431, *opt.get("fails", ())}
    if opt.get("permission") is not None:
        found |= {401, 403, 404, 422, 429, 503}
    if operation.method != "GET":
        found |= {404, 409, 422}
        if operation.method != "DELETE":
            found |= {408, 413, 415}
    if "{" in operation.path:
        found.add(404)
    if operation.family == ANCHORE and "/images/" in operation.path:
        found.add(409)
    if operation.family == ANCHORE:
        found.discard(422)
    return sorted(found - {handler.status_code, *opt.get("answers", {})})


_FAMILIES = {"": "", ANCHORE: "Anchore", HARBOR: "Harbor"}


def _reference(family: str, status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{_FAMILIES[family]}{status}"}


def _responses() -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    contents = {
        "": problem,
        ANCHORE: {"application/json": {"schema": {"$ref": "#/components/schemas/AnchoreError"}}},
        HARBOR: {**problem, _HARBOR_ERROR: {"schema": {"$ref": "#/components/schemas/HarborError"}}},
    }
    found: dict[str, Any] = {"NotModified": {"description": "The client has this answer already."}}
    for family, content in contents.items():
        for status, words in _WORDS.items():
            known = problem if status == 431 else content
            headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
            if status in _WAITS:
                headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
            if status == 401:
                headers["WWW-Authenticate"] = {"$ref": "#/components/headers/Challenge"}
            found[f"{_FAMILIES[family]}{status}"] = {"description": words, "headers": headers, "content": known}
    return found


def _headers() -> dict[str, Any]:
    return {
        "RequestId": {
            "description": "The request's id, which the log and the audit log have too.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=-]{1,100}$"},
        },
        "RetryAfter": {
            "description": "Seconds until it is worth trying again.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "Challenge": {"description": "How to sign in.", "required": True, "schema": _TEXT},
    }


def _parameters() -> dict[str, Any]:
    def header(name: str, words: str, **schema: Any) -> dict[str, Any]:
        return {"name": name, "in": "header", "required": False, "description": words, "schema": {**_TEXT, **schema}}

    return {
        "Account": header(
            "X-Hullmark-Account",
            "The account that the request is for, where the caller belongs to several or is an operator.",
            examples=["admin"],
        ),
        "IdempotencyKey": header(
            "Idempotency-Key",
            "A request that is sent again with the same key within a day acts once, and is answered as the first time.",
            maxLength=200,
            pattern="^[!-~]*$",
        ),
        "IfNoneMatch": header(
            "If-None-Match", "The `ETag` of an answer that the client has: 304 if it would be the same."
        ),
    }


def _errors() -> dict[str, Any]:
    template = "#/components/schemas/{name}"
    _, problem = msgspec.json.schema_components([ProblemBody], ref_template=template)
    _, anchore = msgspec.json.schema_components([ErrorBody], ref_template=template)
    message = {"type": "object", "properties": {"message": _TEXT}, "required": ["message"]}
    example = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no image sha256:…"}
    return {
        "Problem": {**problem["ProblemBody"], "title": "Problem", "examples": [example]},
        "AnchoreError": {**anchore["ErrorBody"], "title": "AnchoreError"},
        "HarborError": {"type": "object", "properties": {"error": message}, "required": ["error"]},
    }


_REFERENCE = "#/components/schemas/"


def _rename_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """The document with names of schemas that tell nothing of our modules; those that only Anchore's clients meet say so."""
    schemas = document["components"]["schemas"]
    ours = _find_reachable_schemas(
        schemas, [item for path, item in document["paths"].items() if _family(path) != ANCHORE]
    )
    chosen: dict[str, str] = {}
    for name in sorted(schemas):
        short = _short(name)
        wanted = short if name in ours or short.startswith("Anchore") else f"Anchore{short}"
        chosen[name] = wanted if wanted not in chosen.values() else f"{wanted}{len(chosen)}"
    document["components"]["schemas"] = {
        chosen[name]: {**schema, **({"title": chosen[name]} if "title" in schema else {})}
        for name, schema in sorted(schemas.items(), key=lambda item: chosen[item[0]])
    }
    renamed: dict[str, Any] = _with_references(document, chosen)
    return renamed


def _short(name: str) -> str:
    """The name of a class without its module; `ImagePage` for a page of them."""
    if found := re.fullmatch(r"Page_(.+)_", name):
        return f"{_short(found[1])}Page"
    last = re.split(r"[._]", name)[-1]
    return re.sub(r"(?<=[a-z])(View|Row)$", "", last)


def _find_reachable_schemas(schemas: dict[str, Any], start: Any) -> set[str]:
    """The names of schemas that something refers to, directly or through others."""
    found: set[str] = set()
    left = [start]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference.startswith(_REFERENCE):
                name = reference.removeprefix(_REFERENCE)
                if name not in found and name in schemas:
                    found.add(name)
                    left.append(schemas[name])
            left += node.values()
    return found | {"Problem", "HarborError"}


def _with_references(node: Any, chosen: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_with_references(item, chosen) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        return {**node, "$ref": f"{_REFERENCE}{chosen[reference.removeprefix(_REFERENCE)]}"}
    return {name: _with_references(value, chosen) for name, value in node.items()}
