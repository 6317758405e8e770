"""From an image to the settings of its programs."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.model.configuration import Configuration, ImageConfiguration
from hullmark.model.errors import HullmarkError
from hullmark.policy.values import NameGlob
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions


def configuration_of(
    reference: str, resources: ScanResources, options: SourceOptions, *, keys: Sequence[str] = (), defaults: bool = True
) -> ImageConfiguration:
    """The settings of an image's programs, and the problems met on the way.

    `keys`: only those that one of these globs fits. `defaults`: also those that nothing sets. Raises HullmarkError where the image
    cannot be read, or a glob is not valid.
    """
    wanted = [_glob(key) for key in keys]
    scanned = take(reference, ScanRequest(facets=(CONFIGURATION,)), resources, options)
    found: Configuration = scanned.facets[CONFIGURATION.name]
    chosen = (
        setting
        for setting in found.settings
        if (defaults or setting.path) and (not wanted or any(glob.matches(setting.key) for glob in wanted))
    )
    unset = (one for one in found.unset if defaults and (not wanted or any(glob.matches(one.key) for glob in wanted)))
    problems = (problem for problem in scanned.inventory.problems if problem.room in ("configuration", "kept"))
    return ImageConfiguration(
        source=scanned.inventory.source,
        configuration=replace(found, settings=tuple(chosen), unset=tuple(unset)),
        problems=tuple(problems),
    )


def _glob(key: str) -> NameGlob:
    try:
        return NameGlob(key)
    except ValueError as error:
        raise HullmarkError(f"--key: {error}", advice="write it as sshd.*") from error
