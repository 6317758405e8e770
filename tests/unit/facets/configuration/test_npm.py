"""npm's configuration: types, users, projects, credentials, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.npm import PARSER as NPM
from hullmark.model.setting import Value
from tests.support.configuration import read_settings


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("registry=http://a.example/", "registry", "http://a.example/"),
        ("registry = https://u:secret@a.example/ ; comment", "registry", "https://u:***@a.example/"),
        ("strict-ssl=false", "strict-ssl", False),
        ("ignore-scripts", "ignore-scripts", True),
        ("fetch-retries = 3", "fetch-retries", 3),
        ("ca = null", "ca", None),
        ("@org:registry = 'https://b.example/'", "@org:registry", "https://b.example/"),
        ("//b.example/:_authToken=npm_secret", "//b.example/:_authToken", "***"),
        ("//b.example/:_authToken=${NPM_TOKEN}", "//b.example/:_authToken", "${NPM_TOKEN}"),
        ("_auth = c2VjcmV0", "_auth", "***"),
        ("//b.example/:_password=c2Vj", "//b.example/:_password", "***"),
        ("omit[] = dev\nomit[] = optional", "omit", ("dev", "optional")),
    ],
)
def test_a_line_is_read_as_npm_reads_it(line: str, name: str, value: Value) -> None:
    found = read_settings(NPM, {"root/.npmrc": f"; c\n# c\n{line}\n"})
    assert {s.key: s.value for s in found.settings if s.path} == {f"npm.{name}": value}
    assert found.problems == []


def test_files_for_all_users_and_projects() -> None:
    files = {
        "usr/local/etc/npmrc": "a=1\nb=1\n",
        "root/.npmrc": "a=2\n",
        "home/al/.npmrc": "a=3\n",
        "srv/app/.npmrc": "a=4\nstrict-ssl=false\n",
    }
    assert read_settings(NPM, files).values == {
        "npm.strict-ssl": True,
        "npm.a": 2,
        "npm.b": 1,
        "npm.user[al].a": 3,
        "npm.project[/srv/app].a": 4,
        "npm.project[/srv/app].strict-ssl": False,
    }


@pytest.mark.parametrize("line", ["[section]", "=x"])
def test_what_npm_does_not_read_is_a_problem(line: str) -> None:
    [(path, reason)] = read_settings(NPM, {"root/.npmrc": f"\n{line}\n"}).problems
    assert (path, reason.split(":")[0]) == ("/root/.npmrc", "line 2")


def test_an_image_without_them_has_no_settings() -> None:
    assert read_settings(NPM, {}).settings == []


@given(st.text(alphabet="a[]=:_auth\n ;#'\\", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read_settings(NPM, {"root/.npmrc": text, ".npmrc": text})


def test_lines_in_a_section_do_not_count() -> None:
    found = read_settings(NPM, {"root/.npmrc": "a=1\n[s]\nb=2\n=3\n"})
    assert {s.key: s.value for s in found.settings if s.path} == {"npm.a": 1}
    assert found.problems == [("/root/.npmrc", "line 2: a section, which npm does not read")]
