"""Pages escape whatever is put into them, wherever a template puts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from hullmark.report.html_parts import page

TEMPLATE = """\
{% extends "page" %}
{% from "parts" import facts, mark, place, problems %}
{% block body %}
<p title="{{ x }}">{{ x }}</p>
{{ facts([(x, x)]) }}{{ mark(x, x) }}{{ place(x, 1) }}{{ problems([{"path": x, "layer": 0, "reason": x}]) }}{{ "[" ~ x ~ "]" }}
{% endblock %}
"""
HOSTILE = '<script>alert("1")</script>\'&\x1b[31m\u202e'
ESCAPED = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#x27;&amp;\\x1b[31m\\u202e"


def written(value: str) -> str:
    return page(TEMPLATE, value, "b {}", x=value).decode()


def test_markup_becomes_text_and_what_cannot_be_seen_is_written_out() -> None:
    text = written(HOSTILE)
    assert "<script" not in text
    assert f"<title>{ESCAPED}</title>" in text
    assert f'<p title="{ESCAPED}">{ESCAPED}</p>' in text
    assert f"<dt>{ESCAPED}</dt><dd>{ESCAPED}</dd>" in text
    assert f'<span class="mark {ESCAPED}">{ESCAPED}</span>' in text
    assert f"[{ESCAPED}]" in text


@given(st.text(min_size=1))
def test_no_text_adds_a_tag_or_ends_an_attribute(value: str) -> None:
    plain, text = written("x"), written(value)
    assert [text.count(sign) for sign in "<>"] == [plain.count(sign) for sign in "<>"]
    assert (text.count('"'), text.count("'")) == (plain.count('"'), plain.count("'"))
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_value_that_is_forgotten_is_an_error_and_no_empty_place() -> None:
    with pytest.raises(UndefinedError):
        page("{{ x }}", "t", "b {}")
