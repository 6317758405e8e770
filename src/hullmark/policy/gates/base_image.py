"""Gate `base_image`: the image that this one was built on, identified by its labels (OCI image specification, annotations.md) or by its
layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from hullmark.model.image import ImageConfig
from hullmark.model.verdict import Evidence
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.values import NameGlob

NAME, DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
_SHOWN = 5


class LabelledBase(Params, frozen=True, kw_only=True):
    """Fires if the image's labels name a base image or digest that is forbidden or not allowed, or name no base image although one is
    required.
    """

    allowed: Annotated[
        tuple[NameGlob, ...],
        Meta(description="The only base images that are allowed, such as docker.io/library/debian:*; none: any."),
    ] = ()
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Base images that must not be used.")] = ()
    digests: Annotated[
        tuple[str, ...], Meta(description="The only digests of base images that are allowed; none: any.")
    ] = ()
    required: Annotated[
        bool, Meta(description="Whether the labels must name a base image even if no other parameter requires it.")
    ] = True


class Lineage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A base image, identified by its layers, lowest first."""

    name: Annotated[str, Meta(description="The name of the base image in messages.")]
    diff_ids: Annotated[
        tuple[str, ...], Meta(description="Digests of its uncompressed layers (rootfs.diff_ids), lowest first.")
    ]

    def __post_init__(self) -> None:
        if not self.diff_ids:
            raise ValueError("expected at least one layer")


class Layers(Params, frozen=True, kw_only=True):
    """Fires if the image's lowest layers are not all the layers of one of the allowed base images. Labels can be wrong; layers cannot."""

    allowed: Annotated[tuple[Lineage, ...], Meta(description="The only base images that are allowed.")]

    def __post_init__(self) -> None:
        if not self.allowed:
            raise ValueError("expected at least one base image")


def label(params: LabelledBase, facts: Facts) -> Iterator[Answer]:
    """Check the labels."""
    config = facts.inventory.config or ImageConfig()
    name, digest = config.labels.get(NAME, "").strip(), config.labels.get(DIGEST, "").strip()
    evidence = (Evidence(detail=f"{name or '(no name)'} {digest or '(no digest)'}"[:300]),)
    if not name and (params.required or params.allowed):
        yield Violation("base", f"The image does not say what it is built on (label {NAME}).", evidence)
    elif name and any(glob.matches(name) for glob in params.forbidden):
        yield Violation("base", f"The image is built on {name[:200]}, which is forbidden.", evidence)
    elif name and params.allowed and not any(glob.matches(name) for glob in params.allowed):
        allowed = ", ".join(glob.text for glob in params.allowed[:_SHOWN])
        yield Violation("base", f"The image is built on {name[:200]}, and must be built on {allowed}.", evidence)
    if params.digests and digest not in params.digests:
        shown = f"on the digest {digest[:100]}" if digest else f"on a base image without a digest (label {DIGEST})"
        yield Violation("base-digest", f"The image is built {shown}, which is not among the allowed ones.", evidence)


def layers(params: Layers, facts: Facts) -> Iterator[Answer]:
    """Check the lowest layers."""
    if facts.layers_are_untold:
        yield CannotTell("what was read of the image does not tell its layers")
        return
    own = tuple(layer.diff_id for layer in facts.inventory.source.layers)
    longest = max(len(base.diff_ids) for base in params.allowed)
    if any(own[: len(base.diff_ids)] == base.diff_ids for base in params.allowed):
        return
    if "" in own[:longest]:
        yield CannotTell("the digest of an uncompressed layer is not known")
        return
    names = ", ".join(base.name for base in params.allowed[:_SHOWN])
    message = f"The image's lowest layers are not those of {names}."
    yield Violation("base", message, (facts.at("", 0, own[0]),) if own else ())


def _rebase(params: Layers, subject: str) -> str:
    return f"build FROM {' or '.join(base.name for base in params.allowed[:_SHOWN])}"


def _relabel(params: LabelledBase, subject: str) -> str:
    return f"build from an allowed base image and set the labels {NAME} and {DIGEST}"


TRIGGERS = (
    Trigger(
        gate="base_image",
        name="label",
        params=LabelledBase,
        check=label,
        needs=frozenset((Need.CONFIG,)),
        advice=_relabel,
    ),
    Trigger(gate="base_image", name="layers", params=Layers, check=layers, advice=_rebase),
)
