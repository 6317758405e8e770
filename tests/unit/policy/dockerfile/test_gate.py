"""The gate `dockerfile` where the golden cases do not reach: what it cannot tell, what it hides, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.policy.dockerfile import KEYWORDS, from_history, parse_dockerfile
from hullmark.policy.gate import Answer, CannotTell, Violation
from hullmark.policy.gates import triggers_by_gate
from hullmark.policy.gates.dockerfile import ExposedPorts, Keyword, User
from hullmark.policy.values import NameGlob, Pattern, Ports
from tests.unit.policy.building import facts

GATE = triggers_by_gate()["dockerfile"]
GUESSED = from_history([HistoryEntry(created_by="USER app")])


def answers(trigger: str, text: str | None, config: ImageConfig | None = None, **params: Any) -> list[Answer]:
    """What a trigger says of a Dockerfile; None is one that was guessed."""
    given = parse_dockerfile(text.encode()) if text is not None else GUESSED
    found: Iterator[Answer] = GATE[trigger].check(
        GATE[trigger].params(**params), facts(config=config, dockerfile=given)
    )
    return list(found)


def said(found: list[Answer]) -> list[str]:
    """The subjects of what fired, and the reasons of what cannot be told."""
    return [each.subject if isinstance(each, Violation) else f"? {each.reason}" for each in found]


def test_the_keywords_of_rules_are_those_that_are_parsed() -> None:
    assert get_args(Keyword) == KEYWORDS


def test_nothing_is_told_without_a_dockerfile() -> None:
    params: dict[str, dict[str, Any]] = {
        "instruction": {"keyword": "RUN", "required": True},
        "base_image": {"pinned": True},
        "user": {"not_root": True},
        "exposed_ports": {"allowed": ()},
        "commands": {"forbidden": (NameGlob("*"),)},
    }
    for name, trigger in GATE.items():
        (answer,) = trigger.check(trigger.params(**params.get(name, {})), facts(config=None))
        assert isinstance(answer, Violation if name == "not_given" else CannotTell)


def test_user_and_ports_are_told_by_the_settings_where_there_is_no_dockerfile() -> None:
    seen = facts(config=ImageConfig(exposed_ports=("22/tcp",)))
    assert said([*GATE["exposed_ports"].check(ExposedPorts(allowed=()), seen)]) == ["22/tcp"]
    assert said([*GATE["user"].check(User(not_root=True), seen)]) == ["user"]
    for params in (User(not_root=True, declared=True), User(not_root=True, only_given=True)):
        assert said([*GATE["user"].check(params, seen)]) == [
            "? there is no Dockerfile, and the image's history tells of none"
        ]


def test_a_guessed_one_counts_unless_one_must_have_been_given() -> None:
    assert said(answers("instruction", None, keyword="HEALTHCHECK", required=True)) == ["HEALTHCHECK"]
    (answer,) = answers("instruction", None, keyword="HEALTHCHECK", required=True, only_given=True)
    assert isinstance(answer, CannotTell)


def test_base_images_are_known_by_both_names() -> None:
    text = "FROM debian:12\nFROM quay.io/x/y:1\nFROM me/app@sha256:00\nFROM ${X}\nFROM localhost:5000/z"
    unknown = "? the image ${X} depends on a build argument"
    assert said(answers("base_image", text, allowed=(NameGlob("docker.io/*"),))) == [
        "quay.io/x/y:1",
        unknown,
        "localhost:5000/z",
    ]
    assert said(answers("base_image", text, forbidden=(NameGlob("debian:*"),))) == ["debian:12", unknown]
    assert said(answers("base_image", text, no_latest=True)) == [unknown, "localhost:5000/z"]
    assert said(answers("base_image", text, pinned=True)) == ["debian:12", "quay.io/x/y:1", unknown, "localhost:5000/z"]


@pytest.mark.parametrize("user", ["", "0", "00", "root", "root:app", "0:0"])
def test_root_has_many_names(user: str) -> None:
    assert said(answers("user", "FROM a\nUSER app", ImageConfig(user=user), not_root=True)) == ["user"]


def test_the_user_of_an_unknown_base_cannot_be_told() -> None:
    assert said(answers("user", "FROM a", not_root=True)) == [
        "? the user depends on the base image or on a build argument"
    ]
    assert said(answers("user", "FROM a", declared=True)) == ["declared"]
    assert said(answers("user", "FROM a\nUSER 5:0", not_root=True, declared=True)) == []


def test_ports_that_cannot_be_read_are_told() -> None:
    text = "FROM a\nEXPOSE 80 8000-8010 $PORT"
    found = answers("exposed_ports", text, forbidden=(Ports("8005"),))
    assert said(found) == ["? the exposed port '$PORT' cannot be read", "8000-8010/tcp"]


@pytest.mark.parametrize(
    ("line", "subjects"),
    [
        ("ADD https://x/a /", ["https://x/a"]),
        ("ADD --checksum=sha256:0 https://x/a /", []),
        ('ADD ["http://x/a b", "/"]', ["http://x/a b"]),
        ("ADD git@github.com:a/b.git /", ["git@github.com:a/b.git"]),
        (f"ADD https://github.com/a/b.git#{'0' * 40} /", []),
        ("ADD a.tar https://", []),
        ("COPY https://x/a /", []),
    ],
)
def test_what_comes_from_the_network_is_told(line: str, subjects: list[str]) -> None:
    assert said(answers("add_remote", f"FROM a\n{line}")) == subjects
    assert said(answers("add_remote", f"FROM a\n{line}", allowed=(NameGlob("*"),))) == []


@pytest.mark.parametrize(
    "line",
    ["ENV API_TOKEN=hunter2", "ENV API_TOKEN hunter2", "ARG API_TOKEN=hunter2", 'ENV A=1 API_TOKEN="x hunter2=y"'],
)
def test_values_are_never_shown(line: str) -> None:
    keyword = line[:3]
    found = answers("secrets", f"FROM a\n{line}")
    found += answers("instruction", f"FROM a\n{line}", keyword=keyword, forbidden=True)
    found += answers("instruction", f"FROM a\nONBUILD {line}", keyword="ONBUILD", must_fit=Pattern("never"))
    assert said(found[:1]) == ["API_TOKEN"]
    assert len(found) == 3
    assert "hunter2" not in repr(found)


def test_names_of_secrets_are_words() -> None:
    text = "FROM a\nENV KEYBOARD=x AUTHOR=y GPG_PUBLIC_KEY=z TOKEN= secret_key=1 monkey=2"
    assert said(answers("secrets", text)) == ["secret_key"]


@pytest.mark.parametrize(
    ("trigger", "params"),
    [
        ("instruction", {"keyword": "RUN"}),
        ("instruction", {"keyword": "RUN", "required": True, "forbidden": True}),
        ("base_image", {}),
        ("user", {}),
        ("exposed_ports", {}),
        ("commands", {"forbidden": ()}),
        ("package_cache", {"managers": ()}),
    ],
)
def test_a_rule_that_never_fires_is_refused(trigger: str, params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        GATE[trigger].params(**params)


def test_what_is_masked_may_fit_what_is_forbidden_or_required() -> None:
    text = "FROM a\nRUN deploy --token **** now\n"
    masked, other = Pattern("token [a-z]+"), Pattern("^sudo")
    unknown = ["? a part of RUN deploy --token **** now is masked"]
    assert said(answers("instruction", text, keyword="RUN", forbidden=True, pattern=masked)) == unknown
    assert said(answers("instruction", text, keyword="RUN", forbidden=True, pattern=other)) == []
    assert said(answers("instruction", text, keyword="RUN", required=True, pattern=masked)) == unknown
    assert said(answers("instruction", text, keyword="RUN", required=True, pattern=other)) == ["RUN"]
    assert said(answers("instruction", text, keyword="RUN", must_fit=masked)) == unknown
    assert said(answers("instruction", text, keyword="RUN", must_fit=other)) == ["RUN deploy --token **** now"]
