"""Accounts: what a field of passwords says, users and groups with what shadow files say, and bad lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.accounts import GROUP, PASSWD, state
from tests.support.configuration import ReadSettings, read_settings


def users(passwd: str, shadow: str | bytes | None = None) -> ReadSettings:
    return read_settings(PASSWD, {"etc/passwd": passwd} | ({"etc/shadow": shadow} if shadow is not None else {}))


def groups(group: str, gshadow: str | None = None) -> ReadSettings:
    return read_settings(GROUP, {"etc/group": group} | ({"etc/gshadow": gshadow} if gshadow is not None else {}))


@pytest.mark.parametrize(
    ("field", "told", "hashed"),
    [
        ("", "none", ""),
        ("*", "locked", ""),
        ("!", "locked", ""),
        ("!!", "locked", ""),
        ("!*", "locked", ""),
        ("*LK*", "locked", ""),
        ("x", "locked", ""),
        ("$6$salt$hash", "set", "sha512"),
        ("!$6$salt$hash", "locked", "sha512"),
        ("$y$j9T$salt$hash", "set", "yescrypt"),
        ("$1$salt$hash", "set", "md5"),
        ("$2b$05$hash", "set", "bcrypt"),
        ("$5$rounds=5000$salt$hash", "set", "sha256"),
        ("$md5,rounds=5$salt$hash", "set", "sunmd5"),
        ("$new$salt$hash", "set", "unknown"),
        ("$6$***", "set", "sha512"),
        ("rl0HYxC9Lxyz.", "set", "des"),
        ("_J9..K0AyUubDrfOgO4s", "set", "bsdi"),
        ("(masked)", "set", "unknown"),
        ("****", "set", "unknown"),
    ],
)
def test_what_a_field_says(field: str, told: str, hashed: str) -> None:
    assert state(field) == (told, hashed)


def test_a_user() -> None:
    found = users("root:x:0:0:root:/root:/bin/bash\n", "root:$6$secret$hash:19000:0:99999:7:30:20000:\n")
    assert found.problems == []
    assert found.values == {
        "passwd.user[root].uid": 0,
        "passwd.user[root].gid": 0,
        "passwd.user[root].gecos": "root",
        "passwd.user[root].home": "/root",
        "passwd.user[root].shell": "/bin/bash",
        "passwd.user[root].password": "set",
        "passwd.user[root].password_hash": "sha512",
        "passwd.user[root].password_changed": 19000,
        "passwd.user[root].password_min_days": 0,
        "passwd.user[root].password_max_days": 99999,
        "passwd.user[root].password_warn_days": 7,
        "passwd.user[root].password_inactive_days": 30,
        "passwd.user[root].expires": 20000,
        "passwd.uid0": ("root",),
        "passwd.duplicate_uids": (),
    }
    assert "secret" not in repr(found.settings)
    assert next(setting.path for setting in found.settings if setting.key.endswith("password")) == "/etc/shadow"


@pytest.mark.parametrize(
    ("field", "shadow", "told"),
    [
        ("x", None, "x missing"),
        ("x", "other:*:::::::\n", "x missing"),
        ("x", "a::::::::\n", "none"),
        ("x", "a:*:::::::\n", "locked"),
        ("", "a:*:::::::\n", "none"),
        ("*", None, "locked"),
        ("x", b"a\0b", None),
    ],
)
def test_which_file_says_it(field: str, shadow: str | bytes | None, told: str | None) -> None:
    assert users(f"a:{field}:1:1::/:/bin/sh\n", shadow).values["passwd.user[a].password"] == told


def test_names_and_numbers_that_stand_twice() -> None:
    found = users("a:x:0:0::/:\nb:x:0:0::/:\na:x:5:5::/:\nc:x:5:5::/:\na#2:x:7:7::/:\n[x]:x:8:8::/:\n")
    assert found.problems == []
    assert [key for key in found.values if key.endswith("uid")] == [
        f"passwd.user[{name}].uid" for name in ("a", "b", "a#2", "c", "a#2#2", "\\x5bx\\x5d")
    ]
    assert found.values["passwd.uid0"] == ("a", "b")
    assert found.values["passwd.duplicate_uids"] == ("0", "5")


def test_bad_lines_are_problems_and_the_rest_counts() -> None:
    found = users(
        "root\n\n# comment\na:x:one:1::/:\n:x:1:1::/:\n+::::::\nb:x:1:1::/:/bin/sh\r\n", "b:*\nb:*:::::::\nb::::::::\n"
    )
    assert [reason.split(":")[0] for _, reason in found.problems] == ["line 1", "line 3", "line 1", "line 4", "line 5"]
    assert found.values["passwd.user[b].password"] == "locked"
    assert found.values["passwd.user[b].shell"] == "/bin/sh"
    assert found.values["passwd.user[+].uid"] is None


def test_a_group() -> None:
    found = groups("sudo:x:27:alice,bob\nempty::5:\nnone:x:6:\n", "sudo:!:carol:alice,bob\n")
    assert found.problems == []
    assert found.values == {
        "group.group[sudo].gid": 27,
        "group.group[sudo].members": ("alice", "bob"),
        "group.group[sudo].password": "locked",
        "group.group[sudo].administrators": ("carol",),
        "group.group[empty].gid": 5,
        "group.group[empty].members": (),
        "group.group[empty].password": "locked",
        "group.group[none].gid": 6,
        "group.group[none].members": (),
        "group.group[none].password": "x missing",
    }


def test_a_bad_group() -> None:
    found = groups("a:x\nb:x:x:\nb:x:1:\n")
    assert [reason.split(":")[0] for _, reason in found.problems] == ["line 1", "line 2"]
    assert found.values["group.group[b].gid"] == 1


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)


@given(TEXT, TEXT)
def test_any_text_is_read(first: str, second: str) -> None:
    assert users(f"{first}\nroot:x:0:0::/:\n", second).values["passwd.uid0"] != ()
    assert "group.group[root].gid" in groups(f"{first}\nroot:x:0:\n", second).values


FIELD = st.text(st.characters(exclude_characters=":\n\r", exclude_categories=["Cs", "Cc"]), max_size=8)
NAME = st.text("abc", min_size=1, max_size=3)


@given(st.lists(st.tuples(NAME, FIELD, st.integers(0, 99999), FIELD, FIELD), max_size=8, unique_by=lambda row: row[0]))
def test_fields_come_back_as_they_were_written(rows: list[tuple[str, str, int, str, str]]) -> None:
    found = users("".join(f"{name}:*:{uid}:1:{gecos}:{home}:{shell}\n" for name, gecos, uid, home, shell in rows))
    assert found.problems == []
    for name, gecos, uid, home, shell in rows:
        key = f"passwd.user[{name}]"
        assert [found.values[f"{key}.{part}"] for part in ("gecos", "uid", "home", "shell")] == [
            gecos,
            uid,
            home,
            shell,
        ]


def test_the_way_that_a_group_s_password_is_hashed_is_told() -> None:
    found = groups("wheel:x:1:a\nold:$1$salt$hash:2:\n", "wheel:$6$salt$hash::a\n")
    hashes = {key: value for key, value in found.values.items() if key.endswith("password_hash")}
    assert hashes == {"group.group[wheel].password_hash": "sha512", "group.group[old].password_hash": "md5"}
    assert {s.path for s in found.settings if s.key.endswith("password_hash")} == {"/etc/gshadow", "/etc/group"}
