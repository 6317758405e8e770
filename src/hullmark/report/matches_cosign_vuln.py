"""The predicate of a vulnerability attestation, as `cosign attest --type vuln` takes it.

https://github.com/sigstore/cosign/blob/main/specs/COSIGN_VULN_ATTESTATION_SPEC.md; `result` is Hullmark's own document.
"""

from __future__ import annotations

from hullmark.model.match import Matches
from hullmark.model.purl import make_purl
from hullmark.report import matches_json
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import when


def render(matches: Matches, context: RenderContext) -> bytes:
    """The predicate as one line. Both moments are the one that the report is of."""
    moment = when(matches, context)
    snapshot = matches.snapshot
    return encode(
        {
            "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
            "scanner": {
                "uri": make_purl("pypi", "hullmark", context.tool_version),
                "version": context.tool_version,
                "db": {"uri": "", "version": snapshot.digest if snapshot else ""},
                "result": matches_json.document(matches, context),
            },
            "metadata": {"scanStartedOn": moment, "scanFinishedOn": moment},
        }
    )


FORMAT = Format(
    kind="matches",
    name="cosign-vuln",
    media_type="application/json",
    file_name="vulnerabilities.cosign.json",
    render=render,
    is_single=True,
)
