"""Completion is made from the parsers, and each shell reads it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hullmark.cli.main import main, parser, verbs
from tests.support.program import HULLMARK
from tests.support.shells import shell


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is written for a shell."""
    assert main(("completion", shell)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("sca",), ["scan"]),
        (("scan", "--fil"), ["--files"]),
        (("db", "sta"), ["status"]),
        (("image", "li"), ["list"]),
        (("scan", "oci-dir:x", "--no-c"), ["--no-cache"]),
        (("image", "list", "--repos"), ["--repository"]),
        (("completion", "f"), ["fish"]),
    ],
)
def test_bash_completes(
    words: tuple[str, ...], completed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hullmark.bash"
    path.write_text(script("bash", capsys))
    line = 'source "$0"; COMP_WORDS=(hullmark "$@"); COMP_CWORD=$#; _hullmark; printf "%s\\n" "${COMPREPLY[@]}"'
    ran = subprocess.run(["bash", "-c", line, path, *words], capture_output=True, check=True, text=True, cwd=tmp_path)
    assert ran.stdout.split() == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_script_in_which_every_command_is(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = script(shell, capsys)
    assert [verb.NAME for verb in verbs() if verb.NAME not in text] == []
    (commands,) = (action.choices for action in parser("scan")._actions if isinstance(action.choices, dict))
    assert [name for name in commands["scan"]._option_string_actions if name.lstrip("-") not in text] == []
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(text)
    subprocess.run([shell, "-n", path], check=True)


STARTS = {
    "bash": (["bash", "--norc", "-i"], "source script.bash"),
    "zsh": (["zsh", "-f", "-i"], "fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D"),
    "fish": (["fish", "--no-config", "-i"], "source script.fish"),
}
SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|[=>])")


@pytest.mark.parametrize("name", STARTS)
def test_a_shell_on_a_terminal_completes_an_action(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, setup = STARTS[name]
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    text = script(name, capsys)
    (tmp_path / f"script.{name}").write_text(text)
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "_hullmark").write_text(text)
    (tmp_path / "hullmark").symlink_to(shutil.which(HULLMARK[0]) or HULLMARK[0])
    environment = {
        "HOME": str(tmp_path),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    with shell(command, tmp_path, environment) as at:
        at.type(f"{setup}; echo rea''dy\n")
        assert at.wait_for(lambda shown: "ready" in shown), at.shown
        at.type("hullmark image li\t")
        assert at.wait_for(lambda shown: "hullmark image list " in SEQUENCE.sub("", shown)), at.shown
