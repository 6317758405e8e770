"""How images are looked for, from what a person set and from this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hullmark.source import SourceOptions
from hullmark.source.platform import machine_platform, parse_platform


def source_options(
    environment: Mapping[str, str], *, platform: str | None = None, insecure: bool = False, ca_file: str | None = None
) -> SourceOptions:
    """The options for `environment`. Raises HullmarkError if `platform` is not of the form linux/arm64/v8."""
    return SourceOptions(
        platform=parse_platform(platform) if platform else None,
        machine=machine_platform(os.uname().machine),
        insecure=insecure,
        ca_file=ca_file,
        environment=environment,
    )
