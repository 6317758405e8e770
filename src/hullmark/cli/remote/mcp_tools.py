"""What assistants can ask a server: one method a question. Their docstrings are what assistants read of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from hullmark.cli.remote.waiting import digest_of
from hullmark.model.limit import Limit
from hullmark.model.relation import WrittenRelation, read_back
from hullmark.net.api_client import ApiClient, Query, segment

_MOST_DOCUMENT = Limit(256 << 20, "bytes of an image's inventory that an assistant's question reads", "refused")
_MOST_PLACES = Limit(3, "places of evidence of one finding listed for an assistant", "shortened")
_MOST_TEXT = Limit(600, "characters of one text given to an assistant", "shortened")
_MOST_NEEDED = Limit(50, "packages listed for an assistant that need one", "shortened")

Image = Annotated[
    str, Field(description="A reference, as registry.example.com/team/shop:1.4, or a digest, as sha256:…")
]
Many = Annotated[int, Field(ge=1, le=100, description="The most items to answer.")]
Cursor = Annotated[str, Field(max_length=2000, description="`next` of the page before; empty: the first page.")]

_IMAGE = (
    "digest",
    "tags",
    "reference",
    "state",
    "reason",
    "distro",
    "platform",
    "size",
    "package_count",
    "layer_count",
)
_PLACE = (
    *("platform", "cluster", "namespace", "workload", "container", "environment", "image", "reference", "digest"),
    *("containers", "since", "until", "grade", "grade_reason", "verdict"),
)
_FINDING = ("action", "rule_id", "gate", "trigger", "subject", "message", "recommendation", "allowlisted")
_VERDICT = ("policy", "policy_version", "environment", "verdict", "reason", "stops", "warns", "cause", "at", "shadow")


class _Inventory(msgspec.Struct, frozen=True):
    """What is read of an inventory: which package needs which."""

    relationships: list[WrittenRelation] | None = None


class Tools:
    """The questions, to one server."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def all(self) -> tuple[Callable[..., object], ...]:
        """Every question."""
        return (
            *(self.search_images, self.image_verdict, self.image_vulnerabilities, self.images_with_vulnerability),
            *(self.where_image_runs, self.what_runs, self.verdict_changes, self.explain_package),
            *(self.list_policies, self.policy_rules),
        )

    def search_images(
        self,
        repository: str = "",
        tag: str = "",
        verdict: Literal["", "go", "warn", "stop", "unknown"] = "",
        limit: Many = 25,
        cursor: Cursor = "",
    ) -> dict[str, Any]:
        """Find images of the account, the newest first: by repository (as team/shop), tag, or verdict of any policy in force."""
        query: Query = {"repository": repository, "tag": tag, "verdict": verdict, "limit": limit, "cursor": cursor}
        answer = self._api.get("/images", query)
        return _page(answer, [_some(image, (*_IMAGE, "vulnerabilities", "added_at")) for image in answer["items"]])

    def image_verdict(
        self,
        image: Image,
        policy: str = "",
        environment: str = "",
        limit: Many = 50,
    ) -> dict[str, Any]:
        """May this image be deployed? The verdicts in force, and of the worst one (or of the policy that is named) the findings, stops
        first, with evidence and what to do. `allowlisted` findings do not count: somebody accepted them, or they are in shadow."""
        path = self._path(image)
        held = self._api.get(f"{path}/verdicts")
        document = self._api.get(f"{path}/check", {"policy": policy, "environment": environment})
        findings = document["findings"]
        return {
            "image": path.rpartition("/")[2],
            "verdicts": [_some(verdict, _VERDICT) for verdict in held],
            "shown": {"verdict": document["verdict"], "reason": document["reason"], "inputs": document["inputs"]},
            "findings": [_finding(finding) for finding in findings[:limit]],
            "findings_left_out": max(len(findings) - limit, 0),
            "problems": len(document["problems"]),
        }

    def image_vulnerabilities(  # noqa: PLR0913 - one parameter a filter
        self,
        image: Image,
        severity: Annotated[str, Field(description="One or several with commas, as critical,high; empty: all")] = "",
        package: str = "",
        only_fixable: bool = False,
        only_exploited: bool = False,
        limit: Many = 30,
        cursor: Cursor = "",
    ) -> dict[str, Any]:
        """The known vulnerabilities of an image's packages that count, the most urgent first, with installed and fixed version, EPSS and
        whether they are known to be exploited; with the counts of all, and how many packages nothing can be said of."""
        query: Query = {
            "severity": severity,
            "package": package,
            "fix": "fixed" if only_fixable else "",
            "kev": only_exploited or None,
            "counting": "yes",
            "limit": limit,
            "cursor": cursor,
        }
        answer = self._api.get(f"{self._path(image)}/vulnerabilities", query)
        shown = {name: answer.get(name) for name in ("image", "snapshot", "counts", "uncovered")}
        return {**shown, **_page(answer, [_match(match) for match in answer["items"]])}

    def images_with_vulnerability(self, vulnerability: str, limit: Many = 50, cursor: Cursor = "") -> dict[str, Any]:
        """The images in which a vulnerability counts, by any id of it: CVE-…, GHSA-…, DSA-…"""
        query: Query = {"limit": limit, "cursor": cursor}
        answer = self._api.get(f"/vulnerabilities/{segment(vulnerability)}/images", query)
        return _page(answer, answer["items"])

    def where_image_runs(self, image: Image, limit: Many = 50, cursor: Cursor = "") -> dict[str, Any]:
        """Who runs this image: clusters, namespaces, workloads and hosts, since when, and how well it is isolated there."""
        answer = self._api.get(f"{self._path(image)}/places", {"limit": limit, "cursor": cursor})
        return _page(answer, [_some(place, _PLACE) for place in answer["items"]])

    def what_runs(
        self,
        cluster: str = "",
        namespace: str = "",
        environment: str = "",
        verdict: Literal["", "go", "warn", "stop", "unknown", "none"] = "",
        limit: Many = 50,
        cursor: Cursor = "",
    ) -> dict[str, Any]:
        """What runs now, by cluster, namespace and environment, with the worst verdict in force on each image; verdict=stop: what runs
        and should not."""
        query: Query = {
            "cluster": cluster,
            "namespace": namespace,
            "environment": environment,
            "verdict": verdict,
            "limit": limit,
            "cursor": cursor,
        }
        answer = self._api.get("/places", query)
        return _page(answer, [_some(place, _PLACE) for place in answer["items"]])

    def verdict_changes(self, image: Image, policy: str = "", limit: Many = 10, cursor: Cursor = "") -> dict[str, Any]:
        """What changed the verdicts on an image, the newest first: each change with its one cause, the findings that came and went, and
        who was told."""
        query: Query = {"policy": policy, "limit": limit, "cursor": cursor}
        answer = self._api.get(f"{self._path(image)}/changes", query)
        return _page(answer, answer["items"])

    def explain_package(self, image: Image, package: Annotated[str, Field(min_length=1)]) -> dict[str, Any]:
        """Why a package is in an image, by its exact name: versions, where it was found and in which layer, its licences, which packages
        need it, and its known vulnerabilities."""
        path = self._path(image)
        found = self._api.get(f"{path}/packages", {"name": package, "limit": 50})
        matches = self._api.get(f"{path}/vulnerabilities", {"package": package, "counting": "all", "limit": 50})
        return {
            **_page(found, found["items"]),
            "needed_by": self._needed_by(path, {package["purl"] for package in found["items"]}),
            "vulnerabilities": [_match(match) for match in matches["items"]],
        }

    def list_policies(self) -> dict[str, Any]:
        """The policies of the account, and where each is in force: environment, images, and whether only in shadow."""
        return {"policies": self._api.get("/policies"), "activations": self._api.get("/activations")}

    def policy_rules(self, name: str) -> dict[str, Any]:
        """The text of a policy's newest version: its rules, their parameters and what they ask for."""
        policy: dict[str, Any] = self._api.get(f"/policies/{segment(name)}")
        return policy

    def _path(self, image: str) -> str:
        return f"/images/{segment(digest_of(self._api, image))}"

    def _needed_by(self, path: str, purls: set[str]) -> list[str]:
        """The packages that need one of these, as the inventory tells it; nothing where it does not."""
        document = self._api.raw(f"{path}/inventory", {"format": "json"}, _MOST_DOCUMENT).body
        relations = read_back(msgspec.json.decode(document, type=_Inventory).relationships) or ()
        needing = {relation.dependent for relation in relations if relation.dependency in purls}
        return sorted(needing)[:_MOST_NEEDED]


def _page(answer: Mapping[str, Any], items: list[Any]) -> dict[str, Any]:
    return {"items": items, "next": answer.get("next") or ""}


def _some(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """These fields of a value, those that say something."""
    return {name: value[name] for name in names if value.get(name) not in (None, "", [], {})}


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    places = [_some(place, ("path", "layer", "created_by", "detail")) for place in finding["evidence"]]
    told = {name: _short(value) for name, value in _some(finding, _FINDING).items()}
    return {
        **told,
        "evidence": [{name: _short(value) for name, value in place.items()} for place in places[:_MOST_PLACES]],
    }


def _match(match: Mapping[str, Any]) -> dict[str, Any]:
    """A match in a few words; a server's answer has all of it."""
    advisory, package, fix = match["advisory"], match["package"], match["fix"]
    return {
        "vulnerability": advisory["id"],
        "cve": advisory.get("cve", ""),
        "severity": advisory["severity"],
        "package": package["name"],
        "installed": package["version"],
        "type": package["type"],
        "fixed": fix.get("version") or fix["state"],
        "epss": (advisory.get("epss") or {}).get("score"),
        "known_exploited": advisory.get("kev") is not None,
        "risk": match["risk"],
        "summary": _short(advisory.get("summary", "")),
        "suppressed": match.get("suppressed"),
        "why": _short(match["why"]),
    }


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > _MOST_TEXT:
        return value[: _MOST_TEXT - 1] + "…"
    return value
