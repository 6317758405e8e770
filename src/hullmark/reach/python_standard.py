"""What modules of Python's standard library import only on other systems, or where somebody sits at it (CPython 3.8 to 3.14)."""

from __future__ import annotations

INTERACTIVE = (
    "pydoc", "readline", "rlcompleter", "_pyrepl.readline", "_pyrepl.unix_console", "_pyrepl.main",
)  # fmt: skip
"""What an interpreter imports that takes commands from somebody: `site` registers it, and calls nothing of it else."""

_HELD_BACK = {"_sitebuiltins": ("pydoc",), "site": ("readline", "rlcompleter", "_pyrepl")}
"""Modules of the standard library, and what they import for somebody who types commands, or calls help()."""

_TESTS = ("doctest", "test", "_testcapi")
"""What modules of the standard library import in functions `test` and `_test`."""

_OF_OTHERS = frozenset((
    "_aix_support", "_apple_support", "_ios_support", "_osx_support", "nturl2path", "asyncio/windows_events", "asyncio/windows_utils",
    "_pyrepl/windows_console", "_pyrepl/windows_eventqueue", "ctypes/wintypes", "ctypes/_aix", "multiprocessing/popen_spawn_win32",
    "encodings/mbcs", "encodings/oem",
))  # fmt: skip
"""Modules that the standard library imports after it asked which system this is, none of them on Linux."""

_OF_DARWIN = "ctypes/macholib/"


def is_for_people(module: str, written: str) -> bool:
    """Whether a module of the standard library, by its path below its folder, imports something only for somebody who types commands, or
    to test itself."""
    name = written.partition(":")[0]
    if name.partition(".")[0] in _TESTS and not module.startswith(("test/", "doctest.py")):
        return True
    return any(name == held or name.startswith(f"{held}.") for held in _HELD_BACK.get(module.removesuffix(".py"), ()))


def is_for_others(module: str) -> bool:
    """Whether a module, by its path below the folder of the standard library, is one that others of these import on other systems alone."""
    return module.removesuffix(".py") in _OF_OTHERS or module.startswith(_OF_DARWIN)
