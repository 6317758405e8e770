"""The gates of Anchore policies, one module each. To add a gate, add one line here."""

from __future__ import annotations

from hullmark.policy.anchore.gates import (
    always,
    ancestry,
    distro,
    dockerfile,
    elsewhere,
    feeds,
    files,
    licenses,
    malware,
    metadata,
    packages,
    passwd_file,
    retrieved_files,
    secret_scans,
    tag_drift,
    vulnerabilities,
)
from hullmark.policy.anchore.trigger import Trigger

TRIGGERS: tuple[Trigger, ...] = (
    *always.TRIGGERS,
    *ancestry.TRIGGERS,
    *distro.TRIGGERS,
    *dockerfile.TRIGGERS,
    *elsewhere.TRIGGERS,
    *feeds.TRIGGERS,
    *files.TRIGGERS,
    *licenses.TRIGGERS,
    *malware.TRIGGERS,
    *metadata.TRIGGERS,
    *packages.TRIGGERS,
    *passwd_file.TRIGGERS,
    *retrieved_files.TRIGGERS,
    *secret_scans.TRIGGERS,
    *tag_drift.TRIGGERS,
    *vulnerabilities.TRIGGERS,
)

_RETIRED_LICENCES = ("licfullmatch", "licsubmatch")
_RETIRED_SEVERITIES = ("vulnlow", "vulnmedium", "vulnhigh", "vulncritical", "vulnunknown")

RETIRED: dict[str, tuple[str, ...]] = {
    "suiddiff": ("suiddiff", "suidfileadd", "suidfiledel", "suidmodediff"),
    "imagecheck": ("baseoutofdate",),
    "pkgdiff": ("pkgversiondiff", "pkgadd", "pkgdel", "pkgdiff"),
    "anchoresec": (*_RETIRED_SEVERITIES, "feedoutofdate", "unsupporteddistro"),
    "pkgcheck": ("pkgnotpresent", "verify"),
    "dockerfilecheck": (
        *("directivecheck", "effectiveuser", "expose", "nofrom", "fromscratch", "notag", "sudo", "volumepresent"),
        *("nohealthcheck", "nodockerfile"),
    ),
    "filecheck": ("contentmatch", "filenamematch", "suidsgidcheck"),
    "fileparse_passwd": (
        *("filenotstored", "usernamematch", "useridmatch", "groupidmatch", "shellmatch", "pentrymatch"),
    ),
    "gemcheck": (
        *("gemnotlatest", "gemnotofficial", "gembadversion", "gempkgfullmatch", "gempkgnamematch", "gemnofeed"),
    ),
    "metadatacheck": ("attributecheck",),
    "licblacklist": _RETIRED_LICENCES,
    "npmcheck": (
        *("npmnotlatest", "npmnotofficial", "npmbadversion", "npmpkgfullmatch", "npmpkgnamematch", "npmnofeed"),
    ),
    "pkgblacklist": ("pkgfullmatch", "pkgnamematch"),
    "secretcheck": ("contentmatch",),
}
"""Gates that Anchore no longer has, with their triggers."""


def triggers_by_gate(*, with_enterprise: bool = True) -> dict[str, dict[str, Trigger]]:
    """The triggers by the names of gate and trigger. `with_enterprise=False` leaves out Enterprise's, which format "1_0" does not know."""
    found: dict[str, dict[str, Trigger]] = {}
    for trigger in TRIGGERS:
        if with_enterprise or not trigger.is_enterprise:
            found.setdefault(trigger.gate, {})[trigger.name] = trigger
    return found
