"""Native tools as oracles: one module for each, added as one line to ORACLES."""

from __future__ import annotations

from bench.native import apk, deb, gem, golang, java, jvm, npm, python, rpm, rust
from bench.native.answer import Oracle

ORACLES: tuple[Oracle, ...] = (
    deb.ORACLE,
    rpm.ORACLE,
    apk.ORACLE,
    python.ORACLE,
    npm.ORACLE,
    gem.ORACLE,
    java.ORACLE,
    jvm.ORACLE,
    golang.ORACLE,
    rust.ORACLE,
)
