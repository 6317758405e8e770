"""What somebody reads who follows a link with a browser: pages instead of JSON, also where something is wrong."""

from __future__ import annotations

from typing import Any

from litestar import Request

from hullmark.report.html_parts import page
from hullmark.report.matches_html_page import STYLE

MEDIA_TYPE = "text/html"
_ROOT = "/api/"
_TEMPLATE = """\
{% extends "page" %}
{% block body %}
<h1>{{ title }}</h1>
{% if detail %}<p class="lead">{{ detail }}</p>{% endif %}
{% if advice %}<p>{{ advice }}</p>{% endif %}
{% endblock %}
"""
_SIGN_IN = (
    "Load this page again, and give the name and the password that you have on this Hullmark server when the browser asks"
    " for them. If you have none, ask the administrator of your account. On the command line: hullmark login, with the"
    " address of this server."
)


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether whoever asks reads the answer in a browser: it says that it takes HTML, or asks for it."""
    if not request.url.path.startswith(_ROOT):
        return False
    accepted = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
    return MEDIA_TYPE in accepted or request.query_params.get("format") == "html"


def problem_page(status: int, title: str, detail: str, advice: str) -> bytes:
    """What is wrong, and what to do about it."""
    if status == 401:
        title, advice = "Sign in to read this", _SIGN_IN
    return page(
        _TEMPLATE,
        title,
        STYLE,
        detail=_sentence(detail),
        advice=_sentence(advice),
    )


def _sentence(text: str) -> str:
    if not text:
        return ""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
