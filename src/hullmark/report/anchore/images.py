"""Images in Anchore's API: records, their short form by tag, and what an image was built from."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Literal

import msgspec

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import InventorySource
from hullmark.report.anchore.words import ANALYSIS, UNTAGGED, Json, Tag, epoch, image_id, stamp
from hullmark.report.documents import EPOCH, moment

METADATA_TYPES = ("manifest", "docker_history", "dockerfile")
"""What there is of an image besides its content."""

State = Literal["waiting", "analysing", "analysed", "failed"]


class ImageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of an image in an account.

    `parent_digest` is the digest of the index that it was added by ("": none). `dockerfile` is the text that was handed over with it
    ("": none). `layer_count` and `size` (bytes) count once it is analysed. `repository` is where an image without tags is from.
    """

    account: str
    digest: str
    config_digest: str
    state: State
    added_at: datetime
    updated_at: datetime
    analysed_at: datetime | None = None
    parent_digest: str = ""
    platform: str = ""
    distro: str = ""
    distro_version: str = ""
    size: int = 0
    layer_count: int = 0
    dockerfile: str = ""
    annotations: dict[str, str] = {}
    tags: tuple[Tag, ...] = ()
    registry: str = "localbuild"
    repository: str = "unnamed"
    is_being_deleted: bool = False


class ImageMetadata(msgspec.Struct, frozen=True):
    """What analysis found an image to be; all None before."""

    arch: str | None = None
    distro: str | None = None
    distro_version: str | None = None
    dockerfile_mode: str | None = None
    image_size: int | None = None
    layer_count: int | None = None


class ImageContent(msgspec.Struct, frozen=True):
    """The envelope of the metadata."""

    metadata: ImageMetadata


class ImageDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An image under one tag."""

    created_at: str | None
    digest: str
    dockerfile: str | None
    fulldigest: str
    fulltag: str
    image_digest: str = msgspec.field(name="imageDigest")
    image_id: str = msgspec.field(name="imageId")
    last_updated: str | None
    registry: str
    repo: str
    tag: str
    tag_detected_at: str | None
    user_id: str = msgspec.field(name="userId")


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image with all its tags."""

    analysis_status: str
    analyzed_at: str | None
    annotations: dict[str, str]
    created_at: str | None
    image_content: ImageContent
    image_detail: list[ImageDetail]
    image_digest: str = msgspec.field(name="imageDigest")
    image_status: str
    image_type: str
    last_updated: str | None
    parent_digest: str = msgspec.field(name="parentDigest")
    user_id: str = msgspec.field(name="userId")


class TagSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An image under one tag, in short; times in seconds since 1970."""

    analysis_status: str
    analyzed_at: int | None
    created_at: int | None
    fulltag: str
    image_digest: str = msgspec.field(name="imageDigest")
    image_id: str = msgspec.field(name="imageId")
    image_status: str
    parent_digest: str = msgspec.field(name="parentDigest")
    tag_detected_at: int | None


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """A text about an image, in base64."""

    image_digest: str = msgspec.field(name="imageDigest")
    metadata: str
    metadata_type: str


class HistoryStep(msgspec.Struct, frozen=True, rename="pascal"):
    """One build instruction as docker history lists it; `id` is the digest of the layer it brought."""

    comment: str
    created: str
    created_by: str
    id: str
    size: int
    tags: list[str]


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a request to delete an image. Clients treat any status but `deleting` as a failure, and print `detail`."""

    detail: str
    digest: str
    status: Literal["deleting", "delete_failed", "not_found"]


def image_record(info: ImageInfo) -> ImageRecord:
    """An image. It always has a detail, because readers use the first one unchecked."""
    return ImageRecord(
        analysis_status=ANALYSIS[info.state],
        analyzed_at=stamp(info.analysed_at),
        annotations=info.annotations,
        created_at=stamp(info.added_at),
        image_content=ImageContent(_metadata(info)),
        image_detail=[_detail(info, tag) for tag in _tags(info)],
        image_digest=info.digest,
        image_status=_status(info),
        image_type="docker",
        last_updated=stamp(info.updated_at),
        parent_digest=info.parent_digest or info.digest,
        user_id=info.account,
    )


def tag_summaries(info: ImageInfo) -> list[TagSummary]:
    """An image in short, once for each of its tags."""
    return [
        TagSummary(
            analysis_status=ANALYSIS[info.state],
            analyzed_at=epoch(info.analysed_at),
            created_at=epoch(info.added_at),
            fulltag=tag.full,
            image_digest=info.digest,
            image_id=image_id(info.config_digest),
            image_status=_status(info),
            parent_digest=info.parent_digest or info.digest,
            tag_detected_at=epoch(tag.seen_at),
        )
        for tag in info.tags
    ]


def deletion(digest: str) -> Deletion:
    """The image is deleted, or will be."""
    return Deletion(detail="", digest=digest, status="deleting")


def no_deletion(digest: str, reason: str, *, is_known: bool = True) -> Deletion:
    """The image stays, for a reason; or does not exist."""
    return Deletion(detail=reason, digest=digest, status="delete_failed" if is_known else "not_found")


def metadata(digest: str, kind: str, content: str | bytes) -> Metadata:
    """A manifest, a Dockerfile, or the bytes of `history`, for the image of a digest."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return Metadata(image_digest=digest, metadata=b64encode(raw).decode(), metadata_type=kind)


def history(config: ImageConfig, source: InventorySource) -> bytes:
    """The build instructions as docker history lists them, the last one first, as JSON."""
    layers = iter(source.layers)
    steps = []
    for entry in config.history:
        layer = None if entry.empty_layer else next(layers, None)
        steps.append(
            HistoryStep(
                comment=entry.comment,
                created=moment(entry.created) or EPOCH,
                created_by=entry.created_by,
                id=(layer.diff_id or layer.digest) if layer is not None else "<missing>",
                size=max(layer.size, 0) if layer is not None else 0,
                tags=[],
            )
        )
    return msgspec.json.encode(steps[::-1])


def tag_history(info: ImageInfo) -> list[Json]:
    """The tags of an image, as answers to queries list them."""
    return [
        {
            "fulltag": tag.full,
            "registry": tag.registry,
            "repo": tag.repository,
            "tag": tag.tag,
            "tag_detected_at": stamp(tag.seen_at),
        }
        for tag in _tags(info)
    ]


def _metadata(info: ImageInfo) -> ImageMetadata:
    if info.state != "analysed":
        return ImageMetadata()
    architecture = info.platform.split("/")[1] if "/" in info.platform else info.platform
    return ImageMetadata(
        arch=architecture or "unknown",
        distro=info.distro or "Unknown",
        distro_version=info.distro_version or "0",
        dockerfile_mode="Actual" if info.dockerfile.strip() else "Guessed",
        image_size=info.size,
        layer_count=info.layer_count,
    )


def _status(info: ImageInfo) -> str:
    return "deleting" if info.is_being_deleted else "active"


def _tags(info: ImageInfo) -> tuple[Tag, ...]:
    if info.tags:
        return info.tags
    at = info.added_at
    return (Tag(registry=info.registry, repository=info.repository, tag=UNTAGGED, created_at=at, seen_at=at),)


def _detail(info: ImageInfo, tag: Tag) -> ImageDetail:
    text = info.dockerfile.encode("utf-8", "surrogatepass")
    return ImageDetail(
        created_at=stamp(tag.created_at),
        digest=info.digest,
        dockerfile=b64encode(text).decode() if text else None,
        fulldigest=f"{tag.registry}/{tag.repository}@{info.digest}",
        fulltag=tag.full,
        image_digest=info.digest,
        image_id=image_id(info.config_digest),
        last_updated=stamp(tag.seen_at),
        registry=tag.registry,
        repo=tag.repository,
        tag=tag.tag,
        tag_detected_at=stamp(tag.seen_at),
        user_id=info.account,
    )
