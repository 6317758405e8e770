"""Verdicts as one HTML file that needs nothing else: no foreign asset, no script, printable.

All text from images and policies is escaped, and the page's own policy allows this style alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.model.limit import Limit
from hullmark.model.verdict import Evidence, Verdict
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.html_parts import page
from hullmark.report.matches_html_page import STYLE
from hullmark.report.matches_words import reach_clause, sentence
from hullmark.report.verdict_words import counting, excuse, facts, numbers, place_in, set_aside, trigger

VERDICT_STYLE = f"""{STYLE}
section + section {{ border-top: 2px solid var(--line); margin-top: 3rem; padding-top: 1rem; }}
section h2 {{ font-size: 1.25rem; margin-top: 1rem; overflow-wrap: anywhere; }}
h3 {{ font-size: 1.05rem; margin: 1.75rem 0 .6rem; }}
.mark.stop, .tile.stop {{ --tone: var(--critical); }} .mark.warn, .tile.warn {{ --tone: var(--medium); }}
.mark.go {{ --tone: var(--low); }} .mark.unknown {{ --tone: var(--unknown); }}
h2 .mark {{ font-size: .95rem; padding: .15rem .8rem; margin-right: .5rem; text-transform: uppercase; }}
.tile.stop b, .tile.warn b {{ color: var(--tone); }}
td.what {{ min-width: 18rem; }}
td.what p {{ margin: .35rem 0 0; }}
td.about {{ min-width: 9rem; }}
td .plain {{ margin-top: .35rem; font-size: .88rem; }}
@media print {{ td.what, td.about {{ min-width: 0; }} section {{ break-before: auto; }} }}
"""
_TEMPLATE = """\
{% extends "page" %}
{% from "parts" import facts, mark, place, problems %}

{% macro table(caption, head) %}
<div class="wrap" tabindex="0" role="region" aria-label="{{ caption }}"><table>
<caption class="unseen">{{ caption }}</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{{ caller() -}}
</tbody></table></div>
{% endmacro %}

{% macro about(finding) %}
<td class="about">{{ finding.subject }}</td>
{#- -#}
<td class="about">{{ finding.rule_id }}<br><span class="soft">{{ trigger(finding) }}</span></td>
{%- endmacro %}

{% macro places(evidence) %}
{% set told = evidence | reject("equalto", nothing) | list %}
{%- if told %}<ul class="plain">
{%- for each in told[:max_places] %}<li>{{ evident(each) }}</li>{% endfor %}
{%- if told | length > max_places %}<li>and in {{ told | length - max_places }} more places</li>{% endif %}</ul>{% endif %}
{%- endmacro %}

{% macro evident(evidence) %}
{% set line = place_in(evidence).line if not evidence.path else 0 %}
{% set layer = "layer %d" % evidence.layer if evidence.layer >= 0 else "" %}
{% set where = place(evidence.path, evidence.layer) if evidence.path else layer %}
{% set what = "Dockerfile, line %d" % line if line else evidence.detail %}
{{ where }}{% if where and what %} {% endif %}
{%- if not (where or line or evidence.created_by) %}seen: {% endif %}{{ what }}
{%- if evidence.created_by %}{% if where or what %} {% endif %}<code>{{ evidence.created_by }}</code>{% endif %}
{%- endmacro %}

{% block body %}
<h1>{{ title }}</h1>
{% for verdict in verdicts %}
<section>
<h2>{{ mark(verdict.verdict.value, verdict.verdict.value) }}
{%- if verdicts | length > 1 %}{{ verdict.inputs.image or "an image" }}{% endif %}</h2>
<p class="lead">{{ sentence(verdict.reason.removesuffix(".")) }}.</p>
{{ facts(facts_of(verdict)[0 if name else 1:]) }}
<ul class="tiles">
{% for name, number in numbers(verdict).items() %}
{% set kind = " " ~ name if number and name in ("stop", "warn") else "" %}
<li class="tile{{ kind }}"><b>{{ number }}</b><span>{{ tiles.get(name, name) }}</span></li>
{% endfor %}
</ul>
<h3>What counts</h3>
{% set found = counting(verdict) %}
{% if found %}
{% call table("Findings that count", ("Action", "Finding", "Subject", "Rule")) %}
{% for finding in found %}
<tr><td>{{ mark(finding.action.value, finding.action.value) }}</td><td class="what">{{ finding.message }}
{%- if finding.recommendation %}<p>{{ finding.recommendation }}</p>{% endif %}
{%- if finding.weakness and finding.weakness.package in reach %}<p class="soft">{{ reach[finding.weakness.package] }}</p>{% endif %}
{%- if finding.trigger_id in since %}<p class="soft">known since {{ since[finding.trigger_id] }}</p>{% endif %}
{{- places(finding.evidence) }}</td>{{ about(finding) }}</tr>
{% endfor %}
{% endcall %}
{% else %}
<p class="clean">No finding counts.</p>
{% endif %}
{% set aside = set_aside(verdict) %}
{% if aside %}
<h3>What does not count</h3>
{% set head = ("Finding", "Subject", "Rule", "Why it does not count") %}
{% call table("Findings that do not count, with the reason", head) %}
{% for finding in aside %}
<tr><td class="what">{{ finding.message }}{{ places(finding.evidence) }}</td>{{ about(finding) }}<td>{{ excuse(finding) }}</td></tr>
{% endfor %}
{% endcall %}
{% endif %}
{% if verdict.problems %}
<h3>What could not be read or judged</h3>
{{ problems(verdict.problems) }}
{% endif %}
</section>
{% endfor %}
<footer>Written by hullmark {{ version }}{% if written %} at {{ written }}{% endif %}.</footer>
{% endblock %}
"""
_MAX_PLACES = Limit(20, "places of a finding shown in HTML", "shortened")
_TILES = {"stop": "to stop for", "warn": "to warn of", "go": "noted"}


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The page of one image."""
    return render_all([verdict], context)


def render_all(verdicts: Sequence[Verdict], context: RenderContext) -> bytes:
    """The page of all images, one section for each."""
    one = len(verdicts) == 1
    return page(
        _TEMPLATE,
        f"Verdict on {context.name or verdicts[0].inputs.image or 'an image'}"
        if one
        else f"Verdicts on {len(verdicts)} images",
        VERDICT_STYLE,
        verdicts=verdicts,
        name=context.name if one else "",
        version=context.tool_version,
        written=moment(context.timestamp),
        tiles=_TILES,
        max_places=_MAX_PLACES,
        reach={purl: sentence(reach_clause(found)) for purl, found in context.reach.items()},
        since={name: f"{at:%Y-%m-%d %H:%M} UTC" for name, at in context.since.items()},
        nothing=Evidence(),
        sentence=sentence,
        facts_of=facts,
        numbers=numbers,
        counting=counting,
        set_aside=set_aside,
        trigger=trigger,
        place_in=place_in,
        excuse=excuse,
    )


FORMAT = Format(
    kind="verdict",
    name="html",
    media_type="text/html; charset=utf-8",
    file_name="verdict.html",
    render=render,
    render_all=render_all,
)
