"""What rules may tell of masked values: never that they do not fit where they may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.configuration import Configuration
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.setting import Setting
from hullmark.policy.gate import CannotTell, Violation
from hullmark.policy.gates import config as gate
from hullmark.policy.gates import contents as lines
from hullmark.policy.gates.configuration import MustBe, MustNotBe, must_be, must_not_be
from hullmark.policy.globs import PathGlob
from hullmark.policy.masked import may_be, may_fit
from hullmark.policy.setting_values import SettingGlob
from hullmark.policy.values import NameGlob, Pattern
from tests.unit.policy.building import facts as facts_of
from tests.unit.policy.building import file

PATTERNS = (
    "^DB_PASSWORD=(changeme|admin)$", "(?i)debug=true", "^A=", "b", "a.c", "x+y", "=[0-9]{4}$", r"\bfoo\b", "^$", "[^a]$", "a|b*c", "",
)  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "text", "may"),
    [
        ("^DB_PASSWORD=tulip", "DB_PASSWORD=****", True),
        ("^OTHER=", "DB_PASSWORD=****", False),
        ("(?i)^debug=true$", "DB_PASSWORD=****", False),
        ("^DB_PASSWORD=$", "DB_PASSWORD=****", False),
        ("://app:[a-z]+@db", "URL=pg://app:****@db", True),
        ("^URL=pg://root:", "URL=pg://app:****@db", False),
        ("^A=1$", "A=1", True),
        ("(" * 60 + "^B" + ")" * 60, "A=****", True),
        (r"\pL+x", "A=****", True),
        ("requirepass foobared", "requirepass ****", True),
        ("^maxmemory", "requirepass ****", False),
    ],
)
def test_whether_an_expression_may_fit(pattern: str, text: str, may: bool) -> None:
    assert may_fit(Pattern(pattern), text) is may


@given(
    st.sampled_from(PATTERNS),
    st.text("abcxy=A4", max_size=6),
    st.text("abcxy=A40", min_size=1, max_size=6),
    st.text("abc", max_size=3),
)
def test_what_fits_the_true_value_may_fit_the_masked_one(pattern: str, before: str, value: str, after: str) -> None:
    made = Pattern(pattern)
    if made.is_in(before + value + after):
        assert may_fit(made, f"{before}****{after}")


@given(st.sampled_from(PATTERNS), st.text("abcxy=A4\n ", max_size=12))
def test_what_is_not_masked_is_told_as_it_is(pattern: str, text: str) -> None:
    assert may_fit(Pattern(pattern), text) is Pattern(pattern).is_in(text)


@pytest.mark.parametrize(
    ("glob", "text", "may"),
    [("changeme", "****", False), ("no", "***", False), ("tulip-1", "****", True), ("static:*", "static:***", True),
     ("https://a:b1@c", "https://a:***@c", True), ("https://x", "https://a:***@c", False)],
)  # fmt: skip
def test_whether_a_masked_value_may_be_one(glob: str, text: str, may: bool) -> None:
    assert may_be((NameGlob(glob),), text) is may


def test_rules_about_variables_labels_and_the_start_cannot_tell() -> None:
    config = ImageConfig(env=("DB_PASSWORD=****", "A=1"), labels={"t": "****"}, entrypoint=("x", "--password", "****"))
    facts = facts_of(config=config)
    assert kinds(gate.environment(gate.Environment(patterns=(Pattern("PASSWORD=tulip"),)), facts)) == ["unknown"]
    assert kinds(gate.environment(gate.Environment(patterns=(Pattern("^A=2"),)), facts)) == []
    assert kinds(gate.labels(gate.Labels(patterns={"t": Pattern("^v[0-9]+$")}), facts)) == ["unknown"]
    assert kinds(gate.entrypoint(gate.Entrypoint(pattern=Pattern("password [a-z]+$")), facts)) == ["unknown"]
    assert kinds(gate.entrypoint(gate.Entrypoint(pattern=Pattern("^y")), facts)) == ["stop"]


def test_a_credential_that_is_masked_is_one() -> None:
    history = (HistoryEntry(created_by="RUN curl -u me:**** https://a.example"),)
    facts = facts_of(config=ImageConfig(env=("ID=****",), history=history))
    assert kinds(gate.secrets(gate.Secrets(), facts)) == ["stop", "stop"]


@pytest.mark.parametrize(("glob", "expected"), [("foobared", []), ("tulip-1", ["unknown"])])
def test_rules_about_settings_cannot_tell(glob: str, expected: list[str]) -> None:
    facts = facts_of(
        configuration=Configuration(
            settings=(Setting(key="redis.requirepass", value="****", path="/a", line=1),), files=("/a",)
        )
    )
    rule = MustNotBe(setting=NameGlob("redis.requirepass"), values=(SettingGlob(glob),))
    assert kinds(must_not_be(rule, facts)) == expected
    wanted = MustBe(setting=NameGlob("redis.requirepass"), values=(SettingGlob("foobared"),))
    assert kinds(must_be(wanted, facts)) == ["stop"]


def kinds(answers: object) -> list[str]:
    """What was answered."""
    found = list(answers)  # type: ignore[call-overload]
    return [
        "unknown" if isinstance(each, CannotTell) else "stop"
        for each in found
        if isinstance(each, CannotTell | Violation)
    ]


@pytest.mark.parametrize(
    ("text", "pattern", "forbidden", "required"),
    [
        ("password=****", "password=[a-z]{4}$", ["unknown"], ["unknown"]),
        ("password=****", r"password=\S{4}$", ["unknown"], ["unknown"]),
        ("password=****", "^password=", ["stop"], []),
        ("password=****\npassword=ab", "password=ab", ["stop"], []),
        ("password=****", "^user=", [], ["stop"]),
    ],
)
def test_rules_about_lines_cannot_tell(text: str, pattern: str, forbidden: list[str], required: list[str]) -> None:
    facts = facts_of(files=[file("/srv/a", size=len(text))], contents={"/srv/a": text.encode()})
    paths = (PathGlob("/srv/a"),)
    assert kinds(lines.forbidden(lines.ForbiddenLines(paths=paths, pattern=Pattern(pattern)), facts)) == forbidden
    assert (
        kinds(lines.check_required_lines(lines.RequiredLines(paths=paths, pattern=Pattern(pattern)), facts)) == required
    )
