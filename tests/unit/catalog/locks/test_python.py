"""Requirements files, and the lock files of pipenv, Poetry, PDM, uv and PEP 751."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement

from hullmark.catalog.locks.python import CATALOGER
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.effort import ends
from tests.support.places import REPOSITORY
from tests.support.views import FakeView

COMMIT = "0123456789abcdef0123456789abcdef01234567"
VCS = "?vcs_url=git%2Bhttps%3A%2F%2Fexample.org%2Fa.git%40" + COMMIT


def read(name: str, body: str | bytes) -> tuple[list[tuple[str, str]], list[str]]:
    view = FakeView({f"app/{name}": body.encode() if isinstance(body, str) else body}, CATALOGER)
    packages = [(package.name, package.version) for package in CATALOGER.assemble(view)]
    return packages, [reason for _, reason in view.problems]


def found(name: str, body: str | dict[str, Any]) -> list[tuple[str, str]]:
    packages, problems = read(name, body if isinstance(body, str) else json.dumps(body))
    assert problems == []
    return packages


def purls(name: str, body: str) -> list[str]:
    return [package.purl for package in CATALOGER.assemble(FakeView({name: body.encode()}, CATALOGER))]


# Requirements files


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("flask == 4.0.0", ("flask", "4.0.0")),
        ("urllib3===1.26.20", ("urllib3", "1.26.20")),
        ("  Foo_-.Bar==1.0.0   # a comment", ("foo-bar", "1.0.0")),
        ("a==5.4 ; python_version < '3.8'", ("a", "5.4")),
        ("a[x, y] == 4.4.7", ("a", "4.4.7")),
        ("a (==1.0)", ("a", "1.0")),
        ("a>=1.0,==1.2,<2", ("a", "1.2")),
        ("a==1!2.0+local.1", ("a", "1!2.0+local.1")),
        ("a==1.0 --hash=sha256:0123", ("a", "1.0")),
        ("a==1.0 \\\n  --hash=sha256:0123 \\\n  --hash=sha256:4567", ("a", "1.0")),
        ("a==1.0 \\\r\n  --hash=sha256:0123\r\n", ("a", "1.0")),
        ("a == 3.7.1 @ git+https://example.org/a", ("a", "3.7.1")),
    ],
)
def test_a_pinned_requirement_is_a_package(line: str, package: tuple[str, str]) -> None:
    assert found("requirements.txt", line) == [package]


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a[x]",
        "a>=1.0",
        "a~=1.1",
        "a!=3.5",
        "a==2.8.*",
        "a; sys_platform == 'win32'",
        "a @ https://example.org/a-1.0.tar.gz",
        "a==1.0,==2.0",
        "-e git+https://example.org/a",
    ],
)
def test_what_is_not_pinned_is_a_problem_and_no_package(line: str) -> None:
    packages, (problem,) = read("requirements.txt", line)
    assert packages == []
    assert problem.startswith("requirements that name no exact version were left out: 1 (")


@pytest.mark.parametrize("line", ["", "# a==1", "-r other.txt", "-c /etc/passwd", "--index-url https://example.org/"])
def test_comments_and_options_are_nothing(line: str) -> None:
    assert found("requirements.txt", line) == []


@pytest.mark.parametrize(
    "line", ["==2.3.4", "./a.whl", "a==", "a=1", "a b", "https://user:secret@example.org/a", "<<<<<<< HEAD"]
)
def test_what_is_no_requirement_is_reported_without_its_secrets(line: str) -> None:
    packages, (problem,) = read("dev-requirements.txt", line + "\nb==1.0\n")
    assert packages == [("b", "1.0")]
    assert problem.startswith("entries that cannot be used: 1 (")
    assert "secret" not in problem


def test_other_encodings_are_read_and_damage_is_reported() -> None:
    assert read("requirements.txt", "a==1.0\n".encode("utf-16")) == ([("a", "1.0")], [])
    packages, problems = read("requirements.txt", b"\xff\xfe" + b"-r requirements.txt\na==1\n" * 100_000)
    assert packages == []
    assert len(problems) == 1


def test_the_same_line_many_times_is_one_package() -> None:
    assert found("requirements.txt", "a==1\n" * 100_000) == [("a", "1")]


@pytest.mark.parametrize("part", ["a==1 ", " ", "a[", "a==1,", "a(", " -", "=", "a @", ";"])
def test_long_lines_take_no_long_time(part: str) -> None:
    with ends():
        read("requirements.txt", ("a" + part * (4000 // len(part)) + "\n") * 50)


_clauses = st.lists(
    st.tuples(
        st.sampled_from(["==", ">=", "<", "~=", "!="]), st.sampled_from(["1.0", "2.1.3", "1.*", "1!2.0", "1.0+x.1"])
    ),
    max_size=3,
)


@given(
    # A name ends in a letter or digit (PEP 508), which packaging does not insist on.
    name=st.from_regex(r"[aB1]([aB1._-]{0,4}[aB1])?", fullmatch=True),
    extras=st.sampled_from(["", "[x]", " [x, y]"]),
    clauses=_clauses,
    tail=st.sampled_from(["", " ; python_version < '3'", " # why"]),
)
def test_requirements_are_read_as_packaging_reads_them(
    name: str, extras: str, clauses: list[tuple[str, str]], tail: str
) -> None:
    line = f"{name}{extras} {','.join(operator + version for operator, version in clauses)}"
    try:
        theirs = Requirement(line)
    except InvalidRequirement:
        return
    pins = [pin.version for pin in theirs.specifier if pin.operator == "==" and not pin.version.endswith("*")]
    expected = [(re.sub(r"[-_.]+", "-", theirs.name).lower(), pins[0])] if len(set(pins)) == 1 else []
    packages, _ = read("requirements.txt", line + tail)
    assert packages == expected


def test_a_real_file_is_read_whole() -> None:
    text = (REPOSITORY / "requirements.lock").read_text()
    theirs = {line.split(";")[0].strip(" \\") for line in text.splitlines() if re.match(r"[a-z]", line)}
    assert {f"{name}=={version}" for name, version in found("requirements.txt", text)} == theirs
    assert len(theirs) > 20


# Pipfile.lock


def test_pipfile_lock_without_what_is_for_development() -> None:
    lock = {
        "_meta": {"hash": {}},
        "default": {
            "A_b": {"version": "==1.0"},
            "repo": {"git": "https://user:x@example.org/a.git", "ref": COMMIT},
            "own": {"path": ".", "editable": True},
            "sdist": {"file": "https://example.org/sdist-1.0.zip"},
        },
        "docs": {"sphinx": {"version": "==7.0"}},
        "develop": {"pytest": {"version": "==8.0"}},
    }
    assert found("Pipfile.lock", lock) == [
        ("a-b", "1.0"),
        ("repo", UNKNOWN_VERSION),
        ("sdist", UNKNOWN_VERSION),
        ("sphinx", "7.0"),
    ]
    assert purls("Pipfile.lock", json.dumps(lock))[1] == "pkg:pypi/repo" + VCS


@pytest.mark.parametrize(
    "body", ["[]", '{"default": []}', '{"default": {"a": 1}}', '{"default": {"a": {"version": 1}}}', "{"]
)
def test_a_pipfile_lock_of_another_form_is_reported(body: str) -> None:
    assert len(read("Pipfile.lock", body)[1]) == 1


# TOML


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (
            "poetry.lock",
            '[[package]]\nname = "A_b"\nversion = "1.0"\ncategory = "dev"\n\n[[package]]\nname = "a"\nversion = "2.0"\n'
            f'[package.source]\ntype = "git"\nurl = "https://example.org/a.git"\nresolved_reference = "{COMMIT}"\n',
        ),
        (
            "pdm.lock",
            '[[package]]\nname = "a-b"\nversion = "1.0"\n\n[[package]]\nname = "a-b"\nversion = "1.0"\nextras = ["x"]\n\n'
            f'[[package]]\nname = "a"\nversion = "2.0"\ngit = "https://example.org/a.git"\nrevision = "{COMMIT}"\n',
        ),
        (
            "uv.lock",
            'version = 1\n\n[[package]]\nname = "a-b"\nversion = "1.0"\nsource = { registry = "https://example.org/" }\n\n'
            f'[[package]]\nname = "a"\nversion = "2.0"\nsource = {{ git = "https://example.org/a.git?rev=v2#{COMMIT}" }}\n',
        ),
        (
            "pylock.toml",
            'lock-version = "1.0"\n\n[[packages]]\nname = "a-b"\nversion = "1.0"\n\n[[packages]]\nname = "a"\nversion = "2.0"\n'
            f'vcs = {{ type = "git", url = "https://example.org/a.git", commit-id = "{COMMIT}" }}\n',
        ),
    ],
)
def test_lock_files_in_toml(name: str, body: str) -> None:
    assert found(name, body) == [("a-b", "1.0"), ("a", "2.0")]
    assert purls(name, body) == ["pkg:pypi/a-b@1.0", "pkg:pypi/a@2.0" + VCS]


def test_a_package_without_a_version_is_there_without_it() -> None:
    assert found("uv.lock", '[[package]]\nname = "own"\nsource = { editable = "." }\n') == [("own", UNKNOWN_VERSION)]


@pytest.mark.parametrize(
    "body",
    ['[[package]]\nname = "x"\nversion = "1"\n[[package]\nbroken', "package = 1", 'package = ["a"]', "package = [{}]"],
)
def test_a_lock_file_of_another_form_is_reported(body: str) -> None:
    packages, problems = read("poetry.lock", body)
    assert packages == []
    assert len(problems) == 1


def test_lock_files_of_installed_packages_are_not_looked_at() -> None:
    assert purls("usr/lib/python3/dist-packages/x/requirements.txt", "a==1.0") == []


def test_what_a_setup_py_pins_is_read_and_the_rest_is_said() -> None:
    body = """setup(name="shop", about="a == b? no", install_requires=["Flask[async] == 2.0.1", 'six>=1', *more()])"""
    packages, reasons = read("app/setup.py", body)
    assert packages == [("flask", "2.0.1")]
    assert reasons == ["what it requires by code, or without an exact version, was left out"]
    assert read("app/setup.py", "setup(name='shop')") == ([], [])


@pytest.mark.parametrize("name", ["tool.py.lock", "pylock.dev.toml"])
def test_lock_files_of_one_script_and_of_one_group_are_read(name: str) -> None:
    table = "packages" if name.startswith("pylock") else "package"
    assert found(name, f'[[{table}]]\nname = "anyio"\nversion = "4.1.0"\n') == [("anyio", "4.1.0")]
