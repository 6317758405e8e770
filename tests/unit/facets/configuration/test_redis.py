"""Redis and Valkey: words, what adds up, includes, sentinels, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.redis import PARSER as REDIS
from hullmark.facets.configuration.redis import split
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

MAIN = "etc/redis/redis.conf"
PREFIX = f"redis.server[/{MAIN}]."


def read(text: str, **more: str) -> ReadSettings:
    """The settings of a server; others stand in /etc/redis/conf.d."""
    return read_settings(REDIS, {MAIN: text, **{f"etc/redis/conf.d/{name}.conf": body for name, body in more.items()}})


def written(found: ReadSettings) -> dict[str, Value]:
    return {s.key.removeprefix(PREFIX): s.value for s in found.settings if s.path}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b  c", ("a", "b", "c")),
        ('a "b c" "" d"e f"', ("a", "b c", "", "de f")),
        (r'a "\x41\n\"\q\\"', ("a", 'A\n"q\\')),
        (r"a 'b\'c\n'", ("a", "b'c\\n")),
        ('a "b', None),
        ('a "b"c', None),
        ("a 'b", None),
        ("", ()),
    ],
)
def test_words_are_parted_as_the_server_parts_them(line: str, words: tuple[str, ...] | None) -> None:
    assert split(line) == words


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("protected-mode no", "protected-mode", False),
        ("PORT 6380", "port", 6380),
        ("bind 127.0.0.1 -::1", "bind", ("127.0.0.1", "-::1")),
        ('bind ""', "bind", ()),
        ("bind 1.1.1.1\nbind ::1", "bind", ("::1",)),
        ("requirepass secret", "requirepass", "***"),
        ('requirepass ""', "requirepass", ""),
        ("maxmemory 1gb", "maxmemory", "1gb"),
        ("unixsocketperm 700", "unixsocketperm", "700"),
        ("oom-score-adj no", "oom-score-adj", "no"),
        ("enable-debug-command local", "enable-debug-command", "local"),
        ("logfile 5", "logfile", "5"),
        ("slave-read-only no", "replica-read-only", False),
        ("replicaof 10.0.0.1 6379", "replicaof", ("10.0.0.1", "6379")),
        ("hash-max-ziplist-entries 5", "hash-max-listpack-entries", 5),
        ("save 900 1\nsave 300 10 60 5", "save", ("900 1", "300 10", "60 5")),
        ('save 900 1\nsave ""', "save", ()),
        ('rename-command CONFIG ""\nrename-command DEBUG x', "rename-command", ('CONFIG ""', "DEBUG x")),
        (
            "user default off\nuser a on >secret #0123 ~* +@all",
            "user",
            ("default off", "a on >*** #*** ~* +@all"),
        ),
        (
            "client-output-buffer-limit normal 1 1 1\nclient-output-buffer-limit slave 2 2 2 Normal 3 3 3",
            "client-output-buffer-limit",
            ("normal 3 3 3", "replica 2 2 2"),
        ),
        ("loadmodule /a.so\nloadmodule /b.so x", "loadmodule", ("/a.so", "/b.so x")),
        ("always", "always", None),
    ],
)
def test_a_directive_is_read_as_the_server_reads_it(text: str, name: str, value: Value) -> None:
    found = read(f"# comment\n{text}\n")
    assert written(found) == {name: value}
    assert found.problems == []


def test_defaults_hold_where_nothing_is_set() -> None:
    values = read("").values
    assert values[f"{PREFIX}protected-mode"] is True
    assert values[f"{PREFIX}port"] == 6379
    assert values[f"{PREFIX}bind"] == ("*", "-::*")


def test_includes_stand_where_they_are_written() -> None:
    found = read(
        "port 1\ninclude /etc/redis/conf.d/*.conf\ninclude conf.d/none*.conf\nhz 5\n", b="port 3\n", a="port 2\nhz 1\n"
    )
    assert written(found) == {"port": 3, "hz": 5}
    assert found.problems == []
    assert [(s.path, s.line) for s in found.settings if s.key == f"{PREFIX}port"] == [("/etc/redis/conf.d/b.conf", 1)]


def test_sentinels_stand_apart() -> None:
    text = "sentinel monitor m 10.0.0.1 6379 2\nsentinel auth-pass m secret\nsentinel deny-scripts-reconfig yes\n"
    found = read_settings(REDIS, {"etc/redis/sentinel.conf": text})
    prefix = "redis.sentinel[/etc/redis/sentinel.conf]."
    assert {s.key.removeprefix(prefix): s.value for s in found.settings if s.path} == {
        "sentinel.monitor": ("m 10.0.0.1 6379 2",),
        "sentinel.auth-pass": ("m ***",),
        "sentinel.deny-scripts-reconfig": True,
    }
    assert found.values[f"{prefix}port"] == 26379


@pytest.mark.parametrize("path", ["etc/valkey/valkey.conf", "etc/redis.conf", "usr/local/etc/redis/redis-a.conf"])
def test_servers_are_named_by_their_files(path: str) -> None:
    assert read_settings(REDIS, {path: "port 5"}).values[f"redis.server[/{path}].port"] == 5


def test_one_file_under_two_names_is_one_server() -> None:
    found = read_settings(REDIS, {MAIN: "port 5"}, links={"etc/redis.conf": f"/{MAIN}"})
    assert [s.key for s in found.settings if s.value == 5] == ["redis.server[/etc/redis.conf].port"]


@pytest.mark.parametrize("line", ['a "b', "include /none.conf", "include /etc/redis/redis.conf"])
def test_what_is_not_understood_is_a_problem_at_its_line(line: str) -> None:
    found = read(f"\n{line}\nport 1\n")
    assert written(found) == {"port": 1}
    [(path, reason)] = found.problems
    assert path == f"/{MAIN}"
    assert reason.startswith("line 2: ")


@given(st.text(alphabet="ab \"'\\x\n#*.", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read(f"include conf.d/*.conf\n{text}", a=text)


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=10), max_size=5))
def test_quoted_words_come_back(words: list[str]) -> None:
    quoted = ('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert split(" ".join(quoted)) == tuple(words)
