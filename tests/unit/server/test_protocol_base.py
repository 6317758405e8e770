"""The server's protocol rests on a class of uvicorn's own: what it overrides, uses and relies on there is what it was.

Where one of these fails, uvicorn has changed: read its `httptools_impl.py` beside `server/api/protocol.py` before the lock is moved on.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hullmark.server.api import protocol
from hullmark.server.api.protocol import HttpProtocol

OVERRIDDEN = {
    "_should_upgrade_to_ws": "(self) -> 'bool'",
    "connection_lost": "(self, exc: 'Exception | None') -> 'None'",
    "connection_made": "(self, transport: 'asyncio.Transport') -> 'None'",
    "data_received": "(self, data: 'bytes') -> 'None'",
    "eof_received": "(self) -> 'None'",
    "on_body": "(self, body: 'bytes') -> 'None'",
    "on_header": "(self, name: 'bytes', value: 'bytes') -> 'None'",
    "on_headers_complete": "(self) -> 'None'",
    "on_message_begin": "(self) -> 'None'",
    "on_message_complete": "(self) -> 'None'",
    "on_response_complete": "(self) -> 'None'",
    "on_url": "(self, url: 'bytes') -> 'None'",
    "pause_writing": "(self) -> 'None'",
    "resume_writing": "(self) -> 'None'",
    "send_400_response": "(self, msg: 'str') -> 'None'",
}
CALLED = {"_unset_keepalive_if_required": "(self) -> 'None'"}
USED = {"client", "cycle", "flow", "headers", "loop", "transport"}
USED_OF_CYCLE = {"disconnected", "message_event", "more_body", "response_complete", "response_started", "transport"}
CALLS = {
    ("data_received", "send_400_response"),
    ("on_body", "_should_upgrade"),
    ("on_headers_complete", "_start_asgi_task"),
    ("on_message_complete", "_should_upgrade"),
    ("_should_upgrade", "_should_upgrade_to_ws"),
}
"""Which methods of uvicorn's call which, so that what is overridden has its effect."""


def tree(code: Any) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(code)))


def touched(code: ast.AST, owner: str = "self", *, stored: bool = False) -> set[str]:
    """The attributes of a name that code touches, or just those that it sets."""
    return {
        node.attr
        for node in ast.walk(code)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
        and (not stored or isinstance(node.ctx, ast.Store))
    }


def own_methods() -> set[str]:
    return {name for name, value in vars(HttpProtocol).items() if inspect.isfunction(value) and name != "__init__"}


def test_what_is_overridden_is_there_and_takes_what_it_took() -> None:
    assert own_methods() & set(dir(HttpToolsProtocol)) == OVERRIDDEN.keys()
    there = {name: str(inspect.signature(getattr(HttpToolsProtocol, name))) for name in {**OVERRIDDEN, **CALLED}}
    assert there == {**OVERRIDDEN, **CALLED}


def test_what_is_used_is_there_and_nothing_else_is() -> None:
    own = own_methods() | touched(tree(HttpProtocol.__init__), stored=True) | {"limits", "addresses", "proxies"}
    assert touched(tree(HttpProtocol)) - own == USED | CALLED.keys()
    assert touched(tree(HttpToolsProtocol.__init__), stored=True) >= USED


def test_what_the_protocol_adds_is_not_uvicorns() -> None:
    added = own_methods() - OVERRIDDEN.keys() | touched(tree(HttpProtocol.__init__), stored=True)
    theirs = set(dir(HttpToolsProtocol)) | touched(tree(HttpToolsProtocol))
    assert added & theirs == set()


def test_the_cycle_of_a_request_and_its_flow_have_what_is_used() -> None:
    used = touched(tree(protocol), "cycle")
    assert used == USED_OF_CYCLE - {"transport"}
    assert touched(tree(RequestResponseCycle.__init__), stored=True) >= USED_OF_CYCLE
    # What is sent goes through the transport of the cycle, which the protocol puts another in place of.
    assert "transport" in touched(tree(RequestResponseCycle.send))
    assert list(inspect.signature(FlowControl.resume_reading).parameters) == ["self"]


def test_uvicorns_methods_call_each_other_as_they_did() -> None:
    methods = {name: touched(tree(getattr(HttpToolsProtocol, name))) for name, _ in CALLS}
    assert {(name, called) for name, called in CALLS if called in methods[name]} == CALLS
