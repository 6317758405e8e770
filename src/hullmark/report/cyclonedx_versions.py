"""CycloneDX in the version that is asked for: what a version does not have is left out, or written as it has it.

The documents are made as 1.6 has them (https://cyclonedx.org/docs/); 1.7 changes nothing that they use.
"""

from __future__ import annotations

from typing import Any

from hullmark.model.errors import HullmarkError

Json = dict[str, Any]

USUAL = "1.6"
VERSIONS = ("1.4", "1.5", USUAL, "1.7")
"""The versions that can be written, the oldest first."""


def as_version(document: Json, version: str) -> Json:
    """A document of version 1.6, which may be changed, as one of another version ("": 1.6). Raises HullmarkError for one that is not
    written."""
    version = version or USUAL
    if version not in VERSIONS:
        raise HullmarkError(
            f"CycloneDX {version[:20]} is not written",
            advice=f"ask for one of {', '.join(VERSIONS)}, or leave out --spec-version",
        )
    document["$schema"] = f"http://cyclonedx.org/schema/bom-{version}.schema.json"
    document["specVersion"] = version
    if version in ("1.4", "1.5"):
        author = document["metadata"].pop("manufacturer", None)
        if author is not None:  # there, that word is for who made what the document is about
            mails = author.get("contact", [{}])[0]
            document["metadata"]["authors"] = [{"name": author["name"], **mails}]
        for component in document["components"]:
            _without_acknowledgement(component)
            if version == "1.4":
                _without_places(component)
    if version == "1.4":
        document["metadata"]["tools"] = [
            {"name": tool["name"], "version": tool["version"]} for tool in document["metadata"]["tools"]["components"]
        ]
    return document


def _without_places(component: Json) -> None:
    """Evidence tells licences, but no places yet."""
    evidence = component.get("evidence", {})
    evidence.pop("occurrences", None)
    if not evidence:
        component.pop("evidence", None)


def _without_acknowledgement(component: Json) -> None:
    for choice in component.get("licenses", ()):
        choice.pop("acknowledgement", None)
        if "license" in choice:
            choice["license"].pop("acknowledgement", None)
