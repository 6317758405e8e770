"""Conditions of several gates: digests, modes and names of files, lines and words, versions as written, licences as written."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, InventoryLayer
from hullmark.policy.gate import Answer, CannotTell, Need, Violation
from hullmark.policy.gates import contents, files, image, integrity, licences, packages, triggers_by_gate
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import Mode, NameGlob, Pattern, ScoreCondition, Size, Versions
from tests.unit.policy.building import facts, file, package

ALL = (PathGlob("/**"),)
A, B = "a" * 64, "b" * 64


def said(answers: Any) -> list[str]:
    found: list[Answer] = list(answers)
    return [each.subject if isinstance(each, Violation) else "?" for each in found]


@pytest.mark.parametrize(
    ("conditions", "fires"),
    [
        ({"sha256": (A,)}, ["/a"]),
        ({"except_sha256": (A,)}, ["/b", "/d"]),
        ({"modes": (Mode("0755"), Mode("0600"))}, ["/b", "/d"]),
        ({"except_modes": (Mode("0755"),)}, ["/a"]),
        ({"pattern": Pattern("[ab]$")}, ["/a", "/b"]),
        ({"pattern": Pattern("[ab]$"), "modes": (Mode("0644"),), "sha256": (A, B)}, ["/a"]),
        ({"types": ("dir",), "sha256": (A,)}, []),
    ],
)
def test_a_forbidden_file_meets_all_conditions(conditions: dict[str, Any], fires: list[str]) -> None:
    there = [file("/a", sha256=A), file("/b", sha256=B, mode="0755"), file("/d", type="dir", mode="0755")]
    assert said(files.forbidden(files.ForbiddenFiles(paths=ALL, **conditions), facts(files=there))) == fires


def test_a_digest_that_nobody_took_is_not_known_and_digests_are_asked_for() -> None:
    params = files.ForbiddenFiles(paths=ALL, except_sha256=(A,))
    assert said(files.forbidden(params, facts(files=[file("/a")]))) == ["?"]
    trigger = triggers_by_gate()["files"]["forbidden"]
    assert Need.DIGESTS in trigger.needs_of(params)
    assert Need.DIGESTS not in trigger.needs_of(files.ForbiddenFiles(paths=ALL))


_LINES = st.lists(st.text("ab \r\t", max_size=4), max_size=4).map("\n".join)


@given(_LINES, st.sampled_from(("^a$", "^$", "b", "a b", "^b")), st.booleans())
def test_lines_and_words_are_those_between_line_feeds_and_white_space(text: str, regex: str, words: bool) -> None:
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
    tried = lines + (text.split() if words else [])
    there = facts(files=[file("/a", size=len(text))], contents={"/a": text.encode()})
    params: dict[str, Any] = {"paths": ALL, "pattern": Pattern(regex), "words": words}
    is_there = any(re.search(regex, each) for each in tried)
    assert said(contents.forbidden(contents.ForbiddenLines(**params), there)) == (["/a"] if is_there else [])
    assert said(contents.check_required_lines(contents.RequiredLines(**params), there)) == ([] if is_there else ["/a"])


def test_what_is_no_text_cannot_be_told_only_where_that_matters() -> None:
    there = facts(files=[file("/a")], contents={"/a": b"\xffkey"})
    assert said(contents.forbidden(contents.ForbiddenLines(paths=ALL, pattern=Pattern("key")), there)) == ["/a"]
    only = contents.ForbiddenLines(paths=ALL, pattern=Pattern("key"), only_utf8=True)
    assert said(contents.forbidden(only, there)) == ["?"]


def test_required_lines_of_files_that_may_be_missing() -> None:
    params = contents.RequiredLines(paths=(PathGlob("/none"),), pattern=Pattern("x"))
    assert said(contents.check_required_lines(params, facts())) == ["/none"]
    assert said(contents.check_required_lines(msgspec.structs.replace(params, optional=True), facts())) == []


@pytest.mark.parametrize(
    ("type", "version", "asked", "fires"),
    [
        ("rpm", "1.2-3.el9", "1.2", True),
        ("rpm", "1.2-3.el9", "1.2-3.el9", True),
        ("apk", "1.2-r3", "1.2", True),
        ("apk", "1.2-rc1", "1.2", True),
        ("apk", "1.2-3", "1.2", False),
        ("deb", "1.2-3", "1.2", False),
        ("deb", "1.2-3", "1.2-*", True),
        ("pypi", "1.2.0", "1.2", False),
    ],
)
def test_versions_as_written(type: str, version: str, asked: str, fires: bool) -> None:
    seen = facts(packages=[package(type, "a", version)])
    params = packages.ForbiddenPackages(names=(NameGlob("a"),), exact_versions=(NameGlob(asked),), ignore_release=True)
    assert bool(said(packages.forbidden(params, seen))) is fires
    exact = NameGlob(version)
    assert (
        said(
            packages.check_required_packages(
                packages.RequiredPackages(names=params.names, exact_versions=(exact,)), seen
            )
        )
        == []
    )
    (answer,) = packages.check_required_packages(
        packages.RequiredPackages(names=params.names, exact_versions=(NameGlob("0"),)), seen
    )
    assert isinstance(answer, Violation)
    assert answer.message == f"Package a is installed as {version} ({type}), and must be 0."


def test_only_files_of_some_packages_and_no_folders_that_apk_only_passes_through() -> None:
    owned = [("/a", "file", "pkg:deb/a@1"), ("/b", "file", "pkg:apk/b@1"), ("/b/d", "dir", "pkg:apk/b@1")]
    there = facts(
        files=[file(path, type=type, owner=owner, state="missing") for path, type, owner in owned],
        packages=[package("deb", "a", "1"), package("apk", "b", "1")],
    )
    assert said(integrity.missing(integrity.MissingFiles(), there)) == ["/a", "/b"]
    assert said(integrity.missing(integrity.MissingFiles(types=("deb",)), there)) == ["/a"]


@pytest.mark.parametrize(
    ("licence", "fires"),
    [
        ("MIT", True),
        ("MIT OR Apache-2.0", False),
        ("MIT AND Apache-2.0", True),
        ("mit", False),
        ("see the file COPYING", True),
        ("", False),
    ],
)
def test_licences_as_written(licence: str, fires: bool) -> None:
    licensed = msgspec.structs.replace(package("npm", "a", "1"), licenses=(licence,) if licence else ())
    params = licences.WrittenLicences(names=("MIT",), containing=("the file",))
    assert bool(said(licences.check_written_licences(params, facts(packages=[licensed])))) is fires


def test_licences_as_written_need_a_text() -> None:
    with pytest.raises(ValueError, match="never fires"):
        licences.WrittenLicences(containing=("",))


@pytest.mark.parametrize(
    ("fields", "fires"),
    [
        ({"attribute": "architecture", "allowed": (NameGlob("arm*"),)}, []),
        ({"attribute": "architecture", "forbidden": (NameGlob("arm64"),)}, ["architecture"]),
        ({"attribute": "os", "allowed": (NameGlob("linux"),)}, ["?"]),
        ({"attribute": "distro", "pattern": Pattern("^roc")}, ["distro"]),
        ({"attribute": "like_distro", "must_fit": Pattern("(^|,)fedora(,|$)")}, []),
        ({"attribute": "like_distro", "must_fit": Pattern("suse")}, ["like_distro"]),
        ({"attribute": "distro_version", "versions": Versions("< 9.10")}, ["distro_version"]),
        ({"attribute": "distro_version", "versions": Versions("< 9")}, []),
    ],
)
def test_attributes_of_an_image(fields: dict[str, Any], fires: list[str]) -> None:
    seen = facts(
        config=ImageConfig(architecture="arm64"),
        distro=Distro(id="rocky", version_id="9.4", id_like=("rhel", "fedora")),
    )
    assert said(image.attribute(image.Attribute(**fields), seen)) == fires


def test_what_an_image_does_not_say_or_cannot_be_compared_cannot_be_told() -> None:
    versions = image.Attribute(attribute="distro_version", versions=Versions("< 9"))
    for distro in (None, Distro(id="x"), Distro(id="x", version_id="-")):
        (answer,) = image.attribute(versions, facts(distro=distro))
        assert isinstance(answer, CannotTell)
    with pytest.raises(ValueError, match="only of distro_version"):
        image.Attribute(attribute="os", versions=Versions("< 9"))
    with pytest.raises(ValueError, match="never fires"):
        image.Attribute(attribute="os")


def test_an_image_may_be_too_small_or_have_too_few_layers() -> None:
    seen = facts(layers=[InventoryLayer(digest="", diff_id="", size=600, created_by="")] * 2)
    assert said(image.size(image.ImageSize(min=Size("1200")), seen)) == []
    assert said(image.size(image.ImageSize(min=Size("1201")), seen)) == ["size"]
    assert said(image.layers(image.LayerCount(min=3), seen)) == ["layers"]
    assert said(image.layers(image.LayerCount(min=2, max=2, forbidden=(1, 3)), seen)) == []
    assert said(image.layers(image.LayerCount(forbidden=(2,)), seen)) == ["layers"]
    for kind in (image.ImageSize, image.LayerCount):
        with pytest.raises(ValueError, match="never fires"):
            kind()


@pytest.mark.parametrize(
    ("condition", "met"),
    [(">= 7", {7.0, 9.8}), ("> 3.9, != 7", {9.8}), ("< 7.0", {2.5}), ("= 2.5", {2.5}), ("<=7", {2.5, 7.0})],
)
def test_conditions_on_scores(condition: str, met: set[float]) -> None:
    assert {score for score in (2.5, 7.0, 9.8) if ScoreCondition(condition).holds(score)} == met


@pytest.mark.parametrize("text", ["", "7", ">= x", "> 1,", "=> 1", ">= -1"])
def test_what_is_no_condition_on_scores_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition on a score"):
        ScoreCondition(text)
