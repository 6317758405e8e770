"""Products by their CPE names."""

from __future__ import annotations

import re

_RED_HAT = re.compile(r"cpe:(?:/|2\.3:)[aoh]:redhat:(?P<product>[^:]+)(?::(?P<version>[^:]*))?").match


def red_hat_product(cpe: str) -> str:
    """A product of Red Hat's with its version, as `openshift:4.16`; without one `openshift`, "" for others.

    Reads CPE 2.2 and 2.3 names. What comes after the version (update, edition as `el9`) does not count.
    """
    found = _RED_HAT(cpe)
    if found is None:
        return ""
    version = found["version"] or ""
    return found["product"] if version in ("", "*", "-") else f"{found['product']}:{version}"
