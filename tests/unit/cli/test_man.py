"""Manual pages are made from the parsers: each command and option has its place, and roff's readers complain of nothing."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.cli.main import main, parser, verbs
from hullmark.cli.man import pages, roff

PAGES = pages(parser())


def test_each_command_has_a_page_that_the_first_one_names() -> None:
    assert set(PAGES) == {"hullmark", *(f"hullmark-{verb.NAME}" for verb in verbs())}
    assert [name for name in PAGES if name != "hullmark" and f".BR {roff(name)} (1)" not in PAGES["hullmark"]] == []


def test_each_option_that_a_help_shows_is_in_its_page() -> None:
    (commands,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    missing = []
    for name, inner in commands.choices.items():
        parsers = [inner, *_below(inner)]
        shown = [one for each in parsers for one in each._actions if one.help is not argparse.SUPPRESS]
        options = {option for one in shown for option in one.option_strings}
        missing += [
            f"{name} {one}" for one in sorted(options) if f"\\fB{roff(one)}\\fR" not in PAGES[f"hullmark-{name}"]
        ]
    assert missing == []


def _below(inner: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    subs = [one for one in inner._actions if isinstance(one, argparse._SubParsersAction)]
    return [found for one in subs for found in one.choices.values()]


def test_pages_do_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert pages(parser()) == PAGES


def test_pages_are_written_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("man", "--into", str(tmp_path / "man1"))) == 0
    assert {path.name for path in (tmp_path / "man1").iterdir()} == {f"{name}.1" for name in PAGES}
    capsys.readouterr()
    assert main(("man", "scan")) == 0
    assert capsys.readouterr().out == PAGES["hullmark-scan"]


def test_a_command_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("man", "scam")) == 2
    assert "there is no command 'scam'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "reader",
    [["groff", "-man", "-ww", "-Tutf8", "-z"], ["mandoc", "-Tlint", "-Wwarning"], ["man", "--warnings", "-l"]],
    ids=lambda words: str(words[0]),
)
def test_readers_of_roff_complain_of_nothing(reader: list[str], tmp_path: Path) -> None:
    if shutil.which(reader[0]) is None:
        pytest.skip(f"{reader[0]} is not installed")
    for name, text in PAGES.items():
        (tmp_path / f"{name}.1").write_text(text.replace('1 "" "hull', '1 "2026-01-01" "hull'), "ascii")
    paths = sorted(map(str, tmp_path.iterdir()))
    if reader[0] == "man":
        # It has groff read each page, which has read all of them, by seven processes: a few show that it finds its way.
        paths = [path for number, path in enumerate(paths) if number % 10 == 0 or path.endswith("-scan.1")]
    ran = subprocess.run(
        [*reader, *paths],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    if reader[0] == "man":
        assert "NAME hullmark-scan - list what is inside an image" in " ".join(ran.stdout.split())
    else:
        assert ran.stdout == ""


@given(st.text(alphabet="ab .'\\-\"~^`…é\n", max_size=30))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    shown = roff(text)
    assert shown.isascii()
    for sign, name in (("\\e", "\\"), ("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~")):
        shown = shown.replace(sign, name) if sign != "\\e" else shown.replace("\\e", "\0")
    shown = shown.replace("\\(dq", '"').replace("\\[u2026]", "…").replace("\\[u00E9]", "é").replace("\0", "\\")
    assert shown == text
