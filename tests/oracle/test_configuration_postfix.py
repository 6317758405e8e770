"""postconf is the judge: what Postfix makes of main.cf and master.cf is what is read from them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.facets.configuration.postfix import PARSER as POSTFIX
from hullmark.facets.configuration.postfix_names import AT_DELIVERY, DEFAULTS, KNOWN, SWITCHES
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings
from tests.support.configured import run_in, run_until, settings_of

pytestmark = pytest.mark.slow

odd = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

START = "myhostname = mail.example.org\n"
YESTERDAY = time.time() - 86_400
"""When its files were written: while they are younger than some seconds, postconf waits, as somebody may still write them."""
FIELDS = ("private", "unpriv", "chroot", "wakeup", "maxproc")


class Postconf:
    """Runs postconf on files of its own, which `read` reads too."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder = root, folder

    def write(self, main: str, master: str = "") -> ReadSettings:
        for name, text in (("main.cf", main), ("master.cf", master)):
            path = self._folder / name
            path.write_text(text, newline="")
            os.utime(path, (YESTERDAY, YESTERDAY))
        return read_settings(POSTFIX, {"etc/postfix/main.cf": main, "etc/postfix/master.cf": master})

    def says(self, *arguments: str) -> str:
        """What it prints, warnings too, whose lines begin with its own name."""
        return run_in(self._root, *self._command(*arguments))

    def says_or_refuses(self, *arguments: str) -> str:
        """The same, or as much as it prints before a fatal error, behind which it would sleep for a second."""
        return run_until(self._root, "postconf: fatal: ", *self._command(*arguments))

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return ("postconf", "-c", f"/{self._folder.relative_to(self._root)}", *arguments)


@pytest.fixture
def postconf(root: Path, scratch: Path) -> Postconf:
    return Postconf(root, scratch)


def parameters(said: str) -> dict[str, str]:
    lines = (line.partition(" =") for line in said.splitlines() if not line.startswith("postconf: "))
    return {name: value.strip() for name, _, value in lines}


def shown(value: Value) -> str:
    """A value as it would be written. Commas are blanks, and one blank is enough: postconf prints no more either."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    return re.sub(r"[, \t\r\n\v\f]+", " ", text).strip()


def main_of(read: ReadSettings) -> dict[str, str]:
    return {s.key.removeprefix("postfix.main."): shown(s.value) for s in read.settings if ".main." in s.key and s.path}


def test_the_packaged_parameters(root: Path) -> None:
    read = settings_of(POSTFIX, root)
    assert read.problems == []
    theirs = {name: shown(value) for name, value in parameters(run_in(root, "postconf", "-nx")).items()}
    theirs.pop("config_directory", None)
    assert len(theirs) > 10
    assert main_of(read) == theirs


def as_field(value: Value) -> str:
    return {True: "y", False: "n"}[value] if isinstance(value, bool) else str(value)


def services(read: ReadSettings) -> list[list[str]]:
    """Each service as it stands in master.cf; a dash is where its default holds."""
    found = []
    by_key = {s.key: s for s in read.settings}
    for key in [key for key in by_key if key.endswith(".command")]:
        service = key.removesuffix(".command")
        name, _, kind = service.removeprefix("postfix.service[").removesuffix("]").rpartition("/")
        fields = [by_key[f"{service}.{field}"] for field in FIELDS]
        options = by_key[f"{service}.options"].value
        assert isinstance(options, tuple)
        words = [as_field(field.value) if field.path else "-" for field in fields]
        found.append([name, kind, *words, str(by_key[key].value), *sorted(options)])
    return found


def masters(entries: str, options: str) -> list[list[str]]:
    """The same of what postconf prints for -M and for -Px."""
    found = []
    by_service: dict[str, list[str]] = {}
    for key, value in parameters(options).items():
        service, _, name = key.rpartition("/")
        by_service.setdefault(service, []).append(f"{name}={value}")
    for line in entries.splitlines():
        if not line.startswith("postconf: "):
            words = line.split(None, 7)
            command = re.sub(r" -o (?:\{[^{}]*\}|\S+(?:\{\S*)*)", "", words[7])
            found.append([*words[:7], command, *sorted(by_service.get(f"{words[0]}/{words[1]}", []))])
    return found


def test_the_packaged_services(root: Path) -> None:
    ours = services(settings_of(POSTFIX, root))
    assert len(ours) > 20
    assert ours == masters(run_in(root, "postconf", "-M"), run_in(root, "postconf", "-Px"))


SERVICES = """
# smtp inet n - y - - none
smtp      inet  n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
# in between

    -o { smtpd_client_restrictions = permit_sasl_authenticated, reject }
 -v -oa=b -o relayhost=$mail_name -o mynetworks=$relayhost,10.1.1.1
127.0.0.1:submission inet n n n 5 20 smtpd -o {syslog_name=x/$service_name}
pickup unix - - - 60? 1 pickup -o syslog_name=${multi_instance_name?{$multi_instance_name}:{postfix}}/$service_name
mine unix - n n - - pipe flags=R user=joe argv=/usr/bin/mine -o x=y
log unix-dgram n - n - 1 postlogd
"""


def test_services(postconf: Postconf) -> None:
    read = postconf.write(f"{START}mynetworks = 10.0.0.0/8\n", SERVICES)
    assert read.problems == []
    theirs = masters(postconf.says("-M"), postconf.says("-Px"))
    assert len(theirs) == 5
    theirs[3][-1] = theirs[3][-1].replace(" -o x=y", "") + " -o x=y"  # an argument of the program that pipe runs
    assert services(read) == theirs


@odd
@given(st.lists(st.text(alphabet="ab =#\t-,\r", max_size=10), max_size=7))
def test_lines_are_read_alike(postconf: Postconf, lines: list[str]) -> None:
    names = ("relayhost", "mydestination", "smtpd_banner")
    text = START + "\n".join(
        f"{name} ={line}\n{more}" for name, line, more in zip(names, lines, lines[1:], strict=False)
    )
    read = postconf.write(text)
    said = postconf.says_or_refuses("-n")
    if any("gives no parameter" in reason for _, reason in read.problems):
        assert "missing '=' after attribute name" in said or "missing attribute name" in said
    else:
        ours = main_of(read)
        theirs = {name: shown(value) for name, value in parameters(said).items()}
        assert {name: ours[name] for name in ours.keys() & {*names}} == {
            name: theirs[name] for name in theirs.keys() & {*names}
        }


VALUES = "one = 1\ntwo = $one$one\nempty =\nhollow = $empty\nlevel = 3.10\ncompatibility_level = 3.9\n"
names_ = st.sampled_from(("one", "two", "empty", "hollow", "mydomain", "mail_name"))
words = st.text(alphabet="ab 1", max_size=3)


def references(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blank = st.sampled_from(("", " "))
    braced = st.builds("{}{{{}}}{}".format, blank, inner, blank)
    sign = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("${{{}}}".format, names_),
        st.builds("$({})".format, names_),
        st.builds("${{{}{}{}}}".format, names_, st.sampled_from("?:"), st.one_of(inner, braced)),
        st.builds("${{{}?{}:{}}}".format, names_, braced, st.one_of(inner, braced)),
        st.builds("${{{}{}{}?{}:{}}}".format, braced, sign, braced, braced, braced),
        st.builds(
            "${{{{{}}} {}level {{{}}}}}".format, st.just("$level"), sign, st.sampled_from(("3", "3.9", "3.10.1"))
        ),
    )


@odd
@given(st.recursive(st.one_of(words, st.builds("${} ".format, names_)), references, max_leaves=8))
def test_references_come_to_the_same(postconf: Postconf, text: str) -> None:
    read = postconf.write(f"{START}{VALUES}relayhost = {text}|\n")
    said = postconf.says_or_refuses("-xh", "relayhost")
    if read.problems:
        assert "fatal: macro processing error" in said
    else:
        assert "fatal" not in said
        assert main_of(read)["relayhost"] == shown(said.split("\npostconf: ")[0])


@odd
@given(st.text(alphabet="$a{}()?:= ", max_size=10))
def test_what_postfix_does_not_follow_is_a_problem(postconf: Postconf, text: str) -> None:
    read = postconf.write(f"{START}a = x\nrelayhost = |{text}|\n")
    said = postconf.says_or_refuses("-xh", "relayhost")
    if any(reason.endswith("no parameter a value") for _, reason in read.problems):
        return
    assert bool(read.problems) == ("fatal: macro processing error" in said)


def test_switches_and_defaults(postconf: Postconf) -> None:
    postconf.write(START)
    raw, expanded = parameters(postconf.says()), parameters(postconf.says("-x"))
    assert {name for name, value in expanded.items() if value in ("yes", "no")} == SWITCHES
    mine = {**KNOWN, **DEFAULTS}
    moved = {"config_directory"}
    theirs = {name: shown(raw[name]) for name in mine.keys() - moved}
    assert theirs == {name: shown(value) for name, value in mine.items() if name not in moved}


def test_what_is_followed_at_delivery(postconf: Postconf) -> None:
    postconf.write(START)
    fixed = {"myhostname", "compatibility_level", "config_directory", "mail_name", "inet_protocols"}
    names = parameters(postconf.says()).keys() - fixed
    postconf.write(START + "".join(f"{name} = ${{none:x}}\n" for name in names))
    said = parameters(postconf.says("-x"))
    assert {name for name, value in said.items() if "none" in value} == AT_DELIVERY
