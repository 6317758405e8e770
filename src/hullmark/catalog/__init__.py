"""Facts at visible paths → packages: one module an ecosystem. A cataloger is added as one line to CATALOGERS."""

from __future__ import annotations

from hullmark.catalog import apk, dpkg, gem, golang, java, jvm, npm, python, rpm, rust
from hullmark.catalog.cataloger import Cataloger

CATALOGERS: tuple[Cataloger, ...] = (
    dpkg.CATALOGER,
    rpm.CATALOGER,
    apk.CATALOGER,
    python.CATALOGER,
    npm.CATALOGER,
    gem.CATALOGER,
    java.CATALOGER,
    jvm.CATALOGER,
    golang.CATALOGER,
    rust.CATALOGER,
)
