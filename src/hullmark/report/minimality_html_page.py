"""The template and the style of the page on what is reached. The style holds nothing from a report; the page allows it by its digest."""

from __future__ import annotations

from hullmark.report import matches_html_page

STYLE = f"""{matches_html_page.STYLE}
:root {{ --reachable: #0f6e66; --maybe: #a34a07; --gone: #dce1e9; --on-reachable: #fff; --on-maybe: #fff; --on-gone: #3b4656;
  --good: #0f6e66; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --reachable: #14665f; --maybe: #8a4208; --gone: #2a3442; --on-reachable: #effdfa; --on-maybe: #fff5ea; --on-gone: #b4bfcd;
    --good: #5fd4c4; }}
}}
.tile.gone b {{ color: var(--good); }} .tile.stays b {{ color: var(--high); }}
.mark.reachable {{ --tone: var(--good); }} .mark.unreachable {{ --tone: var(--soft); }} .mark.unknown {{ --tone: var(--medium); }}
.tile.unknown b {{ color: var(--medium); }}
.legend {{ display: flex; flex-wrap: wrap; gap: .3rem 1.75rem; margin: 0 0 .6rem; padding: 0; list-style: none; }}
.legend b {{ font-variant-numeric: tabular-nums; }}
.legend i {{ display: inline-block; width: .85em; height: .85em; border-radius: 3px; margin-right: .45em; vertical-align: -.06em; }}
.legend .reachable {{ background: var(--reachable); }} .legend .unknown {{ background: var(--maybe); }}
.legend .unreachable {{ background: var(--gone); box-shadow: inset 0 0 0 1px var(--line); }}
.map {{ overflow-x: auto; margin: 0; }}
.map svg {{ display: block; }}
.map > svg {{ width: 100%; min-width: 44rem; height: auto; border-radius: 8px; }}
.map rect {{ stroke: var(--page); stroke-width: 1.6; }}
.map text {{ font: 600 12.5px system-ui, "Segoe UI", Roboto, sans-serif; }}
.map .size {{ font-weight: 400; font-size: 11.5px; opacity: .92; }}
.map .reachable rect {{ fill: var(--reachable); }} .map .reachable text {{ fill: var(--on-reachable); }}
.map .unknown rect {{ fill: var(--maybe); }} .map .unknown text {{ fill: var(--on-maybe); }}
.map .unreachable rect {{ fill: var(--gone); }} .map .unreachable text {{ fill: var(--on-gone); }}
.map a:hover rect, .map a:focus-visible rect {{ stroke: var(--text); stroke-width: 4; }}
figcaption, .note {{ color: var(--soft); font-size: .88rem; margin: .6rem 0 0; }}
.side {{ display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1.25rem; align-items: start; }}
@media (max-width: 60rem) {{ .side {{ grid-template-columns: minmax(0, 1fr); }} }}
.less {{ color: var(--good); font-weight: 600; }}
pre {{ background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; margin: 0; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: .9rem; }}
ol.way {{ margin: .4rem 0 .2rem; padding-left: 1.5rem; font-size: .9rem; }}
ol.way li {{ margin: .15rem 0; }}
tr:target > * {{ background: color-mix(in srgb, var(--focus) 12%, transparent); }}
td p {{ margin: 0; }}
.clean code, .note code {{ white-space: nowrap; }}
pre + .note + details, .clean + details {{ margin-top: .35rem; }}
@media print {{
  :root {{ --reachable: #0f6e66; --maybe: #a34a07; --gone: #dce1e9; --on-reachable: #fff; --on-maybe: #fff; --on-gone: #3b4656;
    --good: #0f6e66; }}
  .map > svg {{ min-width: 0; }} .map rect, .legend i {{ print-color-adjust: exact; }}
  .side {{ grid-template-columns: minmax(0, 1fr); }}
}}
"""

TEMPLATE = """\
{% extends "page" %}
{% from "parts" import facts, mark, place, problems, tile_list %}

{% macro table(caption, head, numbers=()) %}
<div class="wrap" tabindex="0" role="region" aria-label="{{ caption }}"><table>
<caption class="unseen">{{ caption }}</caption>
<thead><tr>
{%- for name in head %}<th scope="col"{% if name in numbers %} class="number"{% endif %}>{{ name }}</th>{% endfor -%}
</tr></thead><tbody>
{{ caller() -}}
</tbody></table></div>
{% endmacro %}

{% macro way(witness) %}
<ol class="way">{% for step in steps(witness) %}<li><code>{{ step.path }}</code>: {{ step.why }}</li>{% endfor %}</ol>
{%- endmacro %}

{% macro told(each) %}
{% if own(each) %}<p class="soft">{{ own(each) }}</p>{% endif %}
{% if each.witness %}<details><summary>the way, {{ plural(each.witness | length, "step") }}</summary>
{{- way(each.witness) }}</details>{% endif %}
{%- endmacro %}

{% macro more(number, word, several="") %}
{% if number %}
<p class="note">{{ plural(number, word, several) }} more {{ is(number) }} not listed here; the JSON has all of them.</p>
{% endif %}
{% endmacro %}

{% macro is(number) %}{{ "is" if number == 1 else "are" }}{% endmacro %}

{% macro number(value, is_less=false) %}<td class="number{% if is_less %} less{% endif %}">{{ value }}</td>{% endmacro %}

{% macro corner(place) %}x="{{ place.x | round(2) }}" y="{{ place.y | round(2) }}" {{ extent(place) }}{% endmacro %}

{% macro extent(place) %}width="{{ place.width | round(2) }}" height="{{ place.height | round(2) }}"{% endmacro %}

{% macro drawn(part) %}
<rect {{ extent(part.place) }}/>
{%- if part.lines %}<text x="7" y="18">{{ part.lines[0] }}</text>{% endif %}
{%- if part.lines | length > 1 %}<text class="size" x="7" y="33">{{ part.lines[1] }}</text>{% endif %}
{%- endmacro %}

{% block body %}
<h1>{{ title }}</h1>
<p class="lead">{{ lead }}.</p>
{{ facts(about) }}
{{ tile_list(tiles) }}

{% if answers %}
<h2>What was asked</h2>
{% call table("What was asked", ("Verdict", "What", "Why")) %}
{% for answer in answers %}
<tr><td>{{ mark(answer.reach, answer.reach) }}</td><td class="name">{{ short(answer.subject) }}</td><td>
{%- if answer.reason %}<p>{{ answer.reason }}</p>{% endif %}
{%- if answer.witness %}{{ way(answer.witness) }}{% endif %}
{%- if answer.needed_by %}<p class="soft">packages that say that they need it:
{% for purl in answer.needed_by %}{{ short(purl) }}{% if not loop.last %}, {% endif %}{% endfor %}</p>
{%- elif answer.reach == "unreachable" %}<p class="soft">no package says that it needs it</p>{% endif %}</td></tr>
{% endfor %}
{% endcall %}
{% endif %}

<h2>Where the bytes are</h2>
<ul class="legend">
{% for reach, size, share in legend %}
<li><i class="{{ reach }}"></i>{{ reach }} <b>{{ size }}</b> <span class="soft">{{ share }}</span></li>
{% endfor %}
</ul>
{% if map.parts %}
<figure class="map" tabindex="0">
<svg viewBox="0 0 {{ frame.width }} {{ frame.height }}" role="img"
 aria-label="Map of the bytes of the image by package and verdict; the table of packages below says the same">
{% for part in map.parts %}
<svg class="{{ part.reach }}" {{ corner(part.place) }}><title>{{ part.title }}</title>
{%- if part.target %}<a href="#{{ part.target }}" tabindex="-1">{{ drawn(part) }}</a>{% else %}{{ drawn(part) }}{% endif %}</svg>
{% endfor %}
</svg>
<figcaption>Areas are as the bytes of files. A package of which some files are reached and others are not has a rectangle for each.
{%- if map.gathered %} {{ plural(map.gathered, "rectangle") }} of the smallest packages {{ is(map.gathered) }} drawn together.
{%- endif %}</figcaption>
</figure>
{% else %}
<p class="clean">There is nothing to draw: the image has no files, or its source does not list them.</p>
{% endif %}

<h2>Before and after</h2>
<div class="side">
<div>
{% set head = ("", "In the image", "Left", "Less") %}
{% call table("What is there, and what is left without all that is unreachable", head, head) %}
{% for row in comparison %}
<tr><td>{{ row.name }}</td>{{ number(row.before) }}{{ number(row.after) }}
{{- number("%d %%" % row.share if row.share else "", row.share) }}</tr>
{% endfor %}
{% endcall %}
</div>
<div>
{% if not has_advisories %}
<p class="clean">Vulnerabilities are not counted: no advisories were used. Run <code>hullmark db update</code> first, or name some with
<code>--advisories</code>.</p>
{% elif not by_severity %}
<p class="clean">No known vulnerability is in any package.</p>
{% else %}
{% call table("Vulnerabilities before and after", ("Vulnerabilities", "In the image", "Left"), ("In the image", "Left")) %}
{% for severity, before, after in by_severity %}
<tr><td>{{ mark(severity, severity) }}</td>{{ number(before) }}{{ number(after, after < before) }}</tr>
{% endfor %}
{% endcall %}
{% endif %}
</div>
</div>
<p class="note">Left is what is reachable or unknown: what <code>--emit</code> writes.</p>

<h2>What can be removed</h2>
{% if command %}
<pre>{{ command }}</pre>
<p class="note">{{ plural(purge | length, "package") }} {{ is(purge | length) }} unreachable, and no package that stays says that it needs
{{ "it" if purge | length == 1 else "them" }}.</p>
{% else %}
<p class="clean">There is no package that the package manager can remove.</p>
{% endif %}
{% if kept %}
<details><summary>{{ plural(kept | length, "package") }} not reached, but needed by packages that stay</summary>
<ul class="plain">{% for purl, by in kept %}<li>{{ short(purl) }}, which {{ short(by) }} needs</li>{% endfor %}</ul></details>
{% endif %}

<h2>Programs that intruders like</h2>
{% if programs %}
<p class="lead">Nothing that is started names, loads, imports or starts what is unreachable.</p>
{% call table("Setuid files, shells, package managers and the like", ("Verdict", "Program", "What it is", "Package", "Why")) %}
{% for program in programs %}
<tr><td>{{ mark(program.reach, program.reach) }}</td><td class="mono">{{ program.path }}</td><td>
{%- for kind in program.kinds %}{{ called.get(kind, kind) }}{% if not loop.last %}, {% endif %}{% endfor %}</td><td>
{{- short(program.package) }}</td><td>{{ told(program) }}</td></tr>
{% endfor %}
{% endcall %}
{{ more(more_programs, "program") }}
{% else %}
<p class="clean">There are no setuid files, shells, package managers or other programs of that kind.</p>
{% endif %}

{% for heading, rows, left_out in advisory_lists %}
<h2>{{ heading }}</h2>
{% call table(heading, ("Severity", "Vulnerability", "Packages")) %}
{% for advisory, matches in rows %}
<tr><td>{{ mark(matches[0].severity, matches[0].severity) }}</td><td class="id">{{ advisory }}</td><td>
{%- for match in matches[:20] %}{{ short(match.purl) }} <span class="soft">{{ match.reach }}</span>{% if not loop.last %}, {% endif %}
{%- endfor %}
{%- if matches | length > 20 %} and {{ matches | length - 20 }} more{% endif %}</td></tr>
{% endfor %}
{% endcall %}
{{ more(left_out, "vulnerability", "vulnerabilities") }}
{% endfor %}

<h2>Packages, and the way to each</h2>
{% if packages %}
{% call table("Packages", ("Verdict", "Package", "Version", "Type", "Size", "Left", "Why"), ("Size", "Left")) %}
{% for package in packages %}
<tr id="p{{ loop.index0 }}"><td>{{ mark(package.reach, package.reach) }}</td><td class="name">{{ package.name }}</td>
{#- -#}
<td class="version mono">{{ package.version }}</td><td class="type">{{ package.type }}</td>{{ number(megabytes(package.bytes)) }}
{{- number(megabytes(package.reached_bytes)) }}<td>{{ told(package) }}</td></tr>
{% endfor %}
{% endcall %}
{{ more(more_packages, "package") }}
{% else %}
<p class="clean">No package is known.</p>
{% endif %}

{% if ends %}
<h2>Open ends</h2>
<p class="lead">What these lead to cannot all be told from the files of the image.</p>
<ul class="plain">
{% for end in ends %}<li><code>{{ end.path or "image" }}</code>: {{ end.reason }}</li>
{% endfor %}
</ul>
{{ more(more_ends, "open end") }}
{% endif %}
{% if problems_found %}
<h2>What could not be read</h2>
{{ problems(problems_found) }}
{% endif %}
<footer>Written by hullmark {{ version }}.</footer>
{% endblock %}
"""
