"""The commands of start scripts are followed as a shell runs them: conditions, loops, functions, and what is read of other scripts."""

from __future__ import annotations

import pytest

from tests.unit.facets.configuration.starts import commands, start_of


@pytest.mark.parametrize(
    ("sh", "expected"),
    [
        ("function f { nginx -c x; }; f", ["nginx -c x"]),
        ("function f() { nginx -c x; }; f", ["nginx -c x"]),
        ("function f\n{ nginx -c x\n}\nf", ["nginx -c x"]),
        ("f ()\n{ nginx -c x\n}\nf", ["nginx -c x"]),
        ("function f (nginx -c x)\nf; sshd", ["nginx -c x", "sshd"]),
        ("nginx; return; sshd", ["nginx"]),
        ("if false; then sshd; elif true; then nginx; else sshd; fi", ["nginx"]),
        ('set -- a b; for i; do nginx -c "$i"; done', ["nginx -c a", "nginx -c b"]),
        ("for i\nin a b\ndo nginx -c $i; done", ["nginx -c a", "nginx -c b"]),
        ("for ((i = 0; i < 3; i++)); do nginx -c x; done; sshd", ["sshd"]),
        ("((A > 1)) && nginx; sshd", ["nginx", "sshd"]),
        ("case a in (a) nginx;; (b) sshd;; esac", ["nginx"]),
        ("case a in b) nginx;; c) nginx -t; esac; sshd", ["sshd"]),
        ('[[ a =~ ^(x|"y z")$ ]] && nginx; sshd', ["nginx", "sshd"]),
        ("[[ a ==\n a ]] && nginx", ["nginx"]),
        ("cat <<-EOF | tee /x\n\t\tsshd\n\tEOF\nnginx", ["nginx"]),
        ("cat <<A; cat <<B; nginx\nsshd\nA\nsshd\nB\nsshd -t", ["nginx", "sshd -t"]),
        ("nginx; cat <<EOF\nsshd\n", ["nginx"]),
        ("(nginx) >/dev/null 2>&1; { sshd; } >&2", ["nginx", "sshd"]),
        ("true && ! nginx || sshd", ["nginx", "sshd"]),
        ("true |\n nginx &&\n sshd", ["nginx", "sshd"]),
    ],
)
def test_commands_are_parted_as_a_shell_parts_them(sh: str, expected: list[str]) -> None:
    start = start_of(sh=sh)
    assert commands(start) == expected
    assert start.untold == ()


@pytest.mark.parametrize(
    ("sh", "expected"),
    [
        ("case a in a) nginx -c a;& b) nginx -c b;; c) nginx -c c;; esac; sshd", ["nginx -c a", "nginx -c b", "sshd"]),
        ("case $X in a) nginx -c a;& b) nginx -c b;; esac; sshd", ["nginx -c a", "nginx -c b", "sshd"]),
        ("case a in a) A=1;& b) nginx -c $A;& esac; sshd", ["nginx -c 1", "sshd"]),
        ("case a in a) nginx;;& b) sshd;; a*) nginx -t;; *) sshd -t;; esac", ["nginx", "nginx -t"]),
        ("case a in b) nginx;;& c) nginx -t;; esac; sshd", ["sshd"]),
    ],
)
def test_a_branch_of_a_case_may_go_on_to_the_next_ones(sh: str, expected: list[str]) -> None:
    start = start_of(sh=sh)
    assert commands(start) == expected
    assert start.untold == ()


@pytest.mark.parametrize(
    ("sh", "reason"),
    [
        ("nginx; ((A > 1", "a bracket is not closed"),
        ("(nginx", "a bracket is not closed"),
        ("nginx )", "something follows the end of a command"),
        ("case a in a b) nginx;; esac", "a pattern is not closed"),
        ("case a in a) nginx", '"esac" is missing'),
        ("[[ nginx == a", "a test is not closed"),
        ("nginx && ; true", "a command is missing"),
        ("nginx; fi", '"fi" ends nothing'),
        ("nginx 'a", "a quote is not closed"),
        ('nginx "a', "a quote is not closed"),
        ("nginx `a", "a quote is not closed"),
        ("nginx $'a", "a quote is not closed"),
        ("nginx $(a", "a bracket is not closed"),
        ("nginx ${A:-b", "a brace is not closed"),
        ("nginx > | sshd", "a word is missing"),
        ("nginx " + "${A:-" * 60 + "}" * 60, "its words stand too deep in each other"),
        ("nginx; " + "f() " * 60 + "true", "its functions stand too deep in each other"),
    ],
)
def test_a_script_that_is_not_understood_is_told_with_what_is_wrong(sh: str, reason: str) -> None:
    start = start_of(sh=sh)
    assert start.commands == ()
    assert [(gap.reason, "nginx" in gap.programs) for gap in start.untold] == [
        (f"its script is not understood: {reason}", True)
    ]


@pytest.mark.parametrize(
    ("sh", "expected"),
    [
        ("set -- -c x; while true; do shift; done; nginx $*", None),
        ("set -- -c x; while true; do set -e; done; nginx $*", "nginx -c x"),
        ("set -- -c x; until true; do set -- b; done; nginx $*", None),
        ("A=x; for i in 1 2; do A=$i$A; done; nginx -c $A", None),
        ("A=x; for i in 1 2; do B=$i sleep 1; done; nginx -c $A", "nginx -c x"),
        ("A=x; for i in 1 2; do if sleep 1; then A=$(date); fi; done; nginx -c $A", None),
    ],
)
def test_what_a_loop_changes_is_not_known_behind_it(sh: str, expected: str | None) -> None:
    start = start_of(sh=sh)
    found = [line for line, command in zip(commands(start), start.commands, strict=True) if command.is_known]
    assert found == ([expected] if expected else [])
    assert len(start.commands) == 1


def test_scripts_that_are_put_together_or_read_and_not_understood_are_told() -> None:
    files = {"/e": "#!/bin/sh\neval 'nginx ('\n. /lib\nsshd\n", "/lib": "nginx 'x\n"}
    start = start_of("/e", files)
    assert commands(start) == ["sshd"]
    assert [(gap.reason, set(gap.programs)) for gap in start.untold] == [
        ("a command that it puts together is not understood", {"nginx"}),
        ("a script that it reads is not understood", {"nginx"}),
    ]


def test_what_is_not_understood_is_told_where_it_is_written() -> None:
    (gap,) = start_of("/e", {"/e": "#!/bin/sh\n. /lib\nnginx\n)\n", "/lib": "A=1\n"}).untold
    assert (gap.path, gap.line) == ("/e", 4)


def test_files_that_any_output_goes_to_are_written_as_far_as_their_names_are_known() -> None:
    script = (
        'echo a > "$(mktemp)"; echo b > /b; (echo c) > /c\n{ echo; } 2>/d >>/e; for i in 1; do echo $i; done >/f\nnginx'
    )
    start = start_of("/s", {"/s": f"#!/bin/sh\n{script}"})
    assert commands(start) == ["nginx"]
    assert {path: place.line for path, place in start.written.items()} == {
        "/b": 2, "/c": 2, "/d": 3, "/e": 3, "/f": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sh", "value"),
    [
        ('export "A=1"; exec nginx', "1"),
        ('N=A; export "$N"="1"; exec nginx', "1"),
        ("declare -x A=1; exec nginx", "1"),
        ("A=1; export -- A; exec nginx", "1"),
        ('A=1; export A; export "$(date)"; exec nginx', None),
        ("export A=1; local A=(nginx -c x); exec nginx", None),
    ],
)
def test_a_variable_that_is_exported_is_that_of_the_program(sh: str, value: str | None) -> None:
    start = start_of(sh=sh)
    assert commands(start) == ["nginx"]
    assert {name: word.text for name, word in start.environment.items()} == {"A": value}


def test_an_array_is_no_command_whatever_declares_it() -> None:
    start = start_of(sh='declare -a A=(nginx -c x); local B+=( sshd\n); A=(nginx); exec nginx "${A[@]}"')
    assert [(command.program, command.is_exec, command.is_known) for command in start.commands] == [
        ("nginx", True, False)
    ]
    assert start.untold == ()
