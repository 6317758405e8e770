"""Sources: from what a person writes to an image with its settings and its layers, still unread.

To add one, write a module with a constant `SOURCE = Source(…)` and put its name into a line below.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image
from hullmark.model.plugin import plugins
from hullmark.model.reference import parse_reference
from hullmark.source import docker_archive, registry
from hullmark.source.files import LocalFile, read_bounded
from hullmark.source.places import exists, split_place
from hullmark.source.source import ImageNotFound, Source, SourceOptions

_MODULES = ("oci_dir", "skopeo_dir", "oci_archive", "docker_archive", "daemon", "registry")

SOURCES: tuple[Source, ...] = tuple(plugins(__name__, _MODULES, "SOURCE"))
"""Every source. For bare paths, the first one that recognises it is taken: archives of today's Docker are OCI's too."""

IMAGE = "image"
"""The scheme of a bare image reference: first the engines on this machine, then its registry."""

_BY_SCHEME = {source.scheme: source for source in SOURCES}
_ELSEWHERE = ("dir", "sbom")
_ADVICE = {
    "containerd": "export the image (ctr image export FILE IMAGE) and scan oci-archive:FILE",
    "singularity": "scan the image that it was built from",
    "file": "scan the folder it is in as dir:PATH",
}
_HEAD = 512
_FILES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".json", ".xml", ".spdx")
_TEXT = (b"{", b"<", b"SPDXVersion:", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def classify(reference: str) -> tuple[str, str]:
    """The scheme of what a person wrote, and what follows it.

    A scheme that was written is believed. A bare path gets the scheme of what is there: one of SOURCES, `dir` for other folders,
    `sbom` for text files. Anything else is an `image` reference. Raises HullmarkError for a text that is none of these.
    """
    scheme, colon, rest = reference.partition(":")
    if colon and (scheme in _BY_SCHEME or scheme in _ELSEWHERE):
        return scheme, rest
    if colon and scheme in _ADVICE and not exists(reference):
        raise HullmarkError(f"{scheme}: is not supported", advice=_ADVICE[scheme])
    place, wanted = split_place(reference)
    if exists(place) and (found := _detect_scheme(Path(place), bare=not wanted)):
        return found, reference
    if reference.startswith(("/", "./", "../", "~")):
        raise HullmarkError(f"there is no file or folder {reference}", advice="check the path")
    parse_reference(reference)
    if place.lower().endswith(_FILES) and not exists(place):
        raise HullmarkError(
            f"there is no file {place}", advice=f"check the path; an image of this name is registry:{reference}"
        )
    return IMAGE, reference


def _detect_scheme(path: Path, *, bare: bool) -> str:
    """The scheme of what is at a path. With a tag after the path, only sources of images count."""
    for source in SOURCES:
        if source.recognises is not None and source.recognises(path):
            return source.scheme
    if not bare:
        return ""
    if path.is_dir():
        return "dir"
    return _detect_scheme_of_file(path)


def _detect_scheme_of_file(path: Path) -> str:
    head = (read_bounded(LocalFile(str(path)).stream(0, _HEAD), _HEAD) or b"").lstrip()
    if head.startswith(_TEXT):
        return "sbom"
    if path.name.startswith(("Dockerfile", "Containerfile")):
        raise HullmarkError(
            f"{path} is what an image is built by, not an image",
            advice="build it and name the image; check takes the file besides: --dockerfile FILE",
        )
    # A compressed, damaged or foreign archive: opening it says which.
    return docker_archive.SOURCE.scheme


def open_image(reference: str, options: SourceOptions) -> Image:
    """The image that a person named. Its manifest and config are verified; its layers verify themselves when read.

    Raises HullmarkError if there is no such image or it is not available, BrokenImage if it contradicts itself.
    """
    scheme, rest = classify(reference)
    if scheme == IMAGE:
        return _from_anywhere(rest, options)
    if scheme == "sbom":
        raise HullmarkError(
            f"{rest} is an SBOM, and this needs the image itself", advice="name the image that it is of"
        )
    if scheme not in _BY_SCHEME:
        raise HullmarkError(f"{scheme}: is not a source of images", advice="name an image, an archive or an OCI folder")
    return _BY_SCHEME[scheme].open(rest, reference, options)


def _from_anywhere(reference: str, options: SourceOptions) -> Image:
    from hullmark.net.errors import NetError
    from hullmark.source.engine import docker_engine, open_from, podman_engine

    for engine_of in (docker_engine, podman_engine):
        try:
            engine = engine_of(options.environment)
            if engine.is_there:
                return open_from(engine, reference, reference, options)
        except (ImageNotFound, NetError):
            continue
    try:
        return registry.SOURCE.open(reference, reference, options)
    except BrokenImage:
        raise
    except HullmarkError as error:
        # Whoever built the image here does not look for it in a registry.
        _say_what_was_not_asked(error, options)
        raise


def _say_what_was_not_asked(error: HullmarkError, options: SourceOptions) -> None:
    from hullmark.source.engine import missing

    with suppress(HullmarkError):
        if unasked := missing(options.environment):
            error.advice = f"{error.advice}; {unasked}" if error.advice else unasked


__all__ = ["IMAGE", "SOURCES", "ImageNotFound", "Source", "SourceOptions", "classify", "open_image"]
