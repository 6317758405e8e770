"""A message as one HTML page, for whoever follows its link: what happened, what to do, and every image with the way to its verdict."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.model.notice import Digest, Item, Notice
from hullmark.notify.details import at_minute
from hullmark.notify.shown import Section, ShownImage, image_shown, sections_of
from hullmark.notify.words import title_of
from hullmark.report.html_parts import page
from hullmark.report.matches_html_page import STYLE

_STYLE = f"""{STYLE}
li {{ margin: .35rem 0; overflow-wrap: anywhere; }}
h2 {{ overflow-wrap: anywhere; }}
"""
_TEMPLATE = """\
{% extends "page" %}
{% block body %}
<h1>{{ title }}</h1>
<p class="lead">{{ account }}, {{ at }}{% if is_replay %}, sent again because somebody asked for it{% endif %}</p>
{% for section in sections %}
<h2>{{ section.sentence }}</h2>
{% if section.counts %}<p>{{ section.counts }}</p>{% endif %}
{% if section.findings %}
<ul>
{% for found in section.findings %}
<li>{% if found.what %}<code>{{ found.what }}</code>{% if found.words %}: {% endif %}{% endif %}{{ found.words }}</li>
{% endfor %}
{% if section.more_findings %}<li>and {{ section.more_findings }} more</li>{% endif %}
</ul>
{% endif %}
{% endfor %}
{% if images %}
<h2>{{ heading }}</h2>
<ul>
{% for image in images %}
<li>{% if image.link %}<a href="{{ image.link }}">{{ image.name }}</a>{% else %}{{ image.name }}{% endif %}: {{ image.words }}</li>
{% endfor %}
</ul>
{% endif %}
{% if following %}<p><a href="{{ following }}">More</a></p>{% endif %}
{% endblock %}
"""


def notice_page(notice: Notice | Digest, items: Sequence[Item], following: str = "") -> bytes:
    """The page of a message and of some of its items, in their order; `following` leads to the next ones ("": these are the last)."""
    images: list[ShownImage] = [image_shown(item) for item in items if item.image or item.reference]
    sections: tuple[Section, ...] = sections_of(notice)
    at = notice.until if isinstance(notice, Digest) else notice.at
    return page(
        _TEMPLATE,
        title_of(notice),
        _STYLE,
        account=notice.account,
        at=at_minute(at),
        is_replay=notice.is_replay,
        sections=sections,
        images=images,
        heading="Image" if len(images) == 1 and not following else "Images",
        following=following,
    )
