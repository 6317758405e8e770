"""OpenSSL: sections, variables, includes, what the library acts on, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.openssl import PARSER as OPENSSL
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

MAIN = "etc/ssl/openssl.cnf"


def read(text: str, **more: str) -> ReadSettings:
    """The settings of a main file; others stand in /etc/ssl/conf.d."""
    return read_settings(OPENSSL, {MAIN: text, **{f"etc/ssl/conf.d/{name}.cnf": body for name, body in more.items()}})


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a = b # c", "default.a", "b"),
        ("[s]\na=5", "s.a", 5),
        ("[ s t ]\na = 'x # y' z", "s t.a", "x # y z"),
        ('[s]\na = "b\\"c"\\n\\d', "s.a", 'b"c\nd'),
        ("[s]\nt::a = b", "t.a", "b"),
        ("[s]\na = b\\\n  c", "s.a", "b  c"),
        ("[s]\na = b\\\\", "s.a", "b\\"),
        ("[s]\na = 1\na = 2", "s.a", 2),
        ("[s]\na.1 = $ENV::HOME/x", "s.a.1", "$ENV::HOME/x"),
        ("[s]\nurl = https://u:secret@h/", "s.url", "https://u:***@h/"),
        ("[s]\noutput_password = secret", "s.output_password", "***"),
    ],
)
def test_a_value_is_read_as_the_library_reads_it(text: str, key: str, value: Value) -> None:
    found = read(text + "\n")
    assert found.values == {f"openssl.{key}": value}
    assert found.problems == []


def test_variables_stand_for_what_was_said_before() -> None:
    text = "x = 1\n[a]\ny = $x/2\n[b]\ny = ${a::y}$(x)$x\n.pragma = dollarid:true\nz = $y$(y)\n"
    found = read(text)
    assert found.values == {
        "openssl.default.x": 1,
        "openssl.a.y": "1/2",
        "openssl.b.y": "1/211",
        "openssl.b.z": "$y1/211",
    }
    assert found.problems == []


@pytest.mark.parametrize(
    "line", ["a", "[a", "(a)", "a = $none", "a = ${b", "a = ${b)", ".pragma = dollarid:maybe", "a b = c"]
)
def test_what_is_not_understood_is_a_problem_at_its_line(line: str) -> None:
    found = read(f"b = 1\n{line}\nc = 2\n")
    assert found.values == {"openssl.default.b": 1, "openssl.default.c": 2}
    [(path, reason)] = found.problems
    assert path == f"/{MAIN}"
    assert reason.startswith("line 2: ")


def test_includes_of_files_and_folders() -> None:
    text = "x = 1\n.include /etc/ssl/conf.d\n.include = conf.d/none.cnf\nafter = 1\n"
    found = read(text, b="[b]\ny = $x\n", a="[a]\ny = 2\n")
    assert found.values == {"openssl.default.x": 1, "openssl.a.y": 2, "openssl.b.y": 1, "openssl.b.after": 1}
    assert found.problems == []
    assert {s.key: (s.path, s.line) for s in found.settings}["openssl.a.y"] == ("/etc/ssl/conf.d/a.cnf", 2)


EFFECTIVE = """
openssl_conf = init
[init]
ssl_conf = ssl_sect
providers = provider_sect
alg_section = algorithms
[ssl_sect]
system_default = system
[system]
MinProtocol = TLSv1.2
CipherString = DEFAULT:@SECLEVEL=2
[provider_sect]
default = default_sect
legacy = legacy_sect
[default_sect]
[legacy_sect]
activate = 1
[algorithms]
default_properties = fips=yes
[elsewhere]
MinProtocol = SSLv3
"""


def test_what_the_library_acts_on() -> None:
    found = read(EFFECTIVE)
    prefix = "openssl.effective."
    assert {s.key.removeprefix(prefix): s.value for s in found.settings if s.key.startswith(prefix)} == {
        "ssl_conf.system_default.MinProtocol": "TLSv1.2",
        "ssl_conf.system_default.CipherString": "DEFAULT:@SECLEVEL=2",
        "providers.default": "default_sect",
        "providers.legacy.activate": 1,
        "alg_section.default_properties": "fips=yes",
    }
    assert {s.key: s.line for s in found.settings}[f"{prefix}providers.legacy.activate"] == 17


def test_a_second_file_stands_apart_and_a_link_is_none() -> None:
    files = {MAIN: "a = 1", "usr/local/ssl/openssl.cnf": "a = 2"}
    found = read_settings(OPENSSL, files, links={"usr/lib/ssl/openssl.cnf": "/etc/ssl/openssl.cnf"})
    assert found.values == {"openssl.default.a": 1, "openssl.file[/usr/local/ssl/openssl.cnf].default.a": 2}


def test_a_file_that_includes_itself_is_a_problem() -> None:
    assert read(".include /etc/ssl/openssl.cnf\n").problems == [
        (f"/{MAIN}", "line 1: /etc/ssl/openssl.cnf includes itself")
    ]


def test_values_that_double_each_other_are_bounded() -> None:
    text = f"a0 = {'x' * 60_000}\n" + "".join(f"a{i} = ${{a0}}\n" for i in range(1, 400))
    found = read(text)
    assert 200 < len(found.values) < 400
    assert found.problems[-1] == (f"/{MAIN}", "line 400: there is more than is read")
    assert "line 2: a value with variables grows too long" in read(f"a = {'x' * 40_000}\nb = $a$a\n").problems[0][1]


def test_sections_that_multiply_are_bounded() -> None:
    many = "".join(f"a{i} = s\n" for i in range(1000))
    found = read(f"openssl_conf = init\n[init]\nproviders = s\n[s]\n{many}")
    assert len(found.settings) == 100_000
    assert found.problems[0][1] == "it comes to more than 100,000 settings; the rest is left out"


@given(st.text(alphabet="ab=[]:$(){} #'\"`\\\tn.\n", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read(f".include conf.d\n{text}", a=text)


def test_pragmas_say_where_includes_begin() -> None:
    text = (
        ".pragma abspath:true\n.pragma other:x\n.pragma includedir:/etc/ssl/conf.d/\n.include a.cnf\n.include /none\n"
    )
    found = read(text, a="[a]\ny = 2\n")
    assert (found.values, found.problems) == ({"openssl.a.y": 2}, [])


def test_a_last_line_that_would_go_on_counts() -> None:
    assert read("[s]\na = b\\").values == {"openssl.s.a": "b"}
