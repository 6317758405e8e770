"""Foreign programs in Python that tests ask, each in a virtual environment of its own under `var`, which is kept between runs.

`python -m tests.support.clients` makes all, as `make test` has it done before the tests: what cannot be had is told of, and the tests
that need it are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.places import REPOSITORY

ANCHORE_CLI = "anchorecli"
HELM = "helm"
ECOSYSTEMS = "ecosystems-tools"
_WANTED: dict[str, tuple[tuple[str, ...], ...]] = {
    # What the client asks for by itself is too old for this Python.
    ANCHORE_CLI: (
        ("--no-deps", "anchorecli==0.9.3"),
        (
            "click==8.1.8",
            "prettytable==2.2.0",
            "python-dateutil==2.9.0.post0",
            "pyyaml>=6",
            "requests>=2.31",
            "urllib3<3",
            "setuptools<81",
        ),
    ),
    # Helm's own engine as a library, and the schemas of Kubernetes.
    # Package managers, and writers and readers of files, for the image of many ecosystems.
    ECOSYSTEMS: (
        (
            "conan==2.34.0",
            "cyclonedx-bom",
            "distlib",
            "gguf",
            "numpy",
            "pefile",
            "pip",
            "portage==3.0.83",
            "py-rattler==0.28.0",
            "pythonnet",
            "safetensors",
        ),
    ),
    HELM: (("helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0"),),
}
"""What pip is asked for, one call after the other."""


def interpreter_with(name: str) -> Path | str:
    """An interpreter that has one of them, or why there is none."""
    folder = REPOSITORY / "var" / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}"
    python, done = folder / "bin" / "python", folder / "complete"
    if done.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    # pip of this environment installs: one of its own would take longer to make than most of what it installs.
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", folder], check=True, capture_output=True, timeout=120
        )
        for wanted in _WANTED[name]:
            subprocess.run([*pip, *wanted], check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = error.stderr.decode("utf-8", "replace") if isinstance(error, subprocess.CalledProcessError) else ""
        return f"{name} cannot be installed here: {error} {said[-300:]}"
    done.touch()
    return python


def main() -> None:
    """Make those that are missing, but for those of the image of many ecosystems, which are made with that."""
    for name in (ANCHORE_CLI, HELM):
        made = interpreter_with(name)
        if isinstance(made, str):
            sys.stderr.write(f"clients: {made}\n")


if __name__ == "__main__":
    main()
