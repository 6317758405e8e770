"""Expressions of policies, evaluated over the facts as they are published, in a process that can be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import msgspec

from hullmark._version import __version__
from hullmark.app.expression_child import CPU_SECONDS, MEMORY_BYTES
from hullmark.model.limit import Limit
from hullmark.model.reach import ImageReach
from hullmark.policy.facts import ExpressionFailed, Facts
from hullmark.policy.values import Expression
from hullmark.reach.matched import with_reach
from hullmark.report import inventory_json, matches_json
from hullmark.report.format import RenderContext

WALL_SECONDS = 60
MAX_FACTS_BYTES = Limit(256 << 20, "bytes of the facts that an expression sees")
MAX_SECONDS = Limit(30, "seconds of processor time that all expressions of a policy take for one image")

_CONTEXT = RenderContext(tool_version=__version__)
_CHILD = "hullmark.app.expression_child"
_OF_MATCHES = frozenset(("matches", "unknown", "snapshot"))
_OF_INVENTORY = frozenset(("distro", "files", "packages", "problems", "source"))


class Evaluator:
    """Evaluates the expressions that judge one image. `seconds`: the processor time that they took; beyond MAX_SECONDS the others have
    no value."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, expression: Expression, facts: Facts) -> Any:
        """The value of an expression. Raises ExpressionFailed if it has none, or takes too long or too much memory to find."""
        if self.seconds > MAX_SECONDS:
            raise ExpressionFailed(f"the policy's expressions take more than {MAX_SECONDS} seconds for this image")
        request = msgspec.json.encode(
            {"source": expression.text, "variables": collect_variables(facts, expression.variables)}
        )
        if len(request) > MAX_FACTS_BYTES:
            raise ExpressionFailed(f"the facts it asks for are larger than {MAX_FACTS_BYTES >> 20} MiB")
        answer = self._query_child(request)
        if "error" in answer:
            raise ExpressionFailed(" ".join(answer["error"].split())[:300])
        return answer["value"]

    def _query_child(self, request: bytes) -> dict[str, Any]:
        """What the child answers. What it took counts also where it was ended before it could say so."""
        taken = float(CPU_SECONDS)
        try:
            done = subprocess.run(  # noqa: S603 — no word of the command comes from outside
                [sys.executable, "-P", "-m", _CHILD],
                input=request,
                capture_output=True,
                timeout=WALL_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise ExpressionFailed(_reason(done.returncode, done.stderr))
            answer: dict[str, Any] = json.loads(done.stdout)
            taken = float(answer["seconds"])
        except subprocess.TimeoutExpired as error:
            raise ExpressionFailed(f"it was not done after {WALL_SECONDS} seconds") from error
        except OSError as error:
            taken = 0.0
            raise ExpressionFailed(f"no process for it could be started ({error.strerror})") from error
        finally:
            self.seconds += taken
        return answer


def collect_variables(facts: Facts, names: frozenset[str]) -> dict[str, Any]:
    """The variables among some names, as the JSON documents have them."""
    found: dict[str, Any] = {"now": facts.now.isoformat(), "reference": facts.reference}
    if names & _OF_INVENTORY:
        inventory = facts.inventory
        lean = inventory if "files" in names else msgspec.structs.replace(inventory, files=None)
        document = inventory_json.document(lean, _CONTEXT)
        found |= {name: getattr(document, name) for name in names & _OF_INVENTORY}
    if names & _OF_MATCHES and facts.matches is not None:
        reached = with_reach(facts.matches, facts.reach) if facts.reach is not None else facts.matches
        matches = matches_json.document(reached, _CONTEXT)
        found |= {name: getattr(matches, name) for name in names & _OF_MATCHES}
    if "reach" in names and facts.reach is not None:
        found["reach"] = _reach(facts.reach)
    found["config"] = facts.inventory.config
    return {name: value for name, value in found.items() if name in names}


def _reach(reach: ImageReach) -> dict[str, Any]:
    """What the image's start reaches, without the ways to it."""
    return {
        "packages": {package.purl: package.reach for package in reach.packages if package.purl},
        "programs": [
            {"kinds": program.kinds, "package": program.package, "path": program.path, "reach": program.reach}
            for program in reach.programs
        ],
        "roots": reach.roots,
    }


def _reason(status: int, errors: bytes) -> str:
    last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if last.startswith("MemoryError") or b"memory allocation" in errors:
        return f"it takes more than {MEMORY_BYTES >> 30} GiB of memory"
    if status in (-24, -9):  # SIGXCPU, SIGKILL
        return f"it takes more than {CPU_SECONDS} seconds"
    return f"its process ended with status {status} ({last[:200]})"
