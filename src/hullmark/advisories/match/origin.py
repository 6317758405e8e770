"""Whose a system's package is: the distribution's own, or of somebody else whom the distribution's advisories do not mean.

Rpm's header names the vendor. A record of dpkg names nobody; but sections outside those of the archive (Debian Policy 2.4), and marks
that well-known repositories put into their versions, are never the distribution's. Where the record tells nothing, a package counts
as the distribution's own.
"""

from __future__ import annotations

import re

from hullmark.advisories.match.distros import Plan
from hullmark.model.package import Package

# `base` is of old releases, `translations` of Ubuntu.
_SECTIONS = frozenset(
    ("admin", "base", "cli-mono", "comm", "database", "debian-installer", "debug", "devel", "doc", "editors", "education",
     "electronics", "embedded", "fonts", "games", "gnome", "gnu-r", "gnustep", "golang", "graphics", "hamradio", "haskell",
     "httpd", "interpreters", "introspection", "java", "javascript", "kde", "kernel", "libdevel", "libs", "lisp",
     "localization", "mail", "math", "metapackages", "misc", "net", "news", "ocaml", "oldlibs", "otherosfs", "perl", "php",
     "python", "ruby", "rust", "science", "shells", "sound", "tasks", "tex", "text", "translations", "utils", "vcs", "video",
     "web", "x11", "xfce", "zope")
)  # fmt: skip
_MARKS = re.compile(r"nodesource\d|deb\.sury\.org|[.~]pgdg\d|ppa[\d~]").search


def other_vendor(package: Package, plan: Plan) -> str:
    """The vendor of an rpm that is not the distribution's own; "" for others, and where either's vendor is not known."""
    vendor = package.notes.get("vendor", "") if package.type == "rpm" else ""
    return "" if not plan.vendors or vendor.lower().startswith(plan.vendors) else vendor


def is_foreign(package: Package, plan: Plan) -> bool:
    """Whether a system's package is somebody else's. False also where its record does not tell."""
    if package.type != "deb":
        return bool(other_vendor(package, plan))
    section = package.notes.get("section", "").rpartition("/")[2].lower()
    return (bool(section) and section not in _SECTIONS) or _MARKS(package.version) is not None
