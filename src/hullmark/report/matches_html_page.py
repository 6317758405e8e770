"""The template, the style and the script of the HTML report.

Style and script hold nothing from a report; the page allows them by their digests.
"""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --line: #dde1e7; --text: #1b2330; --soft: #566173; --link: #0b57c2; --focus: #0b57c2;
  --critical: #a3123b; --high: #b4400e; --medium: #8a5a00; --low: #2f5f9e; --negligible: #566173; --unknown: #6a4fa3;
  --tint: 10%;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10141a; --card: #181e27; --line: #2c3542; --text: #e6eaf0; --soft: #a3aebd; --link: #7ab2ff; --focus: #7ab2ff;
    --critical: #ff8ba3; --high: #ffa27a; --medium: #f2c14e; --low: #86b9f5; --negligible: #a3aebd; --unknown: #c3adf2;
    --tint: 16%;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 88rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.45rem; line-height: 1.3; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
.lead { color: var(--soft); margin: 0 0 1.25rem; }
.mono, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .92em; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 0; font-size: .93rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.5rem 0 0; padding: 0; list-style: none; }
.tile { min-width: 6.75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: .55rem .8rem; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.tile.critical b { color: var(--critical); } .tile.high b { color: var(--high); } .tile.medium b { color: var(--medium); }
.tile.low b { color: var(--low); } .tile.unknown b { color: var(--unknown); }
.tools { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; margin: 0 0 .75rem; }
.tools[hidden] { display: none; }
.tools input[type=search] { flex: 1 1 16rem; max-width: 28rem; }
.tools input[type=search], .tools select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: .4rem .6rem; }
.tools label { color: var(--soft); font-size: .92rem; }
.tools output { color: var(--soft); font-size: .92rem; margin-left: auto; }
.wrap { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
caption { text-align: left; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; border-bottom: 1px solid var(--line); }
tbody:last-child tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
thead button { all: unset; cursor: pointer; }
thead button:focus-visible { outline: 2px solid var(--focus); outline-offset: 3px; border-radius: 3px; }
thead button::after { content: "\\2195"; opacity: .35; margin-left: .3em; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.name { font-weight: 600; min-width: 8rem; }
td.version { min-width: 6rem; }
td.type { overflow-wrap: normal; }
td.id { min-width: 13rem; }
tr[hidden] { display: none; }
.mark { display: inline-block; padding: .05rem .5rem; border-radius: 99px; font-size: .82rem; font-weight: 600; white-space: nowrap;
  color: var(--tone); border: 1px solid var(--tone); background: color-mix(in srgb, var(--tone) var(--tint), transparent); }
.mark.critical { --tone: var(--critical); } .mark.high { --tone: var(--high); } .mark.medium { --tone: var(--medium); }
.mark.low { --tone: var(--low); } .mark.negligible { --tone: var(--negligible); } .mark.unknown { --tone: var(--unknown); }
.mark.kev { --tone: var(--critical); }
.soft { color: var(--soft); }
details > summary { cursor: pointer; color: var(--soft); font-size: .88rem; width: max-content; }
details .facts { margin: .5rem 0 .25rem; max-width: 60rem; }
.plain { margin: 0; padding-left: 1.2rem; }
.clean { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem; margin: 0; }
footer { color: var(--soft); font-size: .85rem; margin-top: 2.5rem; }
@media print {
  :root { --page: #fff; --card: #fff; --line: #bbb; --text: #000; --soft: #444; --link: #000; --critical: #a3123b; --high: #b4400e;
    --medium: #8a5a00; --low: #2f5f9e; --negligible: #444; --unknown: #6a4fa3; }
  body { font-size: 10pt; } main { padding: 0; max-width: none; }
  .tools, thead button::after { display: none; }
  #matches details:not([open]) { display: none; }
  td.id, td.name, td.version { min-width: 0; } td, th { padding: .25rem .4rem; font-size: 8.5pt; }
  td.name, td.number, td.id a { overflow-wrap: normal; }
  .mark { font-size: 7.5pt; padding: 0 .4rem; }
  .wrap { overflow: visible; border: 0; } tr { break-inside: avoid; } thead { display: table-header-group; }
  a { text-decoration: none; }
}
@page { margin: 15mm; }
"""

SCRIPT = """
(() => {
  const table = document.getElementById("matches");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const search = document.getElementById("search");
  const severity = document.getElementById("severity");
  const fixable = document.getElementById("fixable");
  const exploited = document.getElementById("exploited");
  const shown = document.getElementById("shown");
  const text = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = (!severity.value || row.dataset.severity === severity.value)
        && (!fixable.checked || row.dataset.fixed === "1")
        && (!exploited.checked || row.dataset.kev === "1")
        && words.every((word) => text.get(row).includes(word));
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = count === rows.length ? `${count} shown` : `${count} of ${rows.length} shown`;
  };
  for (const input of [search, severity, fixable, exploited]) input.addEventListener("input", filter);
  const key = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim().toLowerCase();
  const collator = new Intl.Collator("en", { numeric: true });
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const first = head.classList.contains("number") || column === 0 ? "descending" : "ascending";
      const order = before === null ? first : before === "ascending" ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      rows.sort((a, b) => sign * collator.compare(key(a, column), key(b, column)));
      body.append(...rows);
    });
  });
  document.getElementById("tools").hidden = false;
  filter();
})();
"""

TEMPLATE = """\
{% extends "page" %}
{% from "parts" import facts, mark, place, problems, tile_list %}

{% macro anchor(url, words) %}<a href="{{ url }}" rel="noreferrer noopener">{{ words }}</a>{% endmacro %}

{% macro named(advisory) %}
{% set address = page_of(advisory) %}
{% if address %}{{ anchor(address, advisory.id) }}{% else %}{{ advisory.id }}{% endif %}
{%- endmacro %}

{% macro places(locations) %}
{% for found in locations %}{{ place(found.path, found.layer) }}{% if not loop.last %}<br>{% endif %}{% endfor %}
{%- endmacro %}

{% macro references(addresses) %}
{% for url in addresses if is_url(url) %}{{ anchor(url, url) }}{% if not loop.last %}<br>{% endif %}{% endfor %}
{%- endmacro %}

{% macro row(match) %}
{% set package, advisory = match.package, match.advisory %}
<tr data-severity="{{ advisory.severity }}" data-fixed="{{ 1 if match.fix.version else 0 }}" data-kev="{{ 1 if advisory.kev else 0 }}">
<td data-key="{{ rank[advisory.severity] }}">{{ mark(advisory.severity, advisory.severity) }}</td>
<td class="id" data-key="{{ advisory.id }}">{{ named(advisory) }}
{%- if exploited(advisory) %} {{ mark("kev", exploited(advisory)) }}{% endif %}
{%- if match.reach %} {{ mark("", match.reach.reach) }}{% endif %}

<details><summary>Details</summary>
{{ facts(before(match) + [("Found at", places(package.locations[:max_places]))] + after(match)
  + [("References", references(advisory.references))]) }}
</details>
</td>
<td class="name">{{ package.name }}</td>
<td class="version mono">{{ package.version }}</td>
<td class="version mono{% if not match.fix.version %} soft{% endif %}">{{ fixed_in(match.fix) }}</td>
<td class="type">{{ package.type }}</td>
<td class="number" data-key="{{ "%.6f" % (advisory.epss.score if advisory.epss else 0) }}">{{ epss_text(advisory.epss) }}</td>
<td class="number" data-key="{{ "%.4f" % match.risk }}">{{ "%.1f" % match.risk }}</td>
</tr>
{%- endmacro %}

{% block body %}
<h1>{{ title }}</h1>
<p class="lead">{{ lead }}.</p>
{{ facts(about) }}
{{ tile_list(tiles) }}
<h2>What counts</h2>
{% if not found %}
<p class="clean">No known vulnerability counts.</p>
{% else %}
<div class="tools" id="tools" role="search" hidden>
<label class="unseen" for="search">Search the vulnerabilities</label>
<input type="search" id="search" placeholder="Search: package, id, path …" autocomplete="off">
<label>Severity <select id="severity"><option value="">all</option>
{%- for severity in severities %}<option value="{{ severity }}">{{ severity }}</option>{% endfor %}</select></label>
<label><input type="checkbox" id="fixable"> with a fix</label>
<label><input type="checkbox" id="exploited"> known to be exploited</label>
<output id="shown" for="search severity fixable exploited" aria-live="polite"></output>
</div>
<div class="wrap" tabindex="0" role="region" aria-label="Vulnerabilities">
<table id="matches">
<caption class="unseen">Vulnerabilities that count, one row for each package that has one</caption>
<thead><tr>
{% for name in ("Severity", "Vulnerability", "Package", "Installed", "Fixed in", "Type", "EPSS", "Risk") %}
<th scope="col"{% if name in ("EPSS", "Risk") %} class="number"{% endif %}>{{ name }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for match in found %}
{{ row(match) }}
{% endfor %}
</tbody></table></div>
{% endif %}
{% if unknown %}
<h2>What is not known</h2>
<p class="lead">Of {{ plural(unknown | length, "package") }} nothing can be said. They are unknown, not clean.</p>
<ul class="plain">
{% for reason, packages in reasons %}
<li>{{ reason }} <details><summary>{{ plural(packages | length, "package") }}</summary>
{%- for package in packages[:max_names] %}{% if not loop.first %}, {% endif %}{{ package.name }} {{ package.version }}{% endfor %}
{%- if packages | length > max_names %} and {{ packages | length - max_names }} more{% endif %}</details></li>
{% endfor %}
</ul>
{% endif %}
{% if suppressed %}
<h2>What does not count</h2>
<div class="wrap" tabindex="0" role="region" aria-label="Suppressed vulnerabilities"><table>
<caption class="unseen">Vulnerabilities that do not count, with the reason</caption>
<thead><tr>
{%- for name in ("Severity", "Vulnerability", "Package", "Installed", "By", "Reason") %}<th scope="col">{{ name }}</th>{% endfor %}
</tr></thead><tbody>
{% for match in suppressed %}
{% set package, advisory, said = match.package, match.advisory, match.suppressed %}
<tr><td>{{ mark(advisory.severity, advisory.severity) }}</td><td>{{ named(advisory) }}</td><td class="name">{{ package.name }}</td>
{#- -#}
<td class="version mono">{{ package.version }}</td><td>{{ said.by }}{% if said.owner %}<br><span class="soft">{{ said.owner }}</span>
{%- endif %}</td><td>{{ said.reason }}{% if said.expires %} <span class="soft">until {{ said.expires }}</span>{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if problems_found %}
<h2>What could not be read</h2>
{{ problems(problems_found) }}
{% endif %}
<footer>Written by hullmark {{ version }}.</footer>
{% endblock %}
"""
