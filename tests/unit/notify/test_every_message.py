"""Every kind of news, in every format: it says the rule, the finding, where that is, since when, and what to do."""

from __future__ import annotations

import re

import pytest

from hullmark.model.notice import TRANSITION_KINDS, Digest
from hullmark.notify.channels import CHANNELS
from tools.message_world import News, world
from tools.messages import FORMATS, main, rendered

NEWS = {news.name: news for news in world()}
_BARE = {
    ("pagerduty", "back in compliance"),
    ("pagerduty", "an exception begins"),
}
"""An alert is resolved by its key: PagerDuty takes no words with that."""

_OF_ONE_TYPE = {("anchore", "test message"): ("CVE-2026-1234", "openssl", "3.0.14-1")}
"""A test of Anchore's webhooks is of one type, whose form has no room for more."""


def test_the_world_has_every_kind_and_the_formats_are_all_that_there_are() -> None:
    groups = [
        group
        for news in NEWS.values()
        for group in (news.notice.groups if isinstance(news.notice, Digest) else (news.notice,))
    ]
    assert {kind for group in groups for kind in group.kinds} == set(TRANSITION_KINDS)
    assert any(isinstance(news.notice, Digest) for news in NEWS.values())
    assert set(FORMATS) == {*CHANNELS, "page"}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("news", NEWS.values(), ids=list(NEWS))
def test_a_message_says_rule_finding_place_since_when_and_what_to_do(news: News, format: str) -> None:
    text = rendered(format, news)
    must = _OF_ONE_TYPE.get((format, news.name), news.must)
    if (format, news.name) in _BARE:
        assert "event_action: resolve" in text
        return
    if not text:
        pytest.skip("this channel keeps issues, and is about compliance alone")
    flat = " ".join(text.split())
    if format == "webhook":  # what programs read has a field for each
        flat = flat.replace("is_gained: False", "no longer: ").replace("layer: ", "layer ")
        missing = [word for word in must if not _is_told(word, flat)]
    else:
        missing = [word for word in must if word not in flat]
    assert missing == [], text


def _is_told(word: str, flat: str) -> bool:
    """Whether a program is told: that something is gone, and excepted until when, are fields of their own."""
    if word.startswith("no longer: "):
        return word.removeprefix("no longer: ") in flat
    return word in flat or word.startswith(("nothing", "there is no version"))


@pytest.mark.parametrize("news", NEWS.values(), ids=list(NEWS))
def test_nothing_is_empty_said_twice_or_wrongly_counted(news: News) -> None:
    for format in FORMATS:
        for line in rendered(format, news).splitlines():
            assert line.strip() not in ("-", "•", ":", "- [ ]"), (format, line)
            assert not re.search(r"\b1 (images|findings|tags|causes)\b|All 1\b|\(\)|: ;|, ,|: :|\.\.(?!\.)", line), (
                format,
                line,
            )
            assert len(re.findall(r"\b([0-9a-f]{64})\b", line)) == len(set(re.findall(r"\b([0-9a-f]{64})\b", line)))


def test_all_of_them_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kind", "fix", "--format", "slack"]) == 0
    assert capsys.readouterr().out.startswith("=== fix available, slack\n")


def test_what_is_excepted_is_not_removed_for_anchores_clients() -> None:
    text = rendered("anchore", NEWS["an exception begins"])
    assert "excepted by anna until 2026-05-04" in text
    assert "CVE_ID" not in text
    assert "CVE_ID: CVE-2026-1234" in rendered("anchore", NEWS["a retraction"])
