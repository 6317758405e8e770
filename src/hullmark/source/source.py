"""What a source is: a scheme, the paths it recognises as its own, and how it opens an image."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image, Platform

if TYPE_CHECKING:  # the HTTP client's: images on disk need nothing of it
    from hullmark.net.guard import Guard
    from hullmark.source.clouds import LoginFinder

_USUAL_MACHINE = Platform("linux", "amd64")


class ImageNotFound(HullmarkError):
    """There is no such image here; it may be elsewhere."""


class RegistryUnwell(HullmarkError):
    """The registry has a fault, or wants fewer requests: the same request may work later."""


class SourceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How images are looked for. Nothing in `source` reads the process's environment: it is handed in here.

    `platform` is what was requested (None: nothing), `machine` what is taken where nothing was. `mirrors` maps a registry
    host to those asked before it, each `[http://]HOST[:PORT][/PREFIX]`. `auth_files` hold logins, `registry_files` are
    registries.conf(5), `certs_dirs` hold certificates by host; None stands for the usual places. `timeout` is in seconds
    of silence, `retries` counts repeated requests. `guard` says which addresses may be connected to (None: all); it is not
    asked about the daemons of this machine. `cloud_logins` finds logins for the registries of clouds where no file has one (None: nobody).
    """

    platform: Platform | None = None
    machine: Platform = _USUAL_MACHINE
    insecure: bool = False
    ca_file: str | None = None
    certs_dirs: tuple[str, ...] | None = None
    mirrors: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    auth_files: tuple[str, ...] | None = None
    registry_files: tuple[str, ...] | None = None
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    timeout: float = 30.0
    retries: int = 4
    guard: Guard | None = None
    cloud_logins: LoginFinder | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One way to get an image.

    `open(rest, reference, options)` gets what follows the scheme, and all that the user wrote. `recognises(path)` says whether a
    bare path is this source's; None: it has no paths.
    """

    scheme: str
    open: Callable[[str, str, SourceOptions], Image]
    recognises: Callable[[Path], bool] | None = None
