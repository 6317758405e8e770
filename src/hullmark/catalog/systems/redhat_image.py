"""The image itself as a package, where Red Hat's build systems made it or what it is built on: type `oci`.

They leave the image's labels in /root/buildinfo: newer ones as `labels.json` (also in /usr/share/buildinfo), older ones in the Dockerfile
`Dockerfile-NAME-VERSION-RELEASE`, LABEL lines last. The files of the images below stay there: the image is that of the topmost layer
which has such files of Red Hat's, and of several there the one that was built last. An image that somebody else builds on Red Hat's has
that as its package: what Red Hat publishes of it holds for the layers that it brings.

The package's name is the label `name`, a repository without its registry. Its version is the tag that Red Hat's advisories tell of a
build (`versions.rhctag`): VERSION-RELEASE by the Dockerfile's name or the labels; of newer builds the second in which the image was
made (label `org.opencontainers.image.created`). The purl has no version, for that would be the image's digest, but the tag:
`pkg:oci/ubi?arch=amd64&repository_url=registry.redhat.io/ubi9/ubi&tag=9.4-1214`
(https://redhatproductsecurity.github.io/security-data-guidelines/purl/).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.systems.dockerfile_labels import labels_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact, Read, Report

REGISTRY = "registry.redhat.io"

_MAX_BYTES = Limit(1 << 20, "bytes of a file with the labels of an image of Red Hat's build systems")
_MAX_VALUE = Limit(512, "characters of a label of an image of Red Hat's build systems", "shortened")
_CREATED = "org.opencontainers.image.created"
_KEPT = ("architecture", "build-date", "com.redhat.component", "cpe", "name", "release", "vendor", "version", _CREATED)
_NAME = late(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+){0,7}").fullmatch
_TAG = late(r"v?[0-9]+(?:[.-][A-Za-z0-9_.+~^-]*)?").fullmatch
_JSON, _DOCKERFILE = "labels.json", "Dockerfile-"
_FIRST_MOMENT = 1_000_000_000
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Labels(msgspec.Struct, frozen=True, array_like=True):
    """The labels that identify an image."""

    values: dict[str, str]


def extract(path: str, body: memoryview, report: Report) -> Labels | None:
    """The labels in a file of /root/buildinfo; None for the others there."""
    file = path.rpartition("/")[2]
    if file == _JSON:
        labels = _of_json(body, report)
    elif file.startswith(_DOCKERFILE):
        labels = labels_of(bytes(body).decode("utf-8", "replace"))
    else:
        return None
    if labels is None:
        return None
    values = {key: _unquote(labels[key].strip())[:_MAX_VALUE] for key in _KEPT if labels.get(key, "").strip()}
    return Labels({key: value for key, value in values.items() if value.isprintable()})


def _of_json(body: memoryview, report: Report) -> dict[str, str] | None:
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        report(f"the labels of the image cannot be read: {error}")
        return None
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _unquote(value: str) -> str:
    """Some builds wrote values that are in quotes themselves."""
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] == '"' else value


def assemble(view: View) -> Iterator[Package]:
    """One package, or none."""
    found = [file for file in view.facts(LABELS) if _is_red_hats(file.fact)]
    if not found:
        return
    top = max(file.layer for file in found)
    latest = sorted((file for file in found if file.layer == top), key=_age, reverse=True)
    named = next((file for file in latest if _NAME(file.fact.values.get("name", ""))), None)
    if named is None:
        view.problem(latest[0].path, "the labels of Red Hat's build do not say which image this is")
    else:
        yield _package(named)


def _is_red_hats(labels: Labels) -> bool:
    """Others build with Red Hat's systems too, and say so: Red Hat publishes nothing about their images."""
    vendor = labels.values.get("vendor", "")
    return not vendor or "red hat" in vendor.lower()


def _age(found: LocatedFact[Labels]) -> tuple[str, bool, str]:
    """When the image was built, as far as known; else newer build systems come after older ones."""
    values = found.fact.values
    return (values.get(_CREATED) or values.get("build-date", ""))[:19], found.path.endswith(_JSON), found.path


def _package(found: LocatedFact[Labels]) -> Package:
    values = found.fact.values
    name, tag, arch = _repository(values["name"]), _tag(found), values.get("architecture", "")
    notes = {"component": values.get("com.redhat.component", ""), "cpe": values.get("cpe", "")}
    return Package(
        type="oci",
        name=name,
        version=tag or UNKNOWN_VERSION,
        purl=make_purl(
            "oci",
            name.rpartition("/")[2],
            qualifiers={
                "arch": _ARCHITECTURES.get(arch, arch),
                "repository_url": f"{REGISTRY}/{name}",
                "tag": tag,
            },
        ),
        cataloger="redhat-image",
        arch=arch,
        locations=(Location("/" + found.path, found.layer),),
        notes={key: value for key, value in notes.items() if value},
    )


def _repository(name: str) -> str:
    """The label's repository, without the registry that some have."""
    host, _, rest = name.partition("/")
    return rest if rest and "." in host else name


def _tag(found: LocatedFact[Labels]) -> str:
    """The tag of the build, "" if unknown."""
    values = found.fact.values
    created = _seconds(values.get(_CREATED, ""))
    if created and found.path.endswith(_JSON):
        return created
    file = found.path.rpartition("/")[2]
    tags = ["-".join(file.rsplit("-", 2)[1:])] if file.startswith(_DOCKERFILE) and file.count("-") > 2 else []
    if "version" in values and "release" in values:
        tags.append(f"{values['version']}-{values['release']}")
    return next((tag for tag in tags if _TAG(tag)), "")


def _seconds(moment: str) -> str:
    """The seconds since 1970 of a time (RFC 3339), "" if it is not valid."""
    try:
        created = datetime.fromisoformat(moment)
        seconds = int(created.replace(tzinfo=created.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return ""
    return str(seconds) if seconds >= _FIRST_MOMENT else ""


LABELS: Read[Labels] = Read(
    name="redhat-image-labels",
    fact=Labels,
    extract=extract,
    globs=("root/buildinfo/*", "usr/share/buildinfo/labels.json"),
    limit=_MAX_BYTES,
)
CATALOGER = Cataloger(name="redhat-image", types=("oci",), reads=(LABELS,), assemble=assemble)
