"""apt: its configuration, its sources in both forms, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.apt import PARSER as APT
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings


def conf(text: str, **more: str) -> ReadSettings:
    """The settings of /etc/apt/apt.conf; others stand in apt.conf.d, `d10_a` as 10_a."""
    parts = {f"etc/apt/apt.conf.d/{name.removeprefix('d')}": body for name, body in more.items()}
    return read_settings(APT, {"etc/apt/apt.conf": text, **parts})


def written(found: ReadSettings) -> dict[str, Value]:
    return {s.key.removeprefix("apt.conf."): s.value for s in found.settings if s.path}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('APT::Get::AllowUnauthenticated "true";', {"APT::Get::AllowUnauthenticated": True}),
        ("apt::get::allowunauthenticated 1;", {"APT::Get::AllowUnauthenticated": True}),
        ('apt { get { AllowUnauthenticated "no"; }; };', {"APT::Get::AllowUnauthenticated": False}),
        ('Acquire::http::Proxy "http://u:secret@h:1/";', {"Acquire::http::Proxy": "http://u:***@h:1/"}),
        ('A::B "1"; A::B "2";', {"A::B": 2}),
        ('DPkg::Post-Invoke { "x; y"; "z"; };', {"DPkg::Post-Invoke::": ("x; y", "z")}),
        ('A:: "x"; A:: "y"; A "z";', {"A::": ("x", "y"), "A": "z"}),
        ('A:: "x"; A::B "y"; #clear A;\nA:: "z";', {"A::": ("z",)}),
        ('A "x"; AB "y"; #clear A;', {"AB": "y"}),
        ('A "http://x//y"; // B "z";\n/* C "z"; */ # D "z";\n', {"A": "http://x//y"}),
        ("", {}),
    ],
)
def test_configuration_is_read_as_apt_reads_it(text: str, values: dict[str, Value]) -> None:
    found = conf(text)
    assert written(found) == values
    assert found.problems == []


def test_files_are_read_by_name_and_the_main_one_last() -> None:
    found = conf("A 3;\n", d20_a="A 2;\nB 2;\n", d10_a="A 1;\nB 1;\nC 1;\n")
    assert written(found) == {"A": 3, "B": 2, "C": 1}
    assert {s.key: (s.path, s.line) for s in found.settings if s.path}["apt.conf.B"] == ("/etc/apt/apt.conf.d/20_a", 2)


def test_files_with_odd_names_are_not_read() -> None:
    names = ("a.conf", "b", "c.bak", "d~", "e.conf.dpkg-old")
    found = read_settings(APT, {f"etc/apt/apt.conf.d/{name}": f'{name[0]} "x";' for name in names})
    assert written(found) == {"a": "x", "b": "x"}


@pytest.mark.parametrize(
    "text", ['\nA "b" C "d";', '\nA "x', '\n{ B "x"; };', "\nA;", "\n#clear;", "\nA { #clear B; };"]
)
def test_what_is_not_understood_is_a_problem_at_its_line(text: str) -> None:
    [(path, reason)] = conf(text).problems
    assert path == "/etc/apt/apt.conf"
    assert reason.startswith("line 2: ")


def test_names_that_grow_are_bounded() -> None:
    found = conf("abcdefgh {" * 200 + 'x "y";' + "};" * 200 + 'Z "z";')
    assert written(found) == {"Z": "z"}
    assert [reason for _, reason in found.problems] == ["line 1: a name is too long"]


def test_sources_of_both_forms_are_counted_in_their_order() -> None:
    stanza = "Types: deb deb-src\nURIs: https://b/ https://c/\nSuites: s\n t\nComponents: main\nAllow-Insecure: yes\nX-Name: y\n"
    inline = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
    files = {
        "etc/apt/sources.list": "# x\ndeb [trusted=yes arch=amd64,arm64] http://u:secret@a/ stable main contrib\n",
        "etc/apt/sources.list.d/z.sources": f"{stanza}{inline}\n\n# c\nTypes: deb\nURIs: http://d\nSuites: /\nEnabled: no\n",
        "etc/apt/sources.list.d/a.list": "deb [signed-by=/k.gpg] https://e stable\n",
    }
    found = read_settings(APT, files)
    assert found.problems == []
    assert {key: value for key, value in found.values.items() if key.startswith("apt.source")} == {
        "apt.source[0].types": ("deb",),
        "apt.source[0].uris": ("http://u:***@a/",),
        "apt.source[0].suites": ("stable",),
        "apt.source[0].components": ("main", "contrib"),
        "apt.source[0].architectures": ("amd64", "arm64"),
        "apt.source[0].trusted": True,
        "apt.source[0].signed_by": (),
        "apt.source[1].types": ("deb",),
        "apt.source[1].uris": ("https://e",),
        "apt.source[1].suites": ("stable",),
        "apt.source[1].components": (),
        "apt.source[1].trusted": False,
        "apt.source[1].signed_by": ("/k.gpg",),
        "apt.source[2].types": ("deb", "deb-src"),
        "apt.source[2].uris": ("https://b/", "https://c/"),
        "apt.source[2].suites": ("s", "t"),
        "apt.source[2].components": ("main",),
        "apt.source[2].allow_insecure": True,
        "apt.source[2].x_name": "y",
        "apt.source[2].trusted": False,
        "apt.source[2].signed_by": ("inline",),
    }
    assert {s.key: s.line for s in found.settings}["apt.source[2].allow_insecure"] == 6


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("x.list", "\nrpm http://a b c\n", 2),
        ("x.list", "\ndeb http://a\n", 2),
        ("x.list", "\ndeb\n", 2),
        ("x.sources", "\nTypes: deb\nURIs: http://a\n", 2),
        ("x.sources", "\nnonsense\n", 2),
    ],
)
def test_what_is_no_source_is_a_problem_at_its_line(name: str, text: str, line: int) -> None:
    [(path, reason)] = read_settings(APT, {f"etc/apt/sources.list.d/{name}": text}).problems
    assert path == f"/etc/apt/sources.list.d/{name}"
    assert reason.startswith(f"line {line}: ")


def test_defaults_hold_where_apt_is_configured() -> None:
    assert conf("").values["apt.conf.APT::Get::AllowUnauthenticated"] is False
    assert read_settings(APT, {}).values == {}


@given(st.text(alphabet='ab:;{} "#/*\nclear', max_size=100), st.text(alphabet="deb []=:/ \n#Types.", max_size=100))
def test_no_text_is_too_odd(text: str, listed: str) -> None:
    files = {"etc/apt/apt.conf": text, "etc/apt/sources.list": listed, "etc/apt/sources.list.d/x.sources": listed}
    read_settings(APT, files)
