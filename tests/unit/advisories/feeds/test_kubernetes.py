"""Kubernetes' CVEs: components as the Go module and as programs."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.kubernetes import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, tar_document

PATH = ("github.com", "aquasecurity", "vuln-list-k8s", "archive", "refs", "heads", "main.tar.gz")
URL = "https://" + "/".join(PATH)
PLACE = "vuln-list-k8s-main/upstream/CVE-2017-1002101.json"


def component(name: str) -> dict[str, object]:
    return {
        "package": {"ecosystem": "kubernetes", "name": name},
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"}],
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.3.0"}, {"fixed": "1.7.14"}]}],
    }


RECORD = {
    "id": "CVE-2017-1002101",
    "affected": [
        component("k8s.io/kubelet"),
        component("k8s.io/apiserver"),
        component("sigs.k8s.io/azurefile-csi-driver"),
    ],
}
GOOD = tar_document(URL, {PLACE: json.dumps(RECORD), "vuln-list-k8s-main/last_updated.json": "{}"})


def test_components_are_the_module_of_kubernetes_and_programs() -> None:
    found = advisories(FEED, GOOD)["CVE-2017-1002101"]
    assert rows(found) == [
        ("golang", "k8s.io/kubernetes", "affected", "fixed", ("1.7.14",)),
        ("golang", "sigs.k8s.io/azurefile-csi-driver", "affected", "fixed", ("1.7.14",)),
        ("generic", "kubelet", "affected", "fixed", ("1.7.14",)),
        ("generic", "kube-apiserver", "affected", "fixed", ("1.7.14",)),
    ]
    assert found.severity == "high"


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(FEED, tar_document(URL, {"x/upstream/CVE-1.json": "[]", PLACE: json.dumps(RECORD)}))
    assert len(records) == 1
    assert [place for place, _ in problems] == ["x/upstream/CVE-1.json"]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_record_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert all(each.affected and each.severity != "unknown" for each in found.values())
