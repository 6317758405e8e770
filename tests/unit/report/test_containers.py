"""Verdicts on workloads: containers are counted where there are too many, and places are named where there are any."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.model.isolation import (
    Assessment,
    Grade,
    GradeReason,
    JudgedContainer,
    PlacedContainer,
    Shortfall,
    Workload,
    WorkloadContainer,
)
from hullmark.report import load
from hullmark.report.containers_words import missing_text
from tests.unit.report.samples import GO, PLAIN


def judged(name: str, path: str = "", grade: Grade = "default") -> JudgedContainer:
    """A container of a workload of its name, with one reason and what its grade lacks."""
    return JudgedContainer(
        placed=PlacedContainer(
            workload=Workload(format="kubernetes", name=name),
            container=WorkloadContainer(name=name, image="shop:1", line=7 if path else 0),
            path=path,
        ),
        assessment=Assessment(
            grade=grade,
            at_most=grade,
            reasons=(GradeReason("seccomp", "its system calls are not filtered"),),
            missing=(
                Shortfall("user", "it runs as root"),
                Shortfall("read_only_root", "its root is writable"),
                Shortfall("run_as_non_root", "it runs as root"),
            ),
        ),
    )


def test_a_container_has_its_place_below_it_and_none_where_no_manifest_is_known() -> None:
    found = replace(GO, containers=(judged("web", "deploy.yaml"), judged("agent")))
    lines = load("verdict", "table").render(found, PLAIN).decode().splitlines()
    at = lines.index("isolation (2)")
    assert lines[at : at + 7] == [
        "isolation (2)",
        "  web: default",
        "    its system calls are not filtered",
        "    at deploy.yaml:7",
        "  agent: default",
        "    its system calls are not filtered",
        "",
    ]


def test_markdown_has_a_hundred_containers_and_counts_the_others() -> None:
    found = replace(GO, containers=tuple(judged(f"web{number:03}", "a.yaml") for number in range(103)))
    lines = load("verdict", "markdown").render(found, PLAIN).decode().splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("| web")][-1] == "| web099"
    assert "and 3 more" in lines


def test_what_is_missing_to_the_next_grade_is_said_once_each_unless_the_reasons_say_it() -> None:
    assert missing_text(judged("web", grade="hardened")) == "it runs as root; its root is writable"
    assert missing_text(judged("web", grade="default")) == ""
