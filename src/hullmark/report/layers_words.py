"""The layers of an image as rows: what the table and the Markdown of layers have in common."""

from __future__ import annotations

from hullmark.model.image_layers import ImageLayers
from hullmark.report.difference_words import instruction, short_digest

HEAD = ("LAYER", "DIGEST", "STORED", "UNPACKED", "ADDED", "CHANGED", "HIDDEN", "WASTED", "INSTRUCTION")


def rows(layers: ImageLayers) -> list[tuple[str, ...]]:
    """A row for each layer, bottom first; bytes stored, unpacked and wasted, files added, changed and hidden."""
    return [
        (
            str(number),
            short_digest(layer),
            f"{layer.size:,}" if layer.size >= 0 else "",
            f"{files.unpacked:,}",
            *(f"{len(paths):,}" for paths in (files.added, files.changed, files.hidden)),
            f"{files.wasted:,}",
            instruction(layer),
        )
        for number, (layer, files) in enumerate(zip(layers.source.layers, layers.layers, strict=False))
    ]


def summary(layers: ImageLayers) -> list[tuple[str, str]]:
    """Names and values: which image, and the sums."""
    sizes = [layer.size for layer in layers.source.layers]
    stored = f"{sum(sizes):,} bytes" if all(size >= 0 for size in sizes) else ""
    return [
        ("Image", layers.source.reference),
        ("Digest", layers.source.digest),
        ("Layers", str(len(layers.layers))),
        ("Stored", stored),
        ("Unpacked", f"{sum(layer.unpacked for layer in layers.layers):,} bytes"),
        ("Wasted", f"{layers.wasted:,} bytes in {sum(len(layer.ghosts) for layer in layers.layers):,} hidden files"),
    ]
