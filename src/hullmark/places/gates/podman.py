"""podman's two places for a gate: which images may be fetched (containers-policy.json(5)), and an OCI hook that sees every start.

podman has no authorisation plugin. Its hook gets the container's state (OCI runtime specification 1.1, "State") and reads the rest from
the bundle and from podman's own list of containers (containers/storage).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hullmark.isolation.fields import Fields
from hullmark.isolation.oci import isolation_of
from hullmark.model.admission import AdmissibleImage
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import HostPath
from hullmark.model.limit import Limit
from hullmark.places.gates.docker.judge import Start
from hullmark.places.gates.passing import passing_digests

_LARGEST_DOCUMENT = Limit(16 << 20, "bytes of a document that podman hands to its hook, or keeps", "refused")
_MOST_SCOPES = Limit(200_000, "images that a policy for podman lists", "refused")
_LISTS = ("containers.json", "volatile-containers.json")
_ID = re.compile(r"[0-9a-f]{64}").fullmatch
_PRIVILEGED = "io.podman.annotations.privileged"
_ANYTHING = [{"type": "insecureAcceptAnything"}]


def policy_of(images: Iterable[AdmissibleImage], key: str = "") -> dict[str, Any]:
    """A policy that lets podman fetch only images that pass, each by its digest; with a `key` (a path), only if that key signed them.
    An index is listed if all its judged images pass.

    What lies in podman's own storage is judged by the hook. Raises HullmarkError for too many images.
    """
    images = tuple(images)
    passing = passing_digests(images, None)
    wanted = [{"type": "sigstoreSigned", "keyPath": key}] if key else _ANYTHING
    scopes: dict[str, Any] = {}
    for image in images:
        repositories = {tag.rpartition(":")[0] for tag in image.tags}
        digests = [digest for digest in (image.digest, *image.indexes) if digest in passing]
        scopes |= {f"{repository}@{digest}": wanted for repository in repositories for digest in digests}
    if len(scopes) > _MOST_SCOPES:
        raise HullmarkError(f"more than {_MOST_SCOPES:,} images pass", advice="give the host an account of its own")
    storage = {"": _ANYTHING}
    docker = dict(sorted(scopes.items()))
    return {"default": [{"type": "reject"}], "transports": {"containers-storage": storage, "docker": docker}}


def hook_of(command: Iterable[str]) -> dict[str, Any]:
    """The document that has podman run a command before every start (oci-hooks(5))."""
    program, *rest = command
    return {
        "version": "1.0.0",
        "hook": {"path": program, "args": [program, *rest], "timeout": 30},
        "when": {"always": True},
        "stages": ["createRuntime"],
    }


def starting(state: bytes, runtime: str) -> Start:
    """What is about to start, of the state that a hook gets. Raises HullmarkError where that cannot be told."""
    told = Fields(_document(state, "the container's state"), "the container's state")
    number, folder = told.text("id"), Path(told.text("bundle"))
    if not _ID(number) or not folder.is_absolute():
        raise HullmarkError("the container's state has no id or no bundle", advice="is this a hook of podman?")
    bundle = _document(_read(folder / "config.json"), "the bundle")
    spec = Fields(bundle, "the bundle")
    privileged = spec.part("annotations").text(_PRIVILEGED).upper() == "TRUE"
    asked = {"linux": {"security_context": {"privileged": privileged}}}
    entry = _entry(folder.parent.parent, number)
    names = entry.texts("names")
    image = entry.text("image")
    return Start(
        container=names[0] if names else number[:12],
        image=_image_name(entry) or image,
        digest=f"sha256:{image}" if _ID(image) else "",
        isolation=isolation_of(bundle, asked, runtime, host_paths=_host_paths(spec, number)),
    )


def _entry(folder: Path, number: str) -> Fields:
    """What podman keeps of a container. Raises HullmarkError for one that it does not know."""
    for name in _LISTS:
        path = folder / name
        if path.is_file():
            entries = _decode(_read(path))
            if not isinstance(entries, list):
                raise HullmarkError(f"{path} is not a JSON list", advice="is this podman's storage?")
            for entry in entries:
                if isinstance(entry, Mapping) and entry.get("id") == number:
                    return Fields(entry, "the container")
    raise HullmarkError(f"podman has no container {number[:12]}", advice="is its storage where the bundle is?")


def _image_name(entry: Fields) -> str:
    """The name that the image was asked for by; podman keeps it in a document inside the document."""
    told = _decode(entry.text("metadata"))
    name = told.get("image-name") if isinstance(told, Mapping) else ""
    return name if isinstance(name, str) else ""


def _host_paths(spec: Fields, number: str) -> tuple[HostPath, ...]:
    """What is mounted from the host, without podman's own files of this container and its volumes."""
    found = []
    for mount in spec.parts("mounts"):
        source = mount.text("source")
        is_own = f"-containers/{number}/" in source or "/storage/volumes/" in source
        if mount.text("type") == "bind" and source.startswith("/") and not is_own:
            is_read_only = "ro" in mount.texts("options")
            found.append(HostPath(path=source, target=mount.text("destination"), read_only=is_read_only))
    return tuple(found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise HullmarkError(f"cannot read {path}: {error.strerror}", advice="is this a hook of podman?") from error


def _decode(body: bytes | str) -> object:
    """The document in a body; None for one that is too large or not JSON."""
    try:
        return json.loads(body) if len(body) <= _LARGEST_DOCUMENT else None
    except (ValueError, RecursionError):
        return None


def _document(body: bytes, what: str) -> dict[str, Any]:
    found = _decode(body)
    if not isinstance(found, dict):
        raise HullmarkError(f"{what} is not a JSON object", advice="is this a hook of podman?")
    return found
