"""Which streams of Red Hat's extended support an image gets its packages from, by the ids of its repositories.

An id says what Red Hat's `repository-to-cpe.json` says of it: `rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_2` is of
`rhel_eus:9.2::appstream`. Advisories are compared by product and version alone, as Red Hat advises: what is not fixed is told
without a channel, so that `baseos` and `appstream` decide nothing.
"""

from __future__ import annotations

import re

from hullmark.model.inventory import Distro

STREAMS = ("aus", "e4s", "els", "eus", "tus")
"""Advanced, SAP solutions (E4S), extended life-cycle, extended and telecommunications update support."""

_SYSTEMS = frozenset(("rhel", "redhat"))
_HOLDER = re.compile(r"(?:rhui-)?(?:codeready-builder-for-)?rhel-(\d+)(?:\.(\d+))?-").match
_PIN = re.compile(r"(\d+)_DOT_(\d+)(?:__|$)").match
_OLDEST = 8


def streams_of(distro: Distro | None) -> frozenset[str]:
    """The streams that a Red Hat Enterprise Linux shows to be in use. No repositories, no streams.

    What is fixed for a longer support begins as what is fixed for the extended one, and its repositories hold both. Extended support
    counts from release 8 on, extended life-cycle support in every release.
    """
    if distro is None or distro.id not in _SYSTEMS:
        return frozenset()
    found = {stream for repository in distro.repositories if (stream := _stream(repository, distro.version_id))}
    return frozenset(found | {"eus"} if found - {"els"} else found)


def _stream(repository: str, release: str) -> str:
    """The stream of one repository, "" if it has none or is one of another release."""
    name, _, pin = repository.partition("__")
    holder = _HOLDER(name)
    if holder is None:
        return ""
    stream = next((part for part in name[holder.end() :].split("-") if part in STREAMS), "")
    pinned = _PIN(pin)
    major, minor = pinned.groups() if pinned else holder.groups()
    here, _, rest = release.partition(".")
    if major != here or (minor is not None and minor != rest.partition(".")[0]):
        return ""
    return stream if stream == "els" or (here.isdecimal() and int(here) >= _OLDEST) else ""
