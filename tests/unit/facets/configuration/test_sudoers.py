"""sudoers: lines, lists, rules, Defaults, includes, who is asked no password, and bounds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.sudoers import PARSER as SUDOERS
from hullmark.facets.configuration.sudoers_syntax import lines
from hullmark.model.inventory import Distro
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings


def read(text: str, distro: Distro | None = None, others: Mapping[str, str] | None = None) -> ReadSettings:
    """The settings of a main file; others stand in sudoers.d."""
    files = {f"etc/sudoers.d/{name}": body for name, body in (others or {}).items()}
    return read_settings(SUDOERS, {"etc/sudoers": text, **files}, distro=distro)


def rules(found: ReadSettings) -> dict[str, Value]:
    return {
        key.removeprefix("sudoers."): value for key, value in found.values.items() if key.startswith("sudoers.rule")
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\n b \n", [(1, "a"), (3, "b")]),
        ("a \\\n  b\nc", [(1, "a   b"), (3, "c")]),
        ("a # b \\\nc", [(1, "a"), (2, "c")]),
        ("# a\n#1000 b\n#-1 c", [(2, "#1000 b"), (3, "#-1 c")]),
        ("#include /x\n#includedir /y", [(1, "#include /x"), (2, "#includedir /y")]),
        ('a "#b" \\# c', [(1, 'a "#b" \\# c')]),
        ("a\\\\\nb", [(1, "a\\\\"), (2, "b")]),
        ("a \\", [(1, "a")]),
    ],
)
def test_lines(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(lines(text)) == expected


def test_a_rule() -> None:
    found = read("%sudo, !bob ALL, !web = (ALL : adm) NOPASSWD:SETENV: /bin/a  -x, !/bin/b\n")
    assert found.problems == []
    assert rules(found) == {
        "rule[0].users": ("%sudo", "!bob"),
        "rule[0].hosts": ("ALL", "!web"),
        "rule[0].runas": ("ALL",),
        "rule[0].runas_groups": ("adm",),
        "rule[0].tags": ("NOPASSWD", "SETENV"),
        "rule[0].commands": ("/bin/a -x", "!/bin/b"),
    }
    assert (found.settings[-1].path, found.settings[-1].line) == ("/etc/sudoers", 1)


def test_rights_hold_until_others_are_said() -> None:
    found = read("a ALL = (root) NOPASSWD: /a, /b, PASSWD: /c : web = /d\n")
    tags = {key: value for key, value in rules(found).items() if key.endswith(("tags", "commands", "hosts"))}
    assert tags == {
        "rule[0].hosts": ("ALL",),
        "rule[0].tags": ("NOPASSWD",),
        "rule[0].commands": ("/a", "/b"),
        "rule[1].hosts": ("ALL",),
        "rule[1].tags": ("PASSWD",),
        "rule[1].commands": ("/c",),
        "rule[2].hosts": ("web",),
        "rule[2].tags": (),
        "rule[2].commands": ("/d",),
    }


def test_options_of_a_rule() -> None:
    found = read('a ALL = ROLE=x CWD="/a b" /bin/c\n')
    assert found.values["sudoers.rule[0].options"] == ("ROLE=x", "CWD=/a b")


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("env_reset", "env_reset", True),
        ("!env_reset", "env_reset", False),
        ("!!use_pty", "use_pty", True),
        ("passwd_tries=5", "passwd_tries", 5),
        ("timestamp_timeout = -1", "timestamp_timeout", -1),
        ("timestamp_timeout=2.5", "timestamp_timeout", 2.5),
        ('secure_path="/a:/b"', "secure_path", "/a:/b"),
        ("secure_path=/a\\:/b", "secure_path", "/a:/b"),
        ('env_keep="A B"', "env_keep", ("A", "B")),
        ('env_keep+="A B", env_keep-=A', "env_keep", ("B",)),
        ("!env_keep", "env_keep", ()),
        ('badpass_message="a, \\"b\\""', "badpass_message", 'a, "b"'),
    ],
)
def test_defaults(text: str, name: str, value: Value) -> None:
    found = read(f"Defaults {text}\n")
    assert found.problems == []
    assert found.values[f"sudoers.defaults.{name}"] == value


def test_defaults_for_some() -> None:
    found = read(
        'Defaults env_keep="A"\nDefaults:%sudo env_keep+=B, !use_pty\nDefaults!/bin/x, /bin/y noexec\nDefaults@"web 1" log_output\n'
    )
    assert found.problems == []
    assert {key: value for key, value in found.values.items() if "scoped" in key} == {
        "sudoers.scoped[0].scope": ":%sudo",
        "sudoers.scoped[0].env_keep": ("A", "B"),
        "sudoers.scoped[0].use_pty": False,
        "sudoers.scoped[1].scope": "!/bin/x,/bin/y",
        "sudoers.scoped[1].noexec": True,
        "sudoers.scoped[2].scope": "@web 1",
        "sudoers.scoped[2].log_output": True,
    }
    assert found.values["sudoers.defaults.env_keep"] == ("A",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("%a ALL=NOPASSWD: ALL", ("%a",)),
        ("a ALL=(ALL) ALL", ()),
        ("User_Alias X = a, b : Y = X, !c, %d\nY ALL=NOPASSWD: /bin/x", ("a", "b", "%d")),
        ("User_Alias X = X, a\nX ALL=NOPASSWD: /bin/x", ("a",)),
        ("a ALL=NOPASSWD: !/bin/x", ()),
        ("a ALL=NOPASSWD: /bin/x, PASSWD: ALL", ("a",)),
        ("Defaults !authenticate\na ALL=ALL\nb ALL=PASSWD: ALL", ("a",)),
        ("Defaults:a,%b !authenticate", ("a", "%b")),
        ("Defaults@web !authenticate\nc ALL=ALL", ("c",)),
        ("Defaults exempt_group=adm", ("%adm",)),
    ],
)
def test_who_is_asked_no_password(text: str, names: tuple[str, ...]) -> None:
    found = read(f"{text}\n")
    assert found.problems == []
    assert found.values["sudoers.nopasswd"] == names


def test_includes() -> None:
    found = read(
        "@includedir sudoers.d\n#include /etc/sudoers.d/y.z\n@include nowhere\n",
        others={"a": "a ALL=ALL\n", "b.c": "b ALL=ALL\n", "c~": "c ALL=ALL\n", "y.z": "y ALL=ALL\n"},
    )
    users = {key: value for key, value in rules(found).items() if key.endswith("users")}
    assert users == {"rule[0].users": ("a",), "rule[1].users": ("y",)}
    assert found.problems == [("/etc/sudoers", "line 3: /etc/nowhere is not there")]


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a ALL",
        "a ALL=",
        "a ALL=(root",
        "User_Alias x = a",
        "User_Alias X",
        "Defaults 5",
        "Defaults",
        'a ALL=" /b',
        "@include /a%h",
    ],
)
def test_what_cannot_be_read_is_a_problem(line: str) -> None:
    found = read(f"\n{line}\nb ALL=ALL\n")
    assert [(path, reason.split(":")[0]) for path, reason in found.problems] == [("/etc/sudoers", "line 2")]
    assert found.values["sudoers.rule[0].users"] == ("b",)


def test_an_alias_that_is_there_already_is_a_problem() -> None:
    found = read("Host_Alias A = b\nUser_Alias A = c\nUser_Alias A = d\n")
    assert [reason for _, reason in found.problems] == ["line 3: a line cannot be read: the alias A is there already"]
    assert found.values["sudoers.alias.user[A]"] == ("c",)


def test_defaults_of_what_nothing_sets() -> None:
    assert read("").values["sudoers.defaults.env_reset"] is True
    assert "sudoers.defaults.use_pty" not in read("").values
    assert read("", Distro(id="debian", version_id="13")).values["sudoers.defaults.use_pty"] is True
    assert read_settings(SUDOERS, {"etc/sudoers.d/a": "a ALL=ALL\n"}).settings == []


def test_bounds() -> None:
    assert len(read("@include /etc/sudoers\n").problems) == 1
    assert len(read("Defaults env_keep+=" + '"' + " ".join(f"A{i}" for i in range(600)) + '"\n').problems) == 1
    assert read("a ALL = " + "/b, " * 50_000 + "/c\n").problems == []


@given(st.text(max_size=100))
def test_any_text_is_read(text: str) -> None:
    assert "sudoers.nopasswd" in read(text).values


PARTS = [
    "ALL",
    "a",
    "%b",
    "=",
    ",",
    ":",
    "(",
    ")",
    "!",
    "NOPASSWD:",
    "/bin/c",
    "#1",
    '"',
    "\\",
    "Defaults",
    "User_Alias",
    "X",
    " ",
    "\n",
]


@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_any_parts_are_read(parts: list[str]) -> None:
    assert "sudoers.nopasswd" in read(" ".join(parts)).values


@given(st.lists(st.text("ab ,:=\\!", min_size=1, max_size=6), min_size=1, max_size=4))
def test_names_come_back_as_they_were_quoted(names: list[str]) -> None:
    quoted = ", ".join('"x' + name.replace("\\", "\\\\") + '"' for name in names)
    assert read(f"{quoted} ALL = ALL\n").values["sudoers.rule[0].users"] == tuple(f"x{name}" for name in names)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Defaults@,a b", "Defaults do not say whom they are for"),
        ("Defaults: x", "a setting of Defaults cannot be read"),
        ("User_Alias A = b c", "'c' stands behind the end"),
        ("al ALL = /bin/a : )", "')' stands where a word should"),
        ("al ALL = /bin/a )", None),
        ("al ALL = ALL =", "'=' stands behind the end"),
    ],
)
def test_a_line_of_odd_words_is_a_problem(line: str, reason: str | None) -> None:
    found = read(f"{line}\nbob ALL = /bin/b\n")
    told = [("/etc/sudoers", f"line 1: a line cannot be read: {reason}")] if reason else []
    assert found.problems == told
    assert ("/bin/b",) in rules(found).values()


def test_the_places_of_aliases_in_each_other_are_listed_as_far_as_there_is_room() -> None:
    count = 150
    aliases = "".join(f"Cmnd_Alias A{i} = A{i + 1}\n" for i in range(count)) + f"Cmnd_Alias A{count} = /bin/a\n"
    found = read(f"{aliases}bob ALL = A0\n")
    (commands,) = (setting for setting in found.settings if setting.key == "sudoers.rule[0].commands")
    assert (commands.line, len(commands.more)) == (count + 2, 100)
    assert [place.line for place in commands.more[:3]] == [1, 2, 3]
