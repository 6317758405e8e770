"""`--jar-index` and `hullmark db jars`: archives without a pom are found under the names that an index has for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flow.test_check import policy_of, rule
from tests.support.images import layout_of
from tests.support.program import Program, program_in
from tests.unit.catalog.languages.test_java import CLASS, make_jar, sha1_of

BARE = make_jar(CLASS)
SAID = f"jars.txt (sha1 {sha1_of(BARE)}); its manifest or file name say lib"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    hullmark = program_in(tmp_path / "run")
    layout_of(hullmark.place / "app", {"srv/app.war": make_jar({"WEB-INF/lib/lib.jar": BARE})})
    (hullmark.place / "jars.txt").write_text(f"{sha1_of(BARE)} org.example:payments:2.4.1\n", "utf-8")
    return hullmark


def found(hullmark: Program, *more: str) -> dict[str, str]:
    document = hullmark("scan", "oci-dir:app", "--cache-dir", "kept", "-o", "json", *more).document
    assert [(relationship["from"], relationship["to"]) for relationship in document["relationships"]] == [
        (
            "pkg:maven/app",
            next(package["purl"] for package in document["packages"] if package["purl"] != "pkg:maven/app"),
        )
    ]
    return {package["purl"]: package.get("identified_by", "") for package in document["packages"]}


def test_a_list_names_an_archive_in_an_archive_and_relations_lead_to_it(hullmark: Program) -> None:
    assert found(hullmark) == {"pkg:maven/app": "", "pkg:maven/lib": ""}
    told = {"pkg:maven/app": "", "pkg:maven/org.example/payments@2.4.1": SAID}
    assert found(hullmark, "--jar-index", "jars.txt") == told
    assert found(hullmark) == {"pkg:maven/app": "", "pkg:maven/lib": ""}
    text = hullmark("explain", "oci-dir:app", "payments", "--jar-index", "jars.txt").text
    assert f"Known:     by {SAID}\n" in text
    assert "At:        /srv/app.war:WEB-INF/lib/lib.jar" in text


def test_an_index_that_is_kept_is_used_until_another_takes_its_place(hullmark: Program) -> None:
    assert hullmark("db", "jars").refusal[0] == "there is no index of Java archives"
    about = hullmark("db", "jars", "jars.txt", "-o", "json").document
    assert (about["entries"], about["source"]) == (1, "jars.txt")
    assert hullmark("db", "jars", "-o", "json").document == about
    assert "pkg:maven/org.example/payments@2.4.1" in found(hullmark)
    (hullmark.place / "wrong.txt").write_text("x\n", "utf-8")
    assert "wrong.txt:1" in hullmark("db", "jars", "wrong.txt").refusal[0]
    assert "pkg:maven/org.example/payments@2.4.1" in found(hullmark)
    (hullmark.place / "none.txt").write_text("", "utf-8")
    hullmark("db", "jars", "none.txt")
    assert "pkg:maven/lib" in found(hullmark)


def test_a_verdict_names_the_index_that_named_something(hullmark: Program) -> None:
    policy = policy_of(rule("packages/forbidden", name="old", names=["payments"]))
    (hullmark.place / "policy.yaml").write_text(policy, "utf-8")
    told = json.loads(
        hullmark("check", "oci-dir:app", "--policy", "policy.yaml", "--jar-index", "jars.txt", "-o", "json").out
    )
    [evidence] = told["findings"][0]["evidence"]
    assert evidence["detail"] == f"2.4.1, identified by {SAID}"
    assert "jar index sha256:" in told["inputs"]["analyzer"]
