"""What a run imports."""

from __future__ import annotations

import subprocess
import sys


def test_msgspec_is_imported_without_typing_extensions_which_can_be_had_later() -> None:
    code = (
        "import argparse, sys; from hullmark.cli.settings import settings_of;"
        "settings_of(argparse.Namespace(config=None, debug=False));"
        "first = ('msgspec' in sys.modules, 'typing_extensions' in sys.modules);"
        "import typing_extensions; print(first, typing_extensions.NotRequired is not None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(True, False) True", done.stderr
