"""The secrets of an image as a table for people; no secret is in it."""

from __future__ import annotations

from hullmark.model.secret import ImageSecrets, Secret
from hullmark.report.format import Format, RenderContext
from hullmark.report.terminal import Paint, columns, fact, problem_lines, safe

_HEAD = ("SEVERITY", "SECRET", "WHERE", "LAYER", "", "DOES NOT COUNT")


def render(result: ImageSecrets, context: RenderContext) -> bytes:
    """One row a secret that counts, or with `shows_suppressed` each; then how many there are."""
    paint = Paint(context.color)
    counting = [each for each in result.secrets if not each.allowed]
    shown = result.secrets if context.shows_suppressed else counting
    lines: list[str] = []
    if shown:
        lines += [*columns(_HEAD, [_row(each) for each in shown], context.width, paint), ""]
    lines.append(fact("Image", result.source.reference, paint))
    allowed = len(result.secrets) - len(counting)
    more = f" ({allowed} do not count; --show-allowed lists them)" if allowed and not context.shows_suppressed else ""
    lines.append(fact("Secrets", f"{len(counting) or 'none'}{more}", paint))
    lines += problem_lines(result.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def _row(each: Secret) -> tuple[str, ...]:
    where = f"{each.path}:{each.line}" if each.place == "file" else f"{each.place} {each.name}"
    layer = str(each.layer) if each.layer >= 0 else ""
    return each.severity, each.title, safe(where), layer, "deleted later" if each.is_ghost else "", each.allowed


FORMAT = Format(
    kind="secrets", name="table", media_type="text/plain; charset=utf-8", file_name="secrets.txt", render=render
)
