"""Which image the demonstration takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.demo import recipe
from tools.demo.recipe import Say

PUBLIC = "registry:docker.io/library/nginx:latest"
_PATIENCE_SECONDS = 3

# Finds the image and reads its manifest; in a process of its own, so that it can be given up at once.
_ASK = """\
import os, sys
from hullmark.source.options import source_options
from hullmark.source import open_image
open_image(sys.argv[1], source_options(os.environ))
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A reference for the command line, and whether the image was made here."""

    reference: str
    made_here: bool = False


def choose(wanted: str | None, folder: Path, say: Say) -> Choice:
    """The wanted image; else one from a public registry, if that answers soon; else one made on the spot."""
    if wanted:
        say(f"the image is the one you named: {wanted}")
        return Choice(wanted)
    if answers(PUBLIC):
        say("a public registry answers: its nginx is the image (make demo IMAGE=… takes another)")
        return Choice(PUBLIC)
    say("no public registry answered within 3 seconds, so an image is made here (make demo IMAGE=… takes another)")
    return make(folder, say)


def make(folder: Path, say: Say) -> Choice:
    """The image made on the spot."""
    return Choice(f"oci-dir:{recipe.image(folder, say)}", made_here=True)


def answers(reference: str) -> bool:
    """Whether a registry gives out this image's manifest before patience ends."""
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _ASK, reference],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
