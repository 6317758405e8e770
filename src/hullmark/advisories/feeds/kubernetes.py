"""Kubernetes' CVEs (https://kubernetes.io/docs/reference/issues-security/official-cve-feed) with ranges, as OSV records.

Upstream's feed has no ranges; https://github.com/aquasecurity/vuln-list-k8s adds them from the CVEs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.osv_affected import affected_of
from hullmark.advisories.feeds.formats.osv_documents import texts_in
from hullmark.advisories.feeds.formats.osv_record import advisory_of
from hullmark.advisories.feeds.formats.osv_schema import Package, Record, record_of_json
from hullmark.advisories.feeds.formats.reading import newest_first
from hullmark.model.advisory import Advisory

_MODULE = "k8s.io/kubernetes"
_PROGRAMS = {
    "k8s.io/apiserver": "kube-apiserver",
    "k8s.io/controller-manager": "kube-controller-manager",
    "k8s.io/kube-proxy": "kube-proxy",
    "k8s.io/kube-scheduler": "kube-scheduler",
    "k8s.io/kubectl": "kubectl",
    "k8s.io/kubelet": "kubelet",
    "k8s.io/kubernetes": "kubernetes",
}
"""Components and the programs they are built into."""

_FOLDER = "/upstream/"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a CVE. Components have the versions of Kubernetes, so they count as its Go module and as programs."""
    for document, seen in newest_first(documents):
        for place, data in texts_in(document, report):
            record = record_of_json(data, report, place) if _FOLDER in place else None
            if record is not None and record.id not in seen:
                seen.add(record.id)
                yield _advisory(record, report, place)


def _advisory(record: Record, report: Report, place: str) -> Advisory:
    entries = [entry for entry in record.affected or () if entry.package]
    components = [entry.package.name for entry in entries if entry.package]
    for entry, component in zip(entries, components, strict=True):
        entry.package = Package("Go", _MODULE if component.startswith("k8s.io/") else component)
    record.affected = entries
    programs = (
        replace(row, namespace="generic", name=_PROGRAMS[component], scheme="semver")
        for entry, component in zip(entries, components, strict=True)
        if component in _PROGRAMS
        for row in affected_of(record, entry, report, place)
    )
    advisory = advisory_of(record, FEED.name, report, place)
    return replace(advisory, affected=tuple(dict.fromkeys((*advisory.affected, *programs))))


FEED = Feed(
    name="kubernetes",
    title="Kubernetes CVEs",
    homepage="https://kubernetes.io/docs/reference/issues-security/official-cve-feed",
    licence="not stated by upstream",
    crawl=crawl_of(Get(url="https://github.com/aquasecurity/vuln-list-k8s/archive/refs/heads/main.tar.gz")),
    parse=parse,
)
