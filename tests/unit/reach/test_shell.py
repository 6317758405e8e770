"""The commands that a script of the shell may run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach.shell import script_commands

SCRIPTS = {
    "plain": ("ls -l\n", {("ls", "-l")}),
    "whatever the condition": ("if x; then a; elif b; then c; else d; fi", {("a",), ("b",), ("c",), ("d",), ("x",)}),
    "printed": ('x="$(uname -s)"; y=`id -u`', {("uname", "-s"), ("id", "-u")}),
    "arguments": ('exec "$@"', {("nginx", "-g")}),
    "set before them": ('set -- sshd "$@"\nexec "$@"', {("sshd", "nginx", "-g"), ("nginx", "-g")}),
    "a variable": ("TOOL=gosu; TOOL=su-exec; $TOOL root id", {("gosu", "root", "id"), ("su-exec", "root", "id")}),
    "a default": ("${EDITOR:-vi} x", {("vi", "x")}),
    "a long default, with options": ("T=${TOOL:-/usr/sbin/apache2 -k start}; $T now", {("/usr/sbin/apache2", "-k", "start", "now")}),
    "a default of many values": ("A=x; A=y; ${EDITOR:-$A} z", {("x", "z"), ("y", "z")}),
    "the end of a path": ("P=/usr/bin/tool; ${P##*/} a; ${P%/*}/b", {("tool", "a"), ("/usr/bin/b",)}),
    "the script's own name": ("${0##*/}-helper", {("entry-helper",)}),
    "an empty word before": ("S=; $S ls", {("ls",)}),
    "a document": ("cat <<X\n$(hostname)\nX\n", {("cat",), ("hostname",)}),
    "inside of a process": ("diff <(sort a) b", {("diff", None, "b"), ("sort", "a")}),
    "arithmetic": ("shift $(($OPTIND - 1)); x=$((a + $(nproc) * 2))", {("nproc",)}),
    "no arithmetic": ("x=$( (ls) ); y=$((id); (pwd))", {("ls",), ("id",), ("pwd",)}),
    "commands in arithmetic": ("x=$((1 + $(wc -c <(sort a))))", {("wc", "-c", None), ("sort", "a")}),
    "a function is no program": ("f() { grep x; }; f", {("grep", "x")}),
    "in a trap": ("trap 'rm -f x' EXIT", {("rm", "-f", "x")}),
    "put together": ("eval 'tar x'", {("tar", "x")}),
}  # fmt: skip
UNTOLD = ("$X a", 'eval "$X"', ". $X", "if true; then", "$(cat x) y", '"$A$B"')


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_command_that_may_run_is_found(name: str) -> None:
    text, expected = SCRIPTS[name]
    found = script_commands(text, ("nginx", "-g"), {}, "/entry")
    assert set(found.commands) == expected
    assert found.untold == ()


@pytest.mark.parametrize("text", UNTOLD)
def test_what_cannot_be_known_is_told(text: str) -> None:
    assert script_commands(text, (), {}, "/entry").untold


def test_files_and_scripts_are_named() -> None:
    found = script_commands(". /lib/a.sh; cp /etc/a/b c", (), {}, "/entry")
    assert (found.sourced, found.files) == (("/lib/a.sh",), ("/etc/a/b",))


@given(st.text(alphabet="ab$(){}`'\";&|<> \n=@-.!x", max_size=80))
def test_no_script_makes_it_fail(text: str) -> None:
    script_commands(text, ("a",), {"x": "b"}, "/entry")


GUARDS = {
    "a variable of the image": ('[ -z "$HOME_OF" ] && lost; [ -n "$HOME_OF" ] && found', {"found"}),
    "a variable that the script sets": ('HOME_OF=; [ -z "$HOME_OF" ] && found', {"found"}),
    "a variable that is unset": ('unset HOME_OF; [ -z "$HOME_OF" ] && found', {"found"}),
    "a variable that is read": ('read HOME_OF; [ -z "$HOME_OF" ] && found', {"found"}),
    "a variable that a command of eval sets": ('eval "$1 HOME_OF=$2"; [ -z "$HOME_OF" ] && found', {"found"}),
    "a variable that only counts set": ('((HOME_OF=0)); [ "$HOME_OF" = 0 ] && found', {"found"}),
    "a variable that is set where it is empty": (
        '[ -z "$HOME_OF" ] && HOME_OF=; [ -z "$HOME_OF" ] && lost; found',
        {"found"},
    ),
    "a flag": ("f=false; if $f; then lost; else found; fi", {"found"}),
    "a flag that may be set": ("f=false; [ -e x ] && f=true; if $f; then found; fi", {"found"}),
    "a flag that is set later": ("if $f; then found; fi; f=false", {"found"}),
    "a flag that a function sets": ("f=false; set_it() { f=true; }; set_it; if $f; then found; fi", {"found"}),
    "another system": ('case "$(uname)" in CYGWIN*) lost;; Linux) found;; esac', {"found"}),
    "a flag of another system": (
        "w=false; case `uname -s` in MINGW*|CYG*) w=true;; esac; if $w; then lost; fi; found",
        {"found"},
    ),
    "branches that fall through": ('case "$(uname)" in Darwin) found;& Linux) found;; esac', {"found"}),
    "an argument": (
        'if [ "$1" = stop ]; then lost; elif [ "$1" = run ]; then found; elif [ "$1" = x ]; then lost; fi',
        {"found"},
    ),
    "an argument after others": ('shift; if [ "$1" = stop ]; then found; fi', {"found"}),
    "an argument in a loop": ('while x; do if [ "$1" = stop ]; then found; fi; shift; done', {"found"}),
    "an argument of a function": ('f() { if [ "$1" = stop ]; then found; fi; }; f stop', {"found"}),
    "not": ('if [ ! -z "$HOME_OF" ]; then found; else lost; fi; ! [ -n "$HOME_OF" ] && lost', {"found"}),
    "two tests": (
        'if [ -z "$HOME_OF" ] && [ -z "$Q" ]; then lost; fi; if [ -z "$HOME_OF" ] || [ -z "$Q" ]; then found; fi',
        {"found"},
    ),
    "a value that may be two words": ("[ -z $TWO ] && found", {"found"}),
}


@pytest.mark.parametrize("name", GUARDS)
def test_branches_are_left_out_only_where_nothing_can_lead_there(name: str) -> None:
    text, expected = GUARDS[name]
    certain = {"HOME_OF": "/opt/x", "TWO": "a b"}
    found = script_commands(text, ("run",), certain, "/entry", (), certain)
    assert {words[0] for words in found.commands} & {"found", "lost"} == expected
    if "uname" not in text and not text.startswith(("f=", "w=")):
        others = script_commands(text, (), certain, "/entry")
        assert {words[0] for words in others.commands} & {"lost"} == ({"lost"} if "lost" in text else set())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('O="$O -x"; eval exec tool "$O" "$1"', True),
        ('O="$O -x `umask`"; eval exec "\\"/bin/tool\\"" "$O" "&"', True),
        ("O=`cat f`; eval exec tool $O", False),
        ("O='$O; rm'; O=x; O=$(uname); eval exec tool $O", False),
        ("read O; eval tool $O", False),
        ("O=$(umask); eval $O", False),
        ("O=$(umask); eval exec $O", False),
    ],
)
def test_eval_runs_one_command_where_what_is_not_known_of_it_cannot_begin_another(text: str, told: bool) -> None:
    found = script_commands(text, ("a",), {}, "/entry")
    assert bool(found.untold) is not told
    if told:
        assert {words[0] for words in found.commands} - {"umask"} <= {"tool", "/bin/tool"}


@given(st.text(alphabet=st.sampled_from("abf$= ;&|[]()\"'\n!-z{}")))
def test_any_text_is_a_script_or_not_understood(text: str) -> None:
    for certain in ({"a": "b"}, None):
        script_commands(text, ("a",), {"a": "b"}, "/entry", ("f=false\n",), certain)
