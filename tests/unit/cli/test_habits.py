"""What is mistyped, or is called otherwise elsewhere, is answered with what to type."""

from __future__ import annotations

import pytest

from hullmark.cli.habits import ACTIONS, OPTIONS, suggest_option
from hullmark.cli.main import main, parser


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The two lines that a wrong command line is answered with."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("words", "what", "advice"),
    [
        (("vulns", "--severty", "high", "x"), "hullmark vulns has no option --severty", OPTIONS["--severity"][1]),
        (
            ("vulns", "--only-fixd", "x"),
            "hullmark vulns has no option --only-fixd",
            "did you mean --only-fixed or --only-notfixed?",
        ),
        (
            ("vulns", "--ignore-unfixed", "x"),
            "hullmark vulns has no option --ignore-unfixed",
            OPTIONS["--ignore-unfixed"][1],
        ),
        (("scan", "-f", "json", "x"), "hullmark scan has no option -f", OPTIONS["-f"][1]),
        (("scan", "-z", "x"), "hullmark scan has no option -z", "hullmark scan --help lists them"),
        (("db", "list"), "there is no action 'list'", ACTIONS["list"]),
        (("db", "serch", "x"), "there is no action 'serch': search?", "hullmark db --help shows what can be given"),
        (("scna", "x"), "there is no command 'scna': scan?", "hullmark --help shows what can be given"),
    ],
)
def test_a_mistake_is_answered_with_what_to_type(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], what: str, advice: str
) -> None:
    assert refusal(capsys, *words) == [f"hullmark: {what}", f"  {advice}"]


def test_an_answer_names_what_the_command_has() -> None:
    assert suggest_option("--severity", ("--fail-on",)) == OPTIONS["--severity"][1]
    assert suggest_option("--username", ("--user",)) != OPTIONS["--username"][1]
    (commands,) = (action.choices for action in parser()._actions if isinstance(action.choices, dict))
    options = {option for command in commands.values() for option in command._option_string_actions}
    assert {ours for ours, _ in OPTIONS.values()} <= options


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
