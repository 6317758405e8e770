"""Templates that are small and would keep a processor busy: given up soon."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hullmark.model.notice import Cause, Item, Notice
from hullmark.notify.templates import TemplateFault, render_template

_AT = datetime(2026, 5, 1, tzinfo=UTC)
_LOOPS = "".join(f"{{% for {name} in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] %}}" for name in "abcd")


def _notice() -> Notice:
    cause = Cause(kind="advisory", key="advisory:CVE-1@1", subject="CVE-1", sentence="It is new.", seen_at=_AT)
    items = tuple(Item(id=n, kind="compliance.lost", at=_AT, reference=f"a/b:{n}") for n in range(50))
    return Notice(id="1", account="a", cause=cause, items=items, count=50, kinds={"compliance.lost": 50}, at=_AT)


@pytest.mark.parametrize(
    "inner",
    [
        "{% if items|json|length == 1 %}{% endif %}" * 300,
        "{% if text|upper|lower == title %}{% endif %}" * 300,
        "{% if text ~ text ~ text ~ text == title or text[1:] == title %}{% endif %}" * 20,
    ],
)
def test_a_template_that_works_for_long_is_given_up(inner: str) -> None:
    template = _LOOPS + inner + "{% endfor %}" * 4
    with pytest.raises(TemplateFault, match="too long"):
        render_template(template, _notice(), "title", "x" * 50_000)
