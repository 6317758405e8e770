"""An image's settings as they are written down: no secret is in them, and all else is as it was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.scanning.shown_settings import without_secrets

SECRET = "Tr0ub4dor" + "&3xKq9"
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        (f"DB_PASSWORD={SECRET}", "DB_PASSWORD=****"),
        (f"URL=postgres://app:{SECRET}@db/x", "URL=postgres://app:****@db/x"),
        ("AWS_ACCESS_KEY_ID=AKIA" + "QJ3XWZ7N5RK2VBTD", "AWS_ACCESS_KEY_ID=****"),
        ("DB_PASSWORD_FILE=/run/secrets/db", "DB_PASSWORD_FILE=/run/secrets/db"),
        ("DB_PASSWORD=$PASSWORD", "DB_PASSWORD=$PASSWORD"),
        ("PATH=/bin", "PATH=/bin"),
        ("ODD", "ODD"),
    ],
)
def test_variables_and_labels(variable: str, shown: str) -> None:
    assert without_secrets(ImageConfig(env=(variable,))).env == (shown,)
    name, equals, value = variable.partition("=")
    if equals:
        labels = without_secrets(ImageConfig(labels={name: value})).labels
        assert labels == {name: shown.partition("=")[2]}


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        (f"ENV TOKEN={SECRET}", "ENV TOKEN=****"),
        (f"RUN |1 TOKEN={SECRET} /bin/sh -c curl -u me:{SECRET} x", "RUN |1 TOKEN=**** /bin/sh -c curl -u me:**** x"),
        ("RUN |1 TOKEN=a /bin/sh -c cat a", "RUN |1 TOKEN=**** /bin/sh -c cat a"),
        (f"ARG PASSWORD='{SECRET}'", "ARG PASSWORD='****'"),
        ("RUN apt-get update", "RUN apt-get update"),
    ],
)
def test_instructions(instruction: str, shown: str) -> None:
    config = ImageConfig(
        history=(HistoryEntry(created_by=instruction),), entrypoint=(instruction,), on_build=(instruction,)
    )
    hidden = without_secrets(config)
    assert (hidden.history[0].created_by, *hidden.entrypoint, *hidden.on_build) == (shown,) * 3


@given(st.dictionaries(WORDS, WORDS, max_size=3), st.lists(WORDS, max_size=3))
def test_what_is_hidden_stays_as_it_is(labels: dict[str, str], texts: list[str]) -> None:
    history = tuple(HistoryEntry(created_by=text, comment=text) for text in texts)
    config = ImageConfig(env=tuple(texts), labels=labels, cmd=tuple(texts), history=history)
    hidden = without_secrets(config)
    assert without_secrets(hidden) == hidden
    assert msgspec.structs.replace(hidden, env=(), labels={}, cmd=(), history=()) == ImageConfig()
