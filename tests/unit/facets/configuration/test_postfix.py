"""Postfix: lines, references, values and services, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.postfix import PARSER as POSTFIX
from hullmark.facets.configuration.postfix import restrictions
from hullmark.facets.configuration.postfix_syntax import split
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

MAIN = "etc/postfix/main.cf"
MASTER = "etc/postfix/master.cf"
SERVICE = "postfix.service[smtp/inet]"


def read(main: str, master: str = "") -> ReadSettings:
    return read_settings(POSTFIX, {MAIN: main, MASTER: master})


def written(found: ReadSettings) -> dict[str, Value]:
    return {s.key.removeprefix("postfix.main."): s.value for s in found.settings if s.path}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=b", {"a": "b"}),
        ("a = b c \t\r\n", {"a": "b c"}),
        ("a =", {"a": ""}),
        ("a = b = c # d", {"a": "b = c # d"}),
        ("a = 1\na = 2", {"a": 2}),
        ("a = b,\n  c", {"a": "b,  c"}),
        ("a =\n\n  # comment\n# comment\n\n\tb\n\nc = d", {"a": "b", "c": "d"}),
        ("# a = b\n#c\n", {}),
    ],
)
def test_logical_lines(text: str, values: dict[str, Value]) -> None:
    found = read(text)
    assert written(found) == values
    assert found.problems == []


def test_a_setting_stands_where_its_logical_line_begins() -> None:
    found = read("\na = 1\n#\n b\nc = 2\n")
    assert [(s.key, s.path, s.line) for s in found.settings if s.path] == [
        ("postfix.main.a", f"/{MAIN}", 2),
        ("postfix.main.c", f"/{MAIN}", 5),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = 1\nb\n", "line 2: it gives no parameter a value"),
        (" b = 1\na = 1\n", "line 1: it goes on with a line, but none stands before it"),
        ("a = 1\n= 1", "line 2: it gives no parameter a value"),
        ("a = 1\nbiff = on", "line 2: biff is neither yes nor no"),
    ],
)
def test_what_is_not_understood_is_a_problem_at_its_line(text: str, reason: str) -> None:
    found = read(text)
    assert found.values["postfix.main.a"] == 1
    assert found.problems == [(f"/{MAIN}", reason)]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("smtpd_use_tls", "YES", True),
        ("lmtp_use_tls", "no", False),
        ("smtpd_forbid_bare_newline", "yes", "yes"),
        ("message_size_limit", "10240000", 10240000),
        ("maillog_file_permissions", "0600", "0600"),
        ("queue_run_delay", "300s", "300s"),
        ("compatibility_level", "3.10", "3.10"),
        ("compatibility_level", "3", "3"),
        ("some_ratio", "0.5", "0.5"),
        ("inet_interfaces", "127.0.0.1, ::1", ("127.0.0.1", "::1")),
        ("mynetworks", "", ()),
        ("mynetworks", "127.0.0.0/8 [::1]/128,!10.0.0.1", ("127.0.0.0/8", "[::1]/128", "!10.0.0.1")),
        ("smtpd_tls_protocols", "!SSLv2:!SSLv3, !TLSv1", ("!SSLv2", "!SSLv3", "!TLSv1")),
        ("smtpd_tls_mandatory_protocols", ">=TLSv1.2", (">=TLSv1.2",)),
        ("smtpd_banner", "$myhostname ESMTP", "$myhostname ESMTP"),
        ("mailbox_command", "/usr/bin/x $mail_name ${user", "/usr/bin/x $mail_name ${user"),
        ("virtual_alias_maps", "hash:/a, hash:/b", "hash:/a, hash:/b"),
        ("smtp_sasl_password_maps", "static:joe:secret", "static:***"),
        ("smtp_sasl_password_maps", "hash:/etc/postfix/sasl_passwd", "hash:/etc/postfix/sasl_passwd"),
        ("lmtp_sasl_password_maps", "hash:/a, inline:{ {h = u:p} }", "hash:/a, inline:***"),
        ("users_bind_pw", "secret", "***"),
        ("users_password", "", ""),
        ("users_uri", "ldap://joe:secret@a/b", "ldap://joe:***@a/b"),
    ],
)
def test_values(name: str, text: str, value: Value) -> None:
    found = read(f"{name} = {text}\n")
    assert written(found) == {name: value}
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$one", "1x"),
        ("${one}$(one)", "1x1x"),
        ("a${two}b", "a1x1xb"),
        ("$one.com $empty!", "1x.com !"),
        ("$$one $$$$", "$one $$"),
        ("${one?yes}", "yes"),
        ("${one:no}", ""),
        ("${empty?yes}${empty:no}", "no"),
        ("${one? {yes} : {no}}", "yes"),
        ("${empty?{yes}:no}", "no"),
        ("${hollow?raw}", "raw"),
        ("${one?{$two}}", "1x1x"),
        ("${{$one} == {1x} ? {same} : {other}}", "same"),
        ("${{a} != {b}}", "true"),
        ("${{a} == {b}}", ""),
        ("${{9} < {10} ? {n}}", "n"),
        ("${{9x} < {10} ? {n} : {t}}", "t"),
        ("${{3.9} >=level {3.10} ? {y} : {n}}", "n"),
        ("${{$compatibility_level} <level {3.6} ? {old} : {new}}", "new"),
        ("${data_directory}/smtp", "/var/lib/postfix/smtp"),
        ("$mydomain", "$mydomain"),
        ("a $undefined ${undefined?b}", "a $undefined ${undefined?b}"),
        ("${{$undefined} == {a} ? {b} : {c}}", "${{$undefined} == {a} ? {b} : {c}}"),
        ("${one?$undefined}", "$undefined"),
    ],
)
def test_references(text: str, value: str) -> None:
    found = read(
        f"one = 1x\ntwo = $one$one\nempty =\nhollow = ${{empty}}\ncompatibility_level = 3.9\nresult = {text}\n"
    )
    assert found.values["postfix.main.result"] == value
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$", "it refers to a parameter without a name"),
        ("a ${} b", "it refers to a parameter without a name"),
        ("${a", "its brackets do not close"),
        ("${a?{b}", "its brackets do not close"),
        ("${a?{b} c}", "something follows a condition"),
        ("${a:{b} c}", "something follows a condition"),
        ("${a-b}", "it refers to a name with signs that no name has"),
        ("${{a} ~ {b}}", "it compares with an unknown operator"),
        ("${{a} == {b} c}", "something follows a comparison"),
        ("${{a} <level {3} ? {b}}", "a level of compatibility is not a version"),
        ("$result", "its references go too deep, or round in a circle"),
    ],
)
def test_references_that_cannot_be_followed_stay_with_a_problem(text: str, reason: str) -> None:
    found = read(f"result = {text}\n")
    assert written(found) == {"result": text}
    assert found.problems == [(f"/{MAIN}", f"line 1: result stays as it is written: {reason}")]


def test_references_that_multiply_are_bounded() -> None:
    lines = "".join(f"a{n} = $a{n + 1}$a{n + 1}\n" for n in range(60))
    found = read(f"{lines}a60 = xxxxxxxx\nb = $a60\n")
    assert found.values["postfix.main.b"] == "xxxxxxxx"
    assert found.values["postfix.main.a0"] == "$a1$a1"
    assert all("more than is followed" in reason for _, reason in found.problems)
    assert found.problems


def test_defaults_hold_where_nothing_is_written() -> None:
    values = read("compatibility_level = 3.9\nmyhostname = mail.example.org\nsmtpd_tls_auth_only = yes\n").values
    assert values["postfix.main.smtpd_tls_auth_only"] is True
    assert values["postfix.main.smtpd_tls_protocols"] == (">=TLSv1",)
    assert values["postfix.main.mynetworks_style"] == "host"
    assert values["postfix.main.mydestination"] == ("mail.example.org", "localhost.example.org", "localhost")
    assert values["postfix.main.smtpd_relay_restrictions"] == (
        "permit_mynetworks",
        "permit_sasl_authenticated",
        "defer_unauth_destination",
    )
    old = read("").values
    assert old["postfix.main.mynetworks_style"] == "subnet"
    assert old["postfix.main.smtpd_relay_restrictions"] == ()
    assert old["postfix.main.mydestination"] == ("$myhostname", "localhost.$mydomain", "localhost")
    assert "postfix.main.mynetworks" not in old


def test_without_its_files_there_is_nothing() -> None:
    assert read_settings(POSTFIX, {"etc/postfix/main.cf.proto": "a = b"}).settings == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("permit_mynetworks, reject", ["permit_mynetworks", "reject"]),
        ("check_client_access hash:/a permit", ["check_client_access hash:/a", "permit"]),
        ("reject_rbl_client a.b, warn_if_reject reject_x", ["reject_rbl_client a.b", "warn_if_reject reject_x"]),
        (
            "warn_if_reject check_policy_service { inet:h:1, timeout=1s } sleep 5 defer",
            ["warn_if_reject check_policy_service { inet:h:1, timeout=1s }", "sleep 5", "defer"],
        ),
        ("check_sender_access", ["check_sender_access"]),
        ("", []),
    ],
)
def test_restrictions_stand_with_their_arguments(text: str, found: list[str]) -> None:
    assert list(restrictions(split(text))) == found


def test_a_service_with_defaults_and_without() -> None:
    master = "smtp inet n - - - - smtpd\npickup unix - n y 60? 1 pickup -v\n"
    found = read("compatibility_level = 2\ndefault_process_limit = 20\n", master)
    services = {s.key: (s.value, s.path, s.line) for s in found.settings if ".service[" in s.key}
    assert found.problems == []
    pickup = "postfix.service[pickup/unix]"
    assert services == {
        f"{SERVICE}.private": (False, f"/{MASTER}", 1),
        f"{SERVICE}.unpriv": (True, "", 0),
        f"{SERVICE}.chroot": (False, "", 0),
        f"{SERVICE}.wakeup": (0, "", 0),
        f"{SERVICE}.maxproc": (20, f"/{MAIN}", 2),
        f"{SERVICE}.command": ("smtpd", f"/{MASTER}", 1),
        f"{SERVICE}.options": ((), f"/{MASTER}", 1),
        f"{pickup}.private": (True, "", 0),
        f"{pickup}.unpriv": (False, f"/{MASTER}", 2),
        f"{pickup}.chroot": (True, f"/{MASTER}", 2),
        f"{pickup}.wakeup": ("60?", f"/{MASTER}", 2),
        f"{pickup}.maxproc": (1, f"/{MASTER}", 2),
        f"{pickup}.command": ("pickup -v", f"/{MASTER}", 2),
        f"{pickup}.options": ((), f"/{MASTER}", 2),
    }


def test_without_a_level_of_compatibility_services_are_chrooted() -> None:
    found = read("", "smtp inet n - - - - smtpd")
    assert (found.values[f"{SERVICE}.chroot"], found.values[f"{SERVICE}.maxproc"]) == (True, 100)


@pytest.mark.parametrize(
    ("words", "command", "options"),
    [
        ("smtpd -o a=b\n  -o c=d,e", "smtpd", ("a=b", "c=d,e")),
        ("smtpd -oa=b -vo c= -D", "smtpd -v -D", ("a=b", "c=")),
        ("smtpd -o { a = b c } -o {d=}", "smtpd", ("a=b c", "d=")),
        ("smtpd -o a=1 -o a=2", "smtpd", ("a=2",)),
        ("smtpd -o a=$b,$x -o x=y -o n=$service_name", "smtpd", ("a=from main,y", "x=y", "n=smtp")),
        ("smtpd -o n=${multi_instance_name?{i}:{p}}/$service_name", "smtpd", ("n=p/smtp",)),
        ("pipe flags=R user=joe -o a=b", "pipe flags=R user=joe -o a=b", ()),
        ("pipe -- -o a=b", "pipe -- -o a=b", ()),
        ("smtp -o smtp_sasl_password_maps=static:u:p", "smtp", ("smtp_sasl_password_maps=static:***",)),
    ],
)
def test_arguments_of_services(words: str, command: str, options: tuple[str, ...]) -> None:
    found = read("b = from main\n", f"smtp inet n - y - - {words}\n")
    assert found.problems == []
    assert (found.values[f"{SERVICE}.command"], found.values[f"{SERVICE}.options"]) == (command, options)


def test_the_last_of_two_services_counts() -> None:
    found = read("", "smtp inet n - y - - smtpd\nsmtp inet n - n - 1 postscreen\n#smtp inet n - y - - none\n")
    assert (found.values[f"{SERVICE}.command"], found.values[f"{SERVICE}.chroot"]) == ("postscreen", False)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("smtp inet n - y - -", "it has fewer than eight fields"),
        ("smtp tcp n - y - - smtpd", "its type of service is not a valid one"),
        ("smtp inet no - y - - smtpd", "its field private has a value that it cannot have"),
        ("smtp inet n - y x - smtpd", "its field wakeup has a value that it cannot have"),
        ("smtp inet n - y - 1? smtpd", "its field maxproc has a value that it cannot have"),
        ("smtp inet n - y - - smtpd -o", "its option gives no parameter a value"),
        ("smtp inet n - y - - smtpd -o a", "its option gives no parameter a value"),
        ("smtp inet n - y - - smtpd -o a=${b", "a stays as it is written: its brackets do not close"),
    ],
)
def test_a_service_that_is_not_understood_is_a_problem(line: str, reason: str) -> None:
    found = read("", f"{line}\nqmgr unix n - n 300 1 qmgr\n")
    assert found.problems == [(f"/{MASTER}", f"line 1: {reason}")]
    assert found.values["postfix.service[qmgr/unix].wakeup"] == 300


@given(st.text(alphabet="a$b{}()?: ,=<>!#\n\t\\level1.", max_size=120))
def test_no_parameter_is_too_odd(text: str) -> None:
    read(f"a = $b\n{text}\nbiff = {text}\nmynetworks = {text}\n", f"a unix - - - - - a -o {text}")


@given(st.text(alphabet="a-on{}$ =\n\t?1y", max_size=120))
def test_no_service_is_too_odd(text: str) -> None:
    read("", f"{text}\nsmtp inet n - y - - {text}\n{text}")


@given(st.lists(st.text(alphabet="ab$ {}", max_size=8), max_size=4))
def test_dollars_that_are_doubled_come_back(parts: list[str]) -> None:
    text = "".join(parts).strip()
    assert read(f"x = {text.replace('$', '$$')}").values["postfix.main.x"] == text
