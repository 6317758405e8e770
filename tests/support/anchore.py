"""The golden cases of Anchore's policies: each image built, judged in this process or by the program, and compared."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from hullmark.advisories.database.shelf import Shelf
from hullmark.app.advisories import open_snapshot
from hullmark.app.check import CheckOptions, find_needs, judge
from hullmark.policy.context import NO_CONTEXT, read_context
from hullmark.policy.load import load_any
from hullmark.report.format import RenderContext
from hullmark.report.verdict_json import render
from hullmark.scanning.request import ScanResources
from hullmark.source.options import source_options
from tests.support.places import SHARED, shared
from tests.support.program import Program

Case = dict[str, Any]
Document = dict[str, Any]

_NAMESPACES = ("debian:12", "gem", "maven", "npm", "pypi")
_NOW = "2026-01-15T12:00:00Z"
_FIELDS = ("gate", "trigger", "trigger_id", "message", "action")


@cache
def cases() -> dict[str, Case]:
    """The cases by their ids; none where the shared material is not there."""
    if SHARED is None:
        return {}
    found = json.loads((SHARED / "conformance" / "policy" / "cases.json").read_bytes())["cases"]
    return {case["id"]: case for case in found}


def _write_layout(case: Case, folder: Path) -> None:
    place = str(shared("conformance", "policy"))
    if place not in sys.path:
        sys.path.append(place)
    import_module("build_image").write_layout(case["image"], folder, case.get("tag"))


def in_process(case: Case, profile: str, folder: Path) -> Document:
    """The verdict's document, by the functions that the program calls."""
    _write_layout(case, folder / "image")
    policy = load_any(json.dumps(case["bundle"]).encode())
    context = read_context(json.dumps(case["context"]).encode()) if "context" in case else NO_CONTEXT
    whole = _NAMESPACES if profile == "native" else ()
    with _advisories(case, folder, whole) if find_needs(policy, context).matches else nullcontext() as snapshot:
        asked = CheckOptions(
            profile=profile,
            context=context,
            dockerfile=case["dockerfile"] or "",
            tag=case["tag"] or "",
            digest=case["digest"] or "",
            advisories=snapshot,
        )
        now = datetime.fromisoformat(case["now"] or _NOW).astimezone(UTC)
        verdict = judge(str(folder / "image"), policy, now, ScanResources(), source_options({}), asked).verdict
    document: Document = msgspec.json.decode(render(verdict, RenderContext(tool_version="test")))
    return document


@contextmanager
def _advisories(case: Case, folder: Path, whole: Sequence[str]) -> Iterator[Any]:
    """The case's advisories, declared whole for some namespaces: compat does not ask, and native would be unable to tell."""
    if "advisories" not in case:
        yield None
        return
    records = folder / "advisories"
    records.mkdir()
    for number, record in enumerate(case["advisories"]):
        (records / f"{number:03}.json").write_text(json.dumps(record))
    if whole:
        day = (case["now"] or _NOW)[:10]
        declared = {"schema": "hullmark-coverage/1", "whole": dict.fromkeys(whole, day)}
        (records / "coverage.json").write_text(json.dumps(declared))
    with open_snapshot(Shelf(folder / "shelf"), folder=records) as snapshot:
        yield snapshot


def by_program(case: Case, profile: str, folder: Path, program: Program) -> Document:
    """The verdict's document, by the command line."""
    _write_layout(case, folder / "image")
    words: list[str | Path] = ["check", folder / "image", "--profile", profile, "--at", case["now"] or _NOW]
    for option, content in (
        ("policy", json.dumps(case["bundle"])),
        ("dockerfile", case["dockerfile"]),
        ("advisories", json.dumps(case["advisories"]) if "advisories" in case else None),
        ("context", json.dumps(case["context"]) if "context" in case else None),
    ):
        if content is not None:
            file = folder / option
            file.write_text(content)
            words += [f"--{option}", file]
    words += ["--tag", case["tag"]] if case["tag"] else []
    words += ["--digest", case["digest"]] if case["digest"] else []
    ran = program(*words, "-o", "json")
    assert ran.out, ran.err
    document: Document = json.loads(ran.out)
    return document


def differences(case: Case, document: Document) -> list[str]:
    """What of a compat verdict is not as expected; nothing if all is."""
    expected = case["expected"]
    found = []
    if document["verdict"] != expected["final_action"]:
        found.append(f"verdict {document['verdict']}, not {expected['final_action']}: {document['reason']}")
    if document["reason"] != expected["reason"]:
        found.append(f"reason {document['reason']}, not {expected['reason']}")
    want = Counter(
        (*(finding[name] for name in _FIELDS), bool(finding["whitelisted"])) for finding in expected["findings"]
    )
    have = Counter(
        (*(finding[name] for name in _FIELDS), bool(finding["allowlisted"])) for finding in document["findings"]
    )
    found += [f"missing {element}" for element in (want - have).elements()]
    found += [f"extra {element}" for element in (have - want).elements()]
    # What of the image was not seen or covered is told beside: the original does not know of it.
    types = [problem["problem_type"] for problem in document["problems"] if problem["problem_type"]]
    if case["problem_match"] == "nonempty":
        return found if types else [*found, "no problem is told"]
    counted = sorted(kind for kind in types if kind not in case.get("allowed_problems", ()))
    return found if counted == sorted(expected["problems"]) else [*found, f"problems {counted}: {document['problems']}"]


def in_short(document: Document) -> tuple[str, list[tuple[str, str, str]]]:
    """The verdict, and action, gate and trigger of each finding, sorted."""
    return document["verdict"], sorted((f["action"], f["gate"], f["trigger"]) for f in document["findings"])


def expected_in_short(case: Case) -> tuple[str, list[tuple[str, str, str]]]:
    """What `in_short` should be."""
    expected = case["expected"]
    return expected["final_action"], sorted((f["action"], f["gate"], f["trigger"]) for f in expected["findings"])
