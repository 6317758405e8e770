"""The secrets of an image as a table for people; no secret is in it."""

from __future__ import annotations

from hullmark.model.secret import ImageSecrets, Secret
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_HEAD = ("SEVERITY", "SECRET", "WHERE", "LAYER", "", "DOES NOT COUNT")


def render(result: ImageSecrets, context: RenderContext) -> bytes:
    """One row a secret that counts, or with `shows_suppressed` each; then how many there are."""
    paint = Paint(context.color)
    counting = [secret for secret in result.secrets if not secret.allowed]
    shown = result.secrets if context.shows_suppressed else counting
    lines: list[str] = []
    if shown:
        lines += [*columns(_HEAD, [_row(secret) for secret in shown], context.width, paint), ""]
    lines.append(fact("Image", result.source.reference, paint, context.width))
    allowed = len(result.secrets) - len(counting)
    more = f" ({allowed} do not count; --show-allowed lists them)" if allowed and not context.shows_suppressed else ""
    lines.append(fact("Secrets", f"{len(counting) or 'none'}{more}", paint, context.width))
    lines += problem_lines(result.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def _row(secret: Secret) -> tuple[str, ...]:
    where = f"{secret.path}:{secret.line}" if secret.place == "file" else f"{secret.place} {secret.name}"
    layer = str(secret.layer) if secret.layer >= 0 else ""
    return secret.severity, secret.title, safe(where), layer, "deleted later" if secret.is_ghost else "", secret.allowed


FORMAT = Format(
    kind="secrets", name="table", media_type="text/plain; charset=utf-8", file_name="secrets.txt", render=render
)
