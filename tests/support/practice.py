"""What a process that forks runs of the program does once before: it scans and judges something small, as most runs do.

What they compile and decode then, and keep for as long as they live - globs, expressions, the forms of policies, the digests of our own
source - is there for all that are forked. It is the same for each run, whatever it is asked: nothing that is kept depends on arguments,
variables or files other than our own.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]


def practise() -> None:
    """Have the program run here. It must be this process' first run, and is heard by nobody."""
    sys.path.insert(0, str(_REPOSITORY))
    from tests.support.small_images import archive_of, numbered

    blobs, descriptor = numbered(1, files=2, size=20)
    with tempfile.TemporaryDirectory(prefix="hullmark-practice-") as folder:
        archive = Path(folder, "image.tar")
        archive.write_bytes(archive_of(blobs, descriptor))
        os.environ.update(HOME=folder, TMPDIR=folder)
        for words in (
            ("scan", archive),
            ("scan", archive, "-o", "json", "--no-cache"),
            ("check", archive, "--policy", _REPOSITORY / "examples" / "policy.yaml"),
            ("secrets", archive),
            ("config", archive),
        ):
            _run([str(word) for word in words])
    # What a test's own code imports is looked for where that code is.
    sys.path.remove(str(_REPOSITORY))
    for name in [name for name in sys.modules if name == "tests" or name.startswith("tests.")]:
        del sys.modules[name]


def _run(words: list[str]) -> None:
    main = import_module("hullmark.cli.main")
    # A run that is forked does this for itself; done twice, all of it would be written to.
    kept_free, main._KEPT_FREE = main._KEPT_FREE, 0  # type: ignore[attr-defined]
    heard = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(io.StringIO()) as complaints:
        status = main.main(words)
    main._KEPT_FREE = kept_free  # type: ignore[attr-defined]
    assert status in (0, 1), (words, status, complaints.getvalue())
