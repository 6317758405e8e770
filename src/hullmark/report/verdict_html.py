"""Verdicts as one HTML file that needs nothing else: no foreign asset, no script, printable.

All text from images and policies is escaped, and the page's own policy allows this style alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.limit import Limit
from hullmark.model.verdict import Evidence, Finding, Verdict
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.html_parts import facts, page, place, text
from hullmark.report.matches_html_page import STYLE
from hullmark.report.matches_words import sentence
from hullmark.report.verdict_words import counting, excuse, line_of, numbers, set_aside, trigger
from hullmark.report.verdict_words import facts as facts_of

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
_MAX_PLACES = Limit(20, "places of a finding shown in HTML", "shortened")
_HEAD = ("Action", "Finding", "Subject", "Rule")
_HEAD_ASIDE = ("Finding", "Subject", "Rule", "Why it does not count")


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The page of one image."""
    return render_all([verdict], context)


def render_all(verdicts: Sequence[Verdict], context: RenderContext) -> bytes:
    """The page of all images, one section for each."""
    one = len(verdicts) == 1
    name = (
        f"Verdict on {text(verdicts[0].inputs.image or 'an image')}" if one else f"Verdicts on {len(verdicts)} images"
    )
    body = [f"<h1>{name}</h1>"]
    for verdict in verdicts:
        body += _section(verdict)
    when = moment(context.timestamp)
    written = f" at {text(when)}" if when else ""
    body.append(f"<footer>Written by hullmark {text(context.tool_version)}{written}.</footer>")
    return page(name, VERDICT_STYLE, body)


def _section(verdict: Verdict) -> Iterator[str]:
    word = verdict.verdict.value
    yield "<section>"
    yield f"<h2>{_mark(word)}{text(verdict.inputs.image or 'an image')}</h2>"
    yield f'<p class="lead">{text(sentence(verdict.reason.removesuffix(".")))}.</p>'
    yield from facts((name, text(value)) for name, value in facts_of(verdict)[1:])
    yield from _tiles(verdict)
    yield from _found(counting(verdict))
    yield from _aside(set_aside(verdict))
    yield from _problems(verdict)
    yield "</section>"


def _mark(word: str) -> str:
    return f'<span class="mark {word}">{word}</span>'


def _tiles(verdict: Verdict) -> Iterator[str]:
    words = {"stop": "to stop for", "warn": "to warn of", "go": "noted"}
    yield '<ul class="tiles">'
    for name, number in numbers(verdict).items():
        kind = f" {name}" if number and name in ("stop", "warn") else ""
        yield f'<li class="tile{kind}"><b>{number}</b><span>{words.get(name, name)}</span></li>'
    yield "</ul>"


def _found(found: Sequence[Finding]) -> Iterator[str]:
    yield "<h3>What counts</h3>"
    if not found:
        yield '<p class="clean">No finding counts.</p>'
        return
    yield from _table("Findings that count", _HEAD, (_row(finding) for finding in found))


def _row(finding: Finding) -> str:
    advice = f"<p>{text(finding.recommendation)}</p>" if finding.recommendation else ""
    return (
        f'<td>{_mark(finding.action.value)}</td><td class="what">{text(finding.message)}{advice}'
        f"{_places(finding.evidence)}</td>{_about(finding)}"
    )


def _about(finding: Finding) -> str:
    rule = f'{text(finding.rule_id)}<br><span class="soft">{text(trigger(finding))}</span>'
    return f'<td class="about">{text(finding.subject)}</td><td class="about">{rule}</td>'


def _places(evidence: Sequence[Evidence]) -> str:
    if not evidence:
        return ""
    shown = [f"<li>{_place(item)}</li>" for item in evidence[:_MAX_PLACES]]
    shown += [f"<li>and in {len(evidence) - _MAX_PLACES} more places</li>"] if len(evidence) > _MAX_PLACES else []
    return f'<ul class="plain">{"".join(shown)}</ul>'


def _place(evidence: Evidence) -> str:
    line = line_of(evidence)
    parts = (
        place(evidence.path, evidence.layer) if evidence.path else "",
        f"Dockerfile, line {line}" if line else text(evidence.detail),
        f"<code>{text(evidence.created_by)}</code>" if evidence.created_by else "",
    )
    return " ".join(filter(None, parts))


def _aside(found: Sequence[Finding]) -> Iterator[str]:
    if not found:
        return
    yield "<h3>What does not count</h3>"
    rows = (
        f'<td class="what">{text(finding.message)}</td>{_about(finding)}<td>{text(excuse(finding))}</td>'
        for finding in found
    )
    yield from _table("Findings that do not count, with the reason", _HEAD_ASIDE, rows)


def _table(caption: str, head: Sequence[str], rows: Iterator[str]) -> Iterator[str]:
    yield f'<div class="wrap" tabindex="0" role="region" aria-label="{caption}"><table>'
    yield f'<caption class="unseen">{caption}</caption>'
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    yield from (f"<tr>{cells}</tr>" for cells in rows)
    yield "</tbody></table></div>"


def _problems(verdict: Verdict) -> Iterator[str]:
    if not verdict.problems:
        return
    yield "<h3>What could not be read or judged</h3>"
    yield '<ul class="plain">'
    for problem in verdict.problems:
        yield f"<li>{place(problem.path or 'image', problem.layer)}: {text(problem.reason)}</li>"
    yield "</ul>"


FORMAT = Format(
    kind="verdict",
    name="html",
    media_type="text/html; charset=utf-8",
    file_name="verdict.html",
    render=render,
    render_all=render_all,
)
