"""What reports as one HTML file have in common: escaping, the page with its own policy, pieces that come again.

Pages are Jinja templates (https://jinja.palletsprojects.com/en/stable/templates/) that escape whatever is put into them: what
cannot be seen is written out, what is markup becomes text. Content Security Policy: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

import base64
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from jinja2.filters import do_mark_safe

from hullmark.report.terminal import safe

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy | safe }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<main>
{% block body %}
{% endblock %}
</main>
{% if script %}
<script>{{ script | safe }}</script>
{% endif %}
</body>
</html>
"""

_PARTS = """\
{% macro facts(values) %}
<dl class="facts">
{% for name, value in values if value %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}
</dl>
{%- endmacro %}

{% macro tile_list(tiles) %}
<ul class="tiles">
{% for kind, number, word in tiles %}
<li class="tile {{ kind }}"><b>{{ number }}</b><span>{{ word }}</span></li>
{% endfor %}
</ul>
{%- endmacro %}

{% macro mark(kind, word) %}<span class="mark {{ kind }}">{{ word }}</span>{% endmacro %}

{% macro place(path, layer) %}
<code>{{ path }}</code>{% if layer >= 0 %} <span class="soft">layer {{ layer }}</span>{% endif %}
{%- endmacro %}

{% macro problems(found) %}
<ul class="plain">
{% for problem in found %}
<li>{{ place(problem.path or "image", problem.layer) }}: {{ problem.reason }}</li>
{% endfor %}
</ul>
{%- endmacro %}
"""


def page(template: str, title: str, style: str, script: str = "", **values: Any) -> bytes:
    """The whole page: a template that extends `page`, filled in. No other style and no other script is allowed to work."""
    whole = _compile_template(template).render(
        title=title, policy=_policy(style, script), style=style, script=script, **values
    )
    return whole.encode()


@lru_cache(maxsize=4)
def _compile_template(template: str) -> Template:
    environment = Environment(
        loader=DictLoader({"page": _PAGE, "parts": _PARTS}),
        autoescape=True,
        finalize=printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(template)


def printable(value: object) -> str:
    """What a template puts into a page, as text; markup is what templates made themselves, and our own style and script."""
    if isinstance(value, str) and hasattr(value, "__html__"):
        return value
    text = str(value)
    if text.isprintable() and '"' not in text and "'" not in text:
        return text  # which the template escapes, and faster
    return do_mark_safe(escape(safe(text), quote=True))


def _policy(style: str, script: str) -> str:
    rules = ["default-src 'none'", f"style-src {_digest(style)}"]
    rules += [f"script-src {_digest(script)}"] if script else []
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}'"
