"""Under which id an advisory is shown."""

from __future__ import annotations

from hullmark.model.advisory import Advisory


def cve_of(advisory: Advisory) -> str:
    """The first CVE among its id and aliases, "" if there is none."""
    if advisory.id.startswith("CVE-"):
        return advisory.id
    for alias in advisory.aliases:
        if alias.startswith("CVE-"):
            return alias
    return ""


def shown_id(advisory: Advisory) -> str:
    """Its own id, or the CVE or GHSA id where that is only this with something before it: a file's path, a distribution's name."""
    id = advisory.id.removesuffix(".yaml")
    for alias in advisory.aliases:
        if alias.startswith(("CVE-", "GHSA-")) and id.endswith((f"-{alias}", f"/{alias}")):
            return alias
    return advisory.id
