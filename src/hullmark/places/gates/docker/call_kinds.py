"""Which calls to dockerd are judged, which pass, and which are refused (Docker Engine API 1.24 to 1.47).

What is not listed is refused: a call that nobody thought of is not harmless because of that.
"""

from __future__ import annotations

import re
from typing import Literal

from hullmark.places.gates.docker.engine_call import EngineCall

CallKind = Literal["pass", "create", "start", "update", "exec", "pull", "import", "load", "volume", "rename", "build", "commit", "swarm",
                   "plugins", "unknown"]  # fmt: skip
"""`pass`: it starts nothing and brings nothing in. The others are judged, or are refused unless the gate's owner allows them."""

ALLOWABLE: tuple[CallKind, ...] = ("build", "commit", "import", "load", "swarm", "plugins")
"""Calls that cannot be judged, with which code gets in or runs: refused unless they are allowed by name."""

_READS = ("GET", "HEAD", "OPTIONS")
_NAME = r"[^/]+"
_ROUTES: tuple[tuple[str, str, CallKind], ...] = (
    ("POST", "/containers/create", "create"),
    ("POST", "/containers/prune", "pass"),
    ("POST", rf"/containers/{_NAME}/(?:start|restart)", "start"),
    ("POST", rf"/containers/{_NAME}/update", "update"),
    ("POST", rf"/containers/{_NAME}/exec", "exec"),
    ("POST", rf"/containers/{_NAME}/rename", "rename"),
    ("POST", rf"/containers/{_NAME}/(?:stop|kill|pause|unpause|wait|resize|attach)", "pass"),
    ("PUT", rf"/containers/{_NAME}/archive", "pass"),
    ("DELETE", rf"/containers/{_NAME}", "pass"),
    ("POST", rf"/exec/{_NAME}/(?:start|resize)", "pass"),
    ("POST", "/images/create", "pull"),
    ("POST", "/images/load", "load"),
    ("POST", "/images/prune", "pass"),
    ("POST", r"/images/.+/(?:push|tag)", "pass"),
    ("DELETE", r"/images/.+", "pass"),
    ("POST", "/volumes/create", "volume"),
    ("POST", "/volumes/prune", "pass"),
    ("DELETE", rf"/volumes/{_NAME}", "pass"),
    ("POST", "/networks/(?:create|prune)", "pass"),
    ("POST", rf"/networks/{_NAME}/(?:connect|disconnect)", "pass"),
    ("DELETE", rf"/networks/{_NAME}", "pass"),
    ("POST", "/auth", "pass"),
    ("POST", "/build/(?:prune|cancel)", "pass"),
    ("POST", "/build", "build"),
    ("POST", "/(?:session|grpc)", "build"),
    ("POST", "/commit", "commit"),
    ("POST", r"/(?:swarm|services|nodes|secrets|configs|tasks)/.+", "swarm"),
    ("DELETE", r"/(?:services|nodes|secrets|configs|tasks)/.+", "pass"),
    ("POST", r"/plugins/.+", "plugins"),
    ("DELETE", r"/plugins/.+", "plugins"),
)
_COMPILED = tuple((method, re.compile(pattern).fullmatch, kind) for method, pattern, kind in _ROUTES)


def kind_of(call: EngineCall) -> CallKind:
    """What a call is to the gate."""
    if call.method in _READS:
        return "pass"
    found = (kind for method, fits, kind in _COMPILED if method == call.method and fits(call.path))
    kind: CallKind = next(found, "unknown")
    return "import" if kind == "pull" and _is_import(call) else kind


def _is_import(call: EngineCall) -> bool:
    """`docker import`: a file system becomes an image. Without a name of an image there is nothing else that it could be."""
    return bool(call.value("fromSrc")) or not call.value("fromImage")
