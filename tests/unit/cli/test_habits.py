"""What is mistyped, or is called otherwise elsewhere, is answered with what to type."""

from __future__ import annotations

import pytest

from hullmark.cli.habits import ACTIONS, OPTIONS
from hullmark.cli.main import main, verbs


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The two lines that a wrong command line is answered with."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("words", "what", "advice"),
    [
        (("scan", "--severty", "high", "x"), "hullmark scan has no option --severty", OPTIONS["--severity"]),
        (("vulns", "--only-fixd", "x"), "hullmark vulns has no option --only-fixd", "--only-fixed or --only-notfixed?"),
        (
            ("vulns", "--ignore-unfixed", "x"),
            "hullmark vulns has no option --ignore-unfixed",
            OPTIONS["--ignore-unfixed"],
        ),
        (("scan", "-f", "json", "x"), "hullmark scan has no option -f", OPTIONS["-f"]),
        (("scan", "-z", "x"), "hullmark scan has no option -z", "hullmark scan --help lists them"),
        (("db", "list"), f"there is no action 'list': {ACTIONS['list']}", "hullmark db --help shows what can be given"),
        (("db", "serch", "x"), "there is no action 'serch': search?", "hullmark db --help shows what can be given"),
        (("scna", "x"), "there is no command 'scna': scan?", "hullmark --help shows what can be given"),
    ],
)
def test_a_mistake_is_answered_with_what_to_type(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], what: str, advice: str
) -> None:
    assert refusal(capsys, *words) == [f"hullmark: {what}", f"  {advice}"]


def test_no_habit_is_an_option_of_ours_everywhere() -> None:
    assert {verb.NAME for verb in verbs()} >= {"scan", "vulns"}
    assert not set(OPTIONS) & {"--only-fixed", "--fail-on", "-o", "--quiet", "-q"}


@pytest.mark.parametrize(("words", "same"), [(("help",), ("--help",)), (("help", "scan"), ("scan", "--help"))])
def test_help_is_a_command_too(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], same: tuple[str, ...]
) -> None:
    said = []
    for given in (words, same):
        with pytest.raises(SystemExit) as ended:
            main(given)
        assert ended.value.code == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != ""
