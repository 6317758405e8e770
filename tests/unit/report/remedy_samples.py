"""Remedies for the tests of formats: one that makes an image go, one that leaves something, one of an odd image, and none needed."""

from __future__ import annotations

import msgspec

from hullmark.model.problem import Problem
from hullmark.model.remedy import Change, FileChange, PlannedChange, Remainder, Remedy
from hullmark.model.upkeep import PackageUpdate
from hullmark.model.verdict import Verdict
from tests.unit.report.samples import GO, ODD, ODD_VERDICT, SMALL, STOP, WITH_FILES

_UPDATED = msgspec.structs.replace(WITH_FILES.packages[1], version="9:2.0")
_UPDATE = Change(
    kind="update",
    subject="shop",
    summary="update shop from 1.0 to 9:2.0, with 1 more that it needs",
    updates=(
        PackageUpdate(installed=WITH_FILES.packages[1], candidate=_UPDATED, index="http://deb.example/Packages"),
        PackageUpdate(
            installed=WITH_FILES.packages[0],
            candidate=msgspec.structs.replace(WITH_FILES.packages[0], version="3"),
            index="http://deb.example/Packages",
        ),
    ),
)
_BITS = Change(
    kind="file",
    subject="/usr/bin/su (setuid and setgid)",
    summary="take the setuid and setgid bits from /usr/bin/su",
    files=(FileChange("/usr/bin/su", 0o6000), FileChange("/root/.cache/x")),
    caution="who starts it keeps his own rights: some programs need more",
)
_REMOVAL = Change(
    kind="removal",
    subject="mount",
    summary="remove mount 2.41, with 1 more that needs it",
    removed=WITH_FILES.packages[:2],
    reason="nothing that the image starts can come to use it",
)
_BASE = Change(
    kind="base", subject="debian:13.2", summary="build on debian:13.2 instead of debian:13.1", base="debian:13.2"
)
_USER = Change(kind="setting", subject="USER", summary="run as the user 65532", setting=("USER", "65532"))


def _planned(change: Change, verdict: Verdict) -> PlannedChange:
    return PlannedChange(change, verdict.findings[:2])


REMEDIES = {
    "go": Remedy(
        source=WITH_FILES.source,
        goal="go",
        before=STOP,
        after=GO,
        changes=tuple(_planned(change, STOP) for change in (_BASE, _BITS, _REMOVAL, _UPDATE, _USER)),
        proof="cover",
        candidates=12,
        judged=31,
        dockerfile="FROM shop:1\nUSER 0\nRUN chmod ug-s /usr/bin/su && \\\n    dpkg --purge mount\nUSER 65532\n",
        assumed=("What packages left beside their own files stays.",),
    ),
    "left": Remedy(
        source=SMALL.source,
        goal="warn",
        before=STOP,
        after=STOP,
        changes=(PlannedChange(_USER, ()),),
        remains=(
            *(Remainder(finding.subject, "its newest version does not mend it", finding) for finding in STOP.findings),
            Remainder("", "the rule x cannot be judged: nobody looked"),
        ),
        proof="greedy",
        candidates=1,
        judged=2,
        dockerfile="FROM IMAGE\nUSER 65532\n",
        problems=(Problem("", -1, "remedy", "what shop 2 brings was not seen: it cannot be reached"),),
    ),
    "nothing": Remedy(source=SMALL.source, goal="go", before=GO, after=GO, judged=1),
    "odd": Remedy(
        source=ODD.source,
        goal="go",
        before=ODD_VERDICT,
        after=ODD_VERDICT,
        changes=(
            PlannedChange(
                msgspec.structs.replace(_REMOVAL, summary="remove \x1b[31m`|*\n", removed=ODD.packages[:2]),
                ODD_VERDICT.findings,
            ),
        ),
        remains=tuple(Remainder(finding.subject, "\x1b[1m|", finding) for finding in ODD_VERDICT.findings),
        dockerfile="FROM IMAGE\nRUN rm -rf '/a```b'\n",
    ),
}
