"""registry: an image in a registry. What talks to registries is loaded when one is asked."""

from __future__ import annotations

from hullmark.model.image import Image
from hullmark.source.source import Source, SourceOptions


def open_reference(rest: str, reference: str, options: SourceOptions) -> Image:
    """The image that a reference names. Raises HullmarkError, as hullmark.source.distribution says."""
    from hullmark.source import distribution

    return distribution.open_reference(rest, reference, options)


SOURCE = Source(scheme="registry", open=open_reference)
