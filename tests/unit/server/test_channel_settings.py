"""Settings of channels that cannot be used are refused in words that say what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.notice.channel_settings import as_settings, kind_named


@pytest.mark.parametrize(
    ("kind", "given", "said", "advice"),
    [
        ("email", {"to": "ops@example.org"}, 'to has to be a list: ["…"]', "email takes to and, if wanted, sender"),
        ("webhook", {"url": "example.org"}, "url is not written as it has to be", "webhook takes url and, if wanted"),
        ("webhook", {}, "missing required field `url`", "webhook takes url"),
        ("slack", {}, "give either url, of an incoming webhook, or token", "slack takes url, token, channel"),
        ("slack", {"adress": "x"}, "unknown field `adress`", "slack takes url"),
    ],
)
def test_what_is_wrong_and_what_there_is(kind: str, given: dict[str, Any], said: str, advice: str) -> None:
    with pytest.raises(HullmarkError) as refused:
        as_settings(kind_named(kind), given)
    assert said in str(refused.value)
    assert "regex" not in str(refused.value)
    assert (refused.value.advice or "").startswith(advice)


def test_a_kind_that_is_none_is_told_which_there_are() -> None:
    with pytest.raises(HullmarkError, match="there is no kind of channel 'webhok'") as refused:
        kind_named("webhok")
    assert "webhook, slack" in (refused.value.advice or "")
