"""Policies and their test cases on disk: one file, or a folder whose files are read as one policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.anchore.read import is_anchore
from hullmark.policy.cases import Cases, read_cases
from hullmark.policy.document import read_document
from hullmark.policy.languages import AnyPolicy
from hullmark.policy.load import load_any
from hullmark.policy.native import read_native, read_together
from hullmark.policy.rules import Policy
from hullmark.scanning.documents import read_bounded

MAX_BYTES = Limit(2 << 20, "bytes of a policy file", "refused")
MAX_FILES = Limit(200, "files in a folder of policies", "refused")
_SUFFIXES = (".yaml", ".yml", ".json")
_TESTS = ".test"


def policy_files(path: Path) -> tuple[Path, ...]:
    """The documents that are the policy at a path, by name. Test cases (`*.test.yaml`) are none. Raises HullmarkError."""
    if not path.is_dir():
        return (path,)
    try:
        files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith("."))
    except OSError as error:
        raise HullmarkError(f"cannot read the folder {path}: {error.strerror}", advice="check its rights") from error
    found = tuple(file for file in files if not file.stem.endswith(_TESTS))
    if not 0 < len(found) <= MAX_FILES:
        raise HullmarkError(
            f"the folder {path} holds {len(found)} policies",
            advice=f"it may hold 1 to {MAX_FILES} .yaml, .yml and .json files",
        )
    return found


def load_native(path: Path) -> Policy:
    """The native policy in a file, or in all files of a folder. Raises HullmarkError, naming every fault in it."""
    return _native([(file.name, read_bounded(file, MAX_BYTES)) for file in policy_files(path)])


def read_any(documents: Sequence[tuple[str, bytes]]) -> AnyPolicy:
    """The policy in documents, each with its file's name: one of any kind, or several native ones that are read as one.

    Raises HullmarkError, naming every fault in a native one.
    """
    return load_any(documents[0][1]) if len(documents) == 1 else _native(documents)


def _native(documents: Sequence[tuple[str, bytes]]) -> Policy:
    roots = [(name, read_document(text)) for name, text in documents]
    for name, root in roots:
        if is_anchore(root.value):
            raise HullmarkError(
                f"{name} is an Anchore policy bundle, not a native policy",
                advice="hullmark policy convert makes a native policy of it",
            )
    return read_native(roots[0][1]) if len(roots) == 1 else read_together(roots)


def case_files(path: Path) -> tuple[Path, ...]:
    """The files with test cases of the policy at a path: NAME.test.yaml beside NAME.yaml, or all of a folder."""
    if path.is_dir():
        return tuple(sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.stem.endswith(_TESTS)))
    beside = (path.with_name(f"{path.stem}{_TESTS}{suffix}") for suffix in _SUFFIXES)
    return tuple(file for file in beside if file.exists())


def load_cases(file: Path) -> Cases:
    """The test cases in a file. Raises HullmarkError, naming every fault in them."""
    return read_cases(read_document(read_bounded(file, MAX_BYTES)), file.name)
