"""Files that packages leave behind but that none of their records lists."""

from __future__ import annotations

from hullmark.policy.globs import PathGlob, PathGlobs

IS_MAINTAINER_SCRIPT = PathGlobs(
    PathGlob(f"/var/lib/dpkg/info/*.{kind}") for kind in ("config", "postinst", "postrm", "preinst", "prerm")
).match
"""Whether a path is that of a script which dpkg runs when it installs or removes a package."""
