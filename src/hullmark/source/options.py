"""How images are looked for, from what a person set and from this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hullmark.source import SourceOptions
from hullmark.source.clouds import CLOUDS, VARIABLE, LaterLogins, LoginFinder, clouds_of
from hullmark.source.platform import machine_platform, parse_platform


def source_options(
    environment: Mapping[str, str], *, platform: str | None = None, insecure: bool = False, ca_file: str | None = None
) -> SourceOptions:
    """The options for `environment`. Raises HullmarkError if `platform` is not of the form linux/arm64/v8, or clouds are not known."""
    return SourceOptions(
        platform=parse_platform(platform) if platform else None,
        machine=machine_platform(os.uname().machine),
        insecure=insecure,
        ca_file=ca_file,
        environment=environment,
        cloud_logins=_cloud_logins(environment, ca_file),
    )


def _cloud_logins(environment: Mapping[str, str], ca_file: str | None) -> LoginFinder | None:
    """Those of all clouds, unless the environment names some, or none."""
    clouds = clouds_of(environment.get(VARIABLE, ",".join(CLOUDS)))

    def finder() -> LoginFinder:
        from hullmark.net.http import HttpSettings
        from hullmark.net.trust import Trust
        from hullmark.source.cloud_logins import CloudLogins

        trust = Trust(ca_file=ca_file, environment=environment)
        return CloudLogins(clouds, HttpSettings(trust=trust, environment=environment))

    return LaterLogins(finder) if clouds else None
