"""Settings beside rules: values in the spellings of programs, and what nothing sets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.configuration import Configuration, UnsetSetting
from hullmark.model.setting import Setting, Value
from hullmark.policy.gate import Answer, Violation
from hullmark.policy.gates.configuration import MustBe, MustNotBe, must_be, must_not_be
from hullmark.policy.setting_values import Amount, SettingGlob
from hullmark.policy.unset_settings import untold
from hullmark.policy.values import NameGlob, Pattern
from tests.unit.policy.building import facts


def settings(values: dict[str, Value], unset: dict[str, str]) -> Configuration:
    found = tuple(Setting(key=key, value=value, path="/etc/x", line=1) for key, value in values.items())
    return Configuration(settings=found, files=(), unset=tuple(UnsetSetting(*one) for one in unset.items()))


def said(answers: Any) -> list[str]:
    found: list[Answer] = list(answers)
    return [each.subject if isinstance(each, Violation) else f"?{each.reason.split()[0]}" for each in found]


def forbidden(key: str, values: dict[str, Value], unset: dict[str, str] | None = None, **params: Any) -> list[str]:
    rule = MustNotBe(setting=NameGlob(key), values=(SettingGlob("bad"),), **params)
    return said(must_not_be(rule, facts(configuration=settings(values, unset or {}))))


@pytest.mark.parametrize(
    ("key", "values", "unset", "answers"),
    [
        ("sshd.Banner", {"sshd.Banner": "bad"}, {}, ["sshd.Banner"]),
        ("sshd.Banner", {"sshd.Banner": "good"}, {}, []),
        ("sshd.Banner", {"sshd.Port": 22}, {}, ["?sshd.Banner"]),
        ("sshd.Banner", {"nginx.user": "x"}, {}, []),
        ("sshd.Banner", {"sshd.Port": 22}, {"sshd.Banner": "why"}, ["?sshd.Banner"]),
        ("sshd.Banner", {"sshd.Port": 22}, {"sshd.Banner": ""}, []),
        ("sshd.Match[*].Banner", {"sshd.Match[0].criteria": "User a"}, {}, []),
        ("nginx.*tls", {"nginx.http.tls": "good"}, {"nginx.http.server[0].tls": "why"}, ["?nginx.http.server[0].tls"]),
        ("nginx.http.server[*].tls", {"nginx.http.tls": "good"}, {}, []),
        ("nginx.http.server[*].tls", {"nginx.http.server[0].listen": "80"}, {}, ["?nginx.http.server[*].tls"]),
        ("nginx.user", {"nginx[/opt/x.conf].daemon": True}, {}, ["?nginx.user"]),
        ("redis.server[*].dir", {"redis.server[/a.b].dir": "good", "redis.server[/c.d].port": 1}, {}, ["?redis.server[/c.d].dir"]),
        ("php.*.bad", {"php.cli.bad": "good", "php.fpm.x": "1", "php.fpm.pool[a].user": "b"}, {}, ["?php.fpm.bad"]),
        ("passwd.user[*].shell", {"passwd.user[a].uid": 1}, {}, []),
        ("sudoers.rule[*].options", {"sudoers.rule[0].users": ("a",)}, {}, []),
    ],
)  # fmt: skip
def test_what_must_not_be_is_not_known_where_nothing_sets_it_and_no_default_is(
    key: str, values: dict[str, Value], unset: dict[str, str], answers: list[str]
) -> None:
    assert forbidden(key, values, unset) == answers
    assert [each for each in forbidden(key, values, unset, if_unset="pass") if each.startswith("?")] == []


def test_a_setting_that_must_not_be_set_at_all_may_be_unset() -> None:
    rule = MustNotBe(setting=NameGlob("sshd.Banner"))
    assert said(must_not_be(rule, facts(configuration=settings({"sshd.Port": 22}, {"sshd.Banner": "why"})))) == []


def test_a_rule_about_what_is_written_does_not_ask_for_defaults() -> None:
    assert forbidden("sshd.Banner", {"sshd.Port": 22}, {"sshd.Banner": "why"}, defaults=False) == []


@pytest.mark.parametrize(("if_unset", "answers"), [("unknown", ["?a.b"]), ("fire", ["a.b"]), ("pass", [])])
def test_what_must_be_is_not_known_either(if_unset: Any, answers: list[str]) -> None:
    there = facts(configuration=settings({"a.c": 1}, {"a.b": "its release is not known"}))
    rule = MustBe(setting=NameGlob("a.b"), values=(SettingGlob("x"),), if_unset=if_unset)
    assert said(must_be(rule, there)) == answers


@pytest.mark.parametrize(
    ("wanted", "value", "fits"),
    [
        ("yes", "on", True),
        ("off", "0", True),
        ("Full", "full", True),
        ("tlsv1", "TLSv1", True),
        ("TLSv1", "TLSv1.1", False),
        ("/Srv", "/srv", False),
        ("8M", "8388608", True),
        ("8388608", "8m", True),
        ("1G", "1024M", True),
        ("8M", "9M", False),
        ("1", "1k", False),
        ("1.10", "1.1", False),
        ("all*", "ALL -SSLv3", True),
        ("000", "00", True),
    ],
)
def test_values_are_compared_as_programs_do(wanted: str, value: str, fits: bool) -> None:
    assert SettingGlob(wanted).fits(value) is fits


@given(st.text("aB1mMk/*?", min_size=1, max_size=8), st.text("aB1mMk/", max_size=8))
def test_comparing_never_fails_and_every_value_is_itself(wanted: str, value: str) -> None:
    assert SettingGlob(wanted).fits(value) in (True, False)
    if value:
        assert SettingGlob(value).fits(value)


def wrong(value: Value, **asked: Any) -> list[str]:
    """What is said of a setting a.b with this value, without where it stands."""
    seen = facts(configuration=settings({"a.b": value}, {}))
    answers = must_be(MustBe(setting=NameGlob("a.b"), **asked), seen)
    return [each.message if isinstance(each, Violation) else f"?{each.reason}" for each in answers]


@pytest.mark.parametrize(
    ("value", "asked", "said"),
    [
        ("TLSv1", {"pattern": Pattern("^TLSv1[.]")}, "'TLSv1' (/etc/x:1), and must fit '^TLSv1[.]'"),
        (("a", "b"), {"containing": (SettingGlob("a"), SettingGlob("c"))}, "'a', 'b' (/etc/x:1), and must have c"),
        ("many", {"at_least": Amount("4")}, "'many' (/etc/x:1), which is not an amount that could be compared"),
        ("4xy", {"at_least": Amount("4")}, "'4xy' (/etc/x:1), which is not an amount that could be compared"),
        (True, {"at_least": Amount("4")}, "'yes' (/etc/x:1), which is not an amount that could be compared"),
        ("1k", {"at_least": Amount("1025")}, "'1k' (/etc/x:1), and must be at least 1025"),
        ("1m", {"at_most": Amount("1023k")}, "'1m' (/etc/x:1), and must be at most 1023k"),
    ],
)
def test_what_is_wrong_with_a_value_is_said(value: Value, asked: dict[str, Any], said: str) -> None:
    assert wrong(value, **asked) == [f"a.b is {said}."]


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("TLSv1.2", {"pattern": Pattern("^TLSv1[.]")}),
        (("a", "c"), {"containing": (SettingGlob("a"), SettingGlob("c"))}),
        ("1k", {"at_least": Amount("4"), "at_most": Amount("1024")}),
    ],
)
def test_nothing_is_said_of_a_value_that_is_as_it_must_be(value: Value, asked: dict[str, Any]) -> None:
    assert wrong(value, **asked) == []


@pytest.mark.parametrize(
    ("value", "asked", "is_open"),
    [
        ("****", {"values": (SettingGlob("s*"),)}, True),
        ("****", {"values": (SettingGlob("yes"),)}, False),
        ("****", {"pattern": Pattern("^[a-z]+$")}, True),
        ("****", {"pattern": Pattern("^$")}, False),
        (("good", "****"), {"pattern": Pattern("^g")}, True),
        (("bad", "****"), {"pattern": Pattern("^g")}, False),
        (("a", "****"), {"containing": (SettingGlob("a"), SettingGlob("k*"))}, True),
        (("a", "****"), {"containing": (SettingGlob("yes"),)}, False),
        ("****", {"at_least": Amount("4")}, True),
    ],
)
def test_a_masked_value_that_may_be_as_it_must_be_cannot_be_told(
    value: Value, asked: dict[str, Any], is_open: bool
) -> None:
    (said,) = wrong(value, **asked)
    assert (said == "?the value of a.b is masked") is is_open
    assert said.startswith("?" if is_open else "a.b is ")


@pytest.mark.parametrize("text", ["", "many", "4xy", "1.2.3"])
def test_a_text_without_a_number_or_with_a_unit_that_there_is_not_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="expected an amount, such as 4, 1024 or 10m, not "):
        Amount(text)


def test_a_key_without_a_program_in_front_stands_nowhere() -> None:
    assert list(untold(NameGlob("*"), facts(configuration=settings({"a.b": 1}, {})), has_found=False)) == []


def test_where_nobody_read_settings_it_is_not_said_again_that_one_is_not_known() -> None:
    assert list(untold(NameGlob("a.b"), facts(), has_found=False)) == []
