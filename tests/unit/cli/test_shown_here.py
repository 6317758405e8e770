"""What commands of this machine show: explanations, gates, sizes, pages; and small slips at the command line."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.cli.explanations import print_explanations, print_patches
from hullmark.cli.fail_on import condition
from hullmark.cli.main import parse
from hullmark.cli.remote.mcp_tools import Tools
from hullmark.model.explanation import Explanation, PlacedEvidence
from hullmark.model.isolation import (
    Assessment,
    IsolationPatch,
    JudgedContainer,
    PlacedContainer,
    Shortfall,
    Workload,
    WorkloadContainer,
)
from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Evidence, Finding
from hullmark.net.api_client import ApiClient, ApiLogin
from hullmark.net.http import HttpSettings
from tests.support.images import sha256, small_layout
from tests.support.in_process import CommandLine, TableServer
from tests.unit.report.matches_samples import MATCHES

DIGEST = sha256(b"layer")
FINDING = Finding(
    gate="files",
    trigger="names",
    trigger_id="1",
    action=Action.STOP,
    message="a\x1b[31m key",
    subject="/k",
    rule_id="keys",
)
ENDED = Problem("/etc/os-release", 0, "eol", "the release has reached its end of life", "note")
EXPLAINED = Explanation(
    finding=FINDING, asks="", params="{}", source="", rule_set="", places=(), advice="remove it", ends="until 2027"
)


def test_a_finding_is_explained_with_where_it_is_and_what_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A place that tells nothing is left out; no more than five are shown; control signs are written out."""
    places = (
        PlacedEvidence(evidence=Evidence()),
        PlacedEvidence(evidence=Evidence("/k", 2, "", "line 3"), digest=DIGEST, instruction="COPY \x1b k"),
        *(PlacedEvidence(evidence=Evidence(f"/{number}", 0)) for number in range(5)),
    )
    full = replace(EXPLAINED, asks="keys in files", source="CIS 4.10", places=places, ends="")
    print_explanations([EXPLAINED, full])
    assert capsys.readouterr().out.splitlines() == [
        *("stop  a\\x1b[31m key", "  rule   keys: files.names {}", "  note   until 2027", "  do     remove it", ""),
        *("stop  a\\x1b[31m key", "  rule   keys: files.names {}, from CIS 4.10", "         keys in files"),
        f"  at     /k, layer 2 {DIGEST}, COPY \\x1b k, line 3",
        *("  at     /0, layer 0", "  at     /1, layer 0", "  at     /2, layer 0", "  do     remove it", ""),
    ]


def test_a_container_is_given_a_patch_or_told_that_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    placed = PlacedContainer(
        workload=Workload(format="compose", name="shop"), container=WorkloadContainer(name="web", image="shop:1")
    )
    lacking = Shortfall(setting="seccomp", text="a profile of seccomp")
    graded = Assessment(grade="hardened", at_most="hardened", reasons=(), missing=(lacking, lacking))
    patch = IsolationPatch(grade="sandboxed", language="yaml", text="spec:\n  a: 1\n", notes=("", "needs gVisor"))
    print_patches(
        [
            JudgedContainer(placed=placed, assessment=graded),
            JudgedContainer(placed=placed, assessment=graded, patch=patch),
        ]
    )
    assert capsys.readouterr().out.splitlines() == [
        "patch    no change of the manifest gives shop/web a better grade",
        "patch    to raise shop/web from hardened to sandboxed:",
        *("  spec:", "    a: 1", "  note   a profile of seccomp", "  note   needs gVisor", ""),
    ]


def test_gates_and_triggers_are_shown_to_programs_and_people(hullmark: CommandLine) -> None:
    rows = hullmark("policy", "gates", "-o", "json").document
    names = {f"{row['gate']}.{row['trigger']}" for row in rows}
    assert "vulnerabilities.found" in names
    (found,) = hullmark("policy", "describe", "vulnerabilities.found", "-o", "json").document
    assert found == next(row for row in rows if (row["gate"], row["trigger"]) == ("vulnerabilities", "found"))
    shown = hullmark("policy", "describe").text.splitlines()
    assert names <= set(shown)


@pytest.mark.parametrize(
    ("problems", "status", "said"),
    [
        ((ENDED,), 1, "the distribution is at its end of life"),
        ((), 0, ""),
    ],
)
def test_a_distribution_at_its_end_of_life_fails_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], problems: tuple[Problem, ...], status: int, said: str
) -> None:
    asked = condition(parse(["vulns", "--fail-on", "eol", "shop:1"]))
    assert asked(replace(MATCHES["clean"], problems=problems)) == status
    assert said in capsys.readouterr().err


def test_a_cache_says_how_large_it_is(hullmark: CommandLine) -> None:
    source = f"oci-dir:{small_layout(hullmark.place / 'image')}"
    assert hullmark("scan", source, "-o", "json").status == 0
    files = [path for path in (hullmark.home / ".cache" / "hullmark").rglob("*") if path.is_file()]
    with max(files, key=lambda path: path.stat().st_size).open("r+b") as file:
        file.truncate(3 * 10**9)  # nothing of it is on the disk
    assert "3.0 GB" in hullmark("cache").text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("qqqq",), ("there is no command 'qqqq'", "hullmark --help lists them")),
        (
            ("serve", "--role", "worke"),
            ("--role: there is no 'worke': worker?", "hullmark serve --help shows what can be given"),
        ),
        (
            ("serve", "--role", "qqqq"),
            (
                "--role: there is no 'qqqq'; known are all, api, worker, scheduler",
                "hullmark serve --help shows what can be given",
            ),
        ),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_what_comes_near(
    hullmark: CommandLine, words: tuple[str, ...], said: tuple[str, str]
) -> None:
    assert hullmark(*words).refusal == said


@pytest.mark.parametrize(("text", "is_kept"), [("off", True), ("", True), ("No", True), ("yes", False), ("1", False)])
def test_a_switch_in_the_environment_is_on_or_off(hullmark: CommandLine, text: str, is_kept: bool) -> None:
    source = f"oci-dir:{small_layout(hullmark.place / 'image')}"
    assert hullmark("scan", source, env={"HULLMARK_NO_CACHE": text}).status == 0
    assert (hullmark.home / ".cache" / "hullmark").is_dir() == is_kept


def test_a_manual_page_is_shown_by_man_at_a_terminal(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []

    def run(command: list[str], input: bytes, *, check: bool) -> subprocess.CompletedProcess[bytes]:
        shown.append((command, input))
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert hullmark("man", "scan").status == 5
    ((command, page),) = shown
    assert (command, page.startswith(b".TH HULLMARK")) == (["/bin/man", "-l", "-"], True)


def test_a_text_for_an_assistant_is_shortened(server: TableServer) -> None:
    """Others stay as they are."""
    match = {
        "advisory": {"id": "CVE-2026-1", "severity": "high", "summary": "short", "kev": None},
        "package": {"name": "zlib", "version": "1", "type": "deb"},
        "fix": {"version": "", "state": "not-fixed"},
        "risk": 9,
        "why": "w" * 601,
    }
    server.answers[f"GET /images/{DIGEST}/vulnerabilities?counting=yes&limit=30"] = {"items": [match]}
    answer = Tools(ApiClient(server.url, ApiLogin(key="k"), HttpSettings())).image_vulnerabilities(DIGEST)
    (found,) = answer["items"]
    assert (found["why"], found["summary"], found["fixed"]) == ("w" * 599 + "…", "short", "not-fixed")
