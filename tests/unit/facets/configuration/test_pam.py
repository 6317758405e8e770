"""PAM: lines, stacks after includes, /etc/pam.conf, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration import pam
from hullmark.facets.configuration.pam import PARSER as PAM
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings


def read(**services: str) -> ReadSettings:
    return read_settings(PAM, {f"etc/pam.d/{name.replace('_', '-')}": text for name, text in services.items()})


def modules(found: ReadSettings, service: str) -> dict[str, Value]:
    prefix = f"pam.{service}."
    return {
        key.removeprefix(prefix): value
        for key, value in found.values.items()
        if key.startswith(prefix) and "module" in key
    }


def test_a_line() -> None:
    found = read(a="# comment\n-auth  [success=1 \\\n default=ignore] /lib/pam_unix.so nullok [a b\\]c] # more\n")
    assert found.problems == []
    assert found.values == {
        "pam.a.auth[0].control": "[success=1 default=ignore]",
        "pam.a.auth[0].module": "/lib/pam_unix.so",
        "pam.a.auth[0].arguments": ("nullok", "a b]c"),
        "pam.a.auth[0].if_present": True,
        "pam.a.nullok": True,
    }
    assert {(setting.path, setting.line) for setting in found.settings} == {("/etc/pam.d/a", 2)}


@pytest.mark.parametrize(
    ("text", "nullok"),
    [
        ("auth required pam_unix.so nullok", True),
        ("auth required pam_unix.so nullok_secure", True),
        ("auth required pam_unix.so try_first_pass", False),
        ("auth required pam_unix.so\nauth required pam_unix.so nullok", True),
        ("auth required pam_deny.so nullok", None),
        ("account required pam_unix.so nullok", None),
    ],
)
def test_whether_empty_passwords_do(text: str, nullok: bool | None) -> None:
    assert read(a=text).values.get("pam.a.nullok") is nullok


def test_includes_stand_for_lines_of_their_type() -> None:
    found = read(
        a="auth required one.so\nauth include b\n@include c\naccount substack b\n",
        b="auth required two.so\naccount required three.so\n",
        c="auth required four.so\nsession required five.so\n",
    )
    assert found.problems == []
    assert modules(found, "a") == {
        "auth[0].module": "one.so",
        "auth[1].module": "two.so",
        "auth[2].module": "four.so",
        "session[0].module": "five.so",
        "account[0].module": "three.so",
    }
    assert found.values["pam.a.account[0].substack"] == "b"
    assert {setting.path for setting in found.settings if setting.key == "pam.a.auth[1].module"} == {"/etc/pam.d/b"}


def test_services_of_the_distribution_and_left_overs() -> None:
    line = "auth required {}.so\n"
    found = read_settings(
        PAM,
        {
            "etc/pam.d/a": line.format("mine"),
            "usr/lib/pam.d/a": line.format("theirs"),
            "usr/lib/pam.d/b": line.format("only"),
            "etc/pam.d/a.dpkg-dist": line.format("old"),
            "etc/pam.conf": "c auth required ignored.so\n",
        },
    )
    assert {key: value for key, value in found.values.items() if key.endswith("module")} == {
        "pam.a.auth[0].module": "mine.so",
        "pam.b.auth[0].module": "only.so",
    }


def test_pam_conf_counts_without_a_folder() -> None:
    found = read_settings(PAM, {"etc/pam.conf": "Login auth required pam_unix.so nullok\nsu auth required x.so\nbad\n"})
    assert found.values["pam.login.nullok"] is True
    assert found.values["pam.login.auth[0].arguments"] == ("nullok",)
    assert found.values["pam.su.auth[0].module"] == "x.so"
    assert found.problems == [("/etc/pam.conf", "line 3: PAM knows no type ")]


@pytest.mark.parametrize(
    "line",
    [
        "auth",
        "auth required",
        "odd required x.so",
        "auth maybe x.so",
        "auth [success] x.so",
        "@include",
        "@include none",
        "auth include a",
    ],
)
def test_what_cannot_be_read_is_a_problem(line: str) -> None:
    found = read(a=f"\n{line}\nauth required x.so\n")
    assert [(path, reason.split(":")[0]) for path, reason in found.problems] == [("/etc/pam.d/a", "line 2")]
    assert found.values["pam.a.auth[0].module"] == "x.so"


def test_bounds() -> None:
    """Each of many files includes the next one many times: what that comes to is cut, with a Problem."""
    files = {f"s{i}": f"@include s{i + 1}\n" * 10 for i in range(15)} | {"s15": "auth required x.so\n"}
    found = read(**files)
    reasons = [reason.split(": ")[-1] for _, reason in found.problems]
    assert reasons == [
        "it comes to more than 100,000 settings; the rest is left out",
        "PAM's includes come to more than is read",
    ]
    assert len(found.settings) == 100_000


TEXT = st.text(st.characters(exclude_characters="\0\\", exclude_categories=["Cs"]), max_size=100)


@given(TEXT, TEXT)
def test_any_text_is_read(first: str, second: str) -> None:
    found = read(a=f"{first}\nauth required x.so\n", b=second)
    assert "x.so" in [value for key, value in found.values.items() if key.startswith("pam.a.auth")]


PARTS = [
    "auth",
    "-session",
    "account",
    "required",
    "include",
    "substack",
    "@include",
    "a",
    "b",
    "x.so",
    "[a=1",
    "]",
    "#",
    "\\\n",
    "\n",
]


@given(st.lists(st.sampled_from(PARTS), max_size=30), st.lists(st.sampled_from(PARTS), max_size=30))
def test_any_parts_are_read(first: list[str], second: list[str]) -> None:
    found = read(a=" ".join(first), b=" ".join(second))
    assert all(path.startswith("/etc/pam.d/") for path, _ in found.problems)


def test_a_last_line_that_would_go_on_counts() -> None:
    assert modules(read(a="auth required \\\n x.so \\"), "a") == {"auth[0].module": "x.so"}


def test_includes_that_go_too_deep_are_left_out() -> None:
    files = {f"s{i:02}": f"auth required x{i}.so\n@include s{i + 1:02}\n" for i in range(21)} | {"s21": "\n"}
    found = read(**files)
    assert found.problems == [("/etc/pam.d/s20", "line 2: s21 is included too deep, and is left out")]
    assert len(modules(found, "s00")) == 21


def test_so_many_files_are_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pam, "MAX_INCLUDES", 2)
    found = read(a="@include b\n@include c\n", b="auth required b.so\n", c="auth required c.so\n")
    assert found.problems[0] == ("/etc/pam.d/a", "line 2: so many files are not read")
    assert modules(found, "a") == {"auth[0].module": "b.so"}
