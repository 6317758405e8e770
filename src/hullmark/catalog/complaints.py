"""What is wrong with the records of one file: the first faults one by one, the number of the others."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.rootfs.reads import Remark, Report, kind_of


def tell(complaints: Sequence[str], most: int, report: Report) -> None:
    """Report so many of the complaints, and how many more there are: a note where all of those are notes."""
    for complaint in complaints[:most]:
        report(complaint)
    if more := complaints[most:]:
        reason = f"{len(more):,} more faults of this file are not listed"
        report(Remark(reason) if all(kind_of(complaint) == "note" for complaint in more) else reason)
