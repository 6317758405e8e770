"""Red Hat: security advisories (RHSA) as CSAF documents (https://security.access.redhat.com/data/csaf/v2/advisories/).

The VEX documents of `redhat` name the same fixes by CVE and more besides; these tell them by advisory, with its own severity and dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from hullmark.advisories.feeds.feed import Document, Feed, RecordFault, Report, reason_of
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.wording import line_of
from hullmark.advisories.feeds.redhat import advisories_in, crawl, release_of, texts
from hullmark.model.advisory import SEVERITIES, Advisory

_FOLDER = "https://security.access.redhat.com/data/csaf/v2/advisories/"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory for each document: archives first, then single documents, as they were fetched."""
    for place, data in texts(documents, report):
        try:
            document = csaf.read(data)
        except ValueError as error:
            report(place, reason_of(error, csaf.names_of(data)))
            continue
        if document.document.tracking.id:
            yield _advisory(document, report, place)
        else:
            report(place, RecordFault("it has no id", csaf.names_of(data)))


def _advisory(document: csaf.Csaf, report: Report, place: str) -> Advisory:
    head = document.document
    vulnerabilities = list(advisories_in(document, FEED.name, release_of, report, place, has_images=True))
    return Advisory(
        id=head.tracking.id,
        source=FEED.name,
        aliases=tuple(dict.fromkeys(vulnerability.id for vulnerability in vulnerabilities)),
        severity=max(
            (vulnerability.severity for vulnerability in vulnerabilities), key=SEVERITIES.index, default="unknown"
        ),
        cvss=tuple(dict.fromkeys(rating for vulnerability in vulnerabilities for rating in vulnerability.cvss)),
        cwes=tuple(dict.fromkeys(cwe for vulnerability in vulnerabilities for cwe in vulnerability.cwes)),
        summary=line_of(head.title),
        published=instant(head.tracking.initial_release_date),
        modified=instant(head.tracking.current_release_date),
        references=tuple(dict.fromkeys(url for vulnerability in vulnerabilities for url in vulnerability.references)),
        affected=tuple(dict.fromkeys(row for vulnerability in vulnerabilities for row in vulnerability.affected)),
    )


FEED = Feed(
    name="redhat-advisories",
    title="Red Hat security advisories (CSAF)",
    homepage="https://access.redhat.com/security/data",
    licence="CC-BY-4.0",
    crawl=partial(crawl, folder=_FOLDER, archive="csaf_advisories"),
    parse=parse,
    is_default=False,
)
