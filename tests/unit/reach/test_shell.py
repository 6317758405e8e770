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
    assert (found.sourced, found.files) == (("/lib/a.sh",), ("/lib/a.sh", "/etc/a/b"))


@given(st.text(alphabet="ab$(){}`'\";&|<> \n=@-.!x", max_size=80))
def test_no_script_makes_it_fail(text: str) -> None:
    script_commands(text, ("a",), {"x": "b"}, "/entry")
