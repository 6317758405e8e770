"""What the words of a start script come to: arguments, parts of variables, what takes the place of others, and tests of them."""

from __future__ import annotations

import pytest

from tests.unit.facets.configuration.starts import commands, start_of


@pytest.mark.parametrize(
    ("sh", "expected"),
    [
        ("set -- 'a b' c; nginx $*", "nginx a b c"),
        ("set -- 'a b' c; nginx $@", "nginx a b c"),
        ("set -- 'a b' c; nginx \"$*\"", "nginx 'a b c'"),
        ("set -- 'a b' c; nginx \"$@\"", "nginx 'a b' c"),
        ("set -- 'a b' c; nginx -c\"$*\"", "nginx '-ca b c'"),
        ("set a b; nginx $2", "nginx b"),
        ("set -- a b c; shift 2; nginx $#$1", "nginx 1c"),
        ("nginx $0 ${BASH_SOURCE}", "nginx sh sh"),
        ("A=abcdef; nginx ${A:1:2} ${A:4}", "nginx bc ef"),
        ("A=a.b.c; nginx ${A#*.} ${A##*.} ${A%.*} ${A%%.*} ${A#x}", "nginx b.c c a.b a a.b.c"),
        ("A=; nginx \"${A:+b}\" \"${A+b}\" \"${A-b}\" \"${A:-b}\"", "nginx '' b '' b"),
        ("A=1; nginx ${A:?} ${A?no} ${A:-b}", "nginx 1 1 1"),
        ("nginx ${A:=b} $A", "nginx b b"),
        ('nginx "${A:-"x"}" ${B:-\'y\'} ${C:-a$*} ${D:-\\}}', "nginx x y a '}'"),
        ("A=b; A+=x; nginx $A", "nginx bx"),
        ('nginx "a\\$b\\q\\`\\\nc" a\\ b', "nginx 'a$b\\q`c' 'a b'"),
        ("nginx $'a\\n\\'b' $ $%", "nginx 'a\n'\"'\"'b' '$' '$%'"),
        ("nginx $(command -v x) `which y`", "nginx x y"),
    ],
)  # fmt: skip
def test_words_come_to_what_a_shell_makes_of_them(sh: str, expected: str) -> None:
    start = start_of(sh=sh)
    assert commands(start) == [expected]
    assert start.commands[0].is_known


@pytest.mark.parametrize(
    "sh",
    [
        "A='x y'; nginx p$A",
        "A=b; nginx ${A%$(date)}",
        "A=b; nginx ${A:x}",
        "A=b; nginx ${A:$B}",
        "A=$(date); nginx ${A:-b}",
        "nginx ${A:?no}",
        "nginx ${A:-$(date)}",
        "nginx ${A:=$(date)}",
        "nginx ${#A}",
        "nginx ${!A}",
        "nginx ${A[0]}",
        "A[0]=x; nginx $A",
        "A=(x\n y); nginx $A",
        "A=b; A+=$(date); nginx $A",
        "nginx $((1 + 2))",
        "nginx $( (x); (y) )",
        "nginx $'\\x41'",
        "nginx >(cat)",
        'set -- a b; nginx "${@:1:1}"',
        "set -- $(x); shift $n; nginx $1",
        "set -- a; shift $n; nginx $@",
        "set $(x); nginx $#",
        "set -- a \"$(x)\"; nginx $@",
        "A=" + "x" * 201 + "; nginx ${A#x}",
        "A=" + "x" * 40_000 + "; nginx $A$A",
        "nginx" + " a" * 1001,
    ],
    ids=lambda sh: sh[:40],
)  # fmt: skip
def test_a_word_that_is_not_known_is_told(sh: str) -> None:
    start = start_of(sh=sh)
    assert [(command.program, command.is_known) for command in start.commands] == [("nginx", False)]


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("[ ]", False),
        ("[ a ]", True),
        ("[ '' ]", False),
        ("[ ! ]", True),
        ("[ ! a ]", False),
        ("[ -z '' ]", True),
        ("[ -n '' ]", False),
        ("[ a != b ]", True),
        ("[ a != a ]", False),
        ("[ a == a ]", True),
        ("[ a = a* ]", False),
        ("[[ a != b* ]]", True),
        ("[ a -o '' ]", True),
        ("[ '' -a a ]", False),
        ("[ '' -o '' ]", False),
        ("[ -z -o ]", False),
        ("[ -o = -o ]", True),
        ("[ a = b -o c = c ]", True),
        ("test a = a", True),
        ("[ 2 -eq 2 ]", True),
        ("[ 2 -ne 2 ]", False),
        ("[ 10 -lt 9 ]", False),
        ("[ 9 -le 10 ]", True),
        ("[ 10 -gt 9 ]", True),
        ("[ 9 -ge 10 ]", False),
        ("[ $# -lt 1 ]", True),
    ],
)
def test_a_test_holds_as_in_a_shell(test: str, holds: bool) -> None:
    start = start_of(sh=f"if {test}; then nginx; else sshd; fi")
    assert commands(start) == (["nginx"] if holds else ["sshd"])


@pytest.mark.parametrize(
    "test",
    ["[ 1 -lt x ]", "[ -f /x ]", "[ ! -f /x ]", '[ "$(x)" = a ]', "[ '' -o -f /x ]", "[ a" + " -a a" * 30 + " ]"],
)
def test_both_ways_of_a_test_that_is_not_known_are_gone(test: str) -> None:
    assert commands(start_of(sh=f"if {test}; then nginx; else sshd; fi")) == ["nginx", "sshd"]
