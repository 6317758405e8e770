"""The services' images, made with buildah from the corpus's small Debian: no daemon, only Debian's packages."""

from __future__ import annotations

import json
import resource
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.services.service import Service

_POLICY = "#!/bin/sh\nexit 0\n"


class ImageStore:
    """A folder with the images that were made, OCI layouts by name, and with buildah's own store."""

    def __init__(self, folder: Path, base: Path) -> None:
        self.folder = folder.resolve()
        self._base = base.resolve()
        self._work = self.folder / ".work"

    def layout(self, service: Service) -> Path:
        """The OCI layout of a service's image, made now if it is not there or was made of something else."""
        place = self.folder / service.name
        recipe = json.dumps(
            [service.packages, service.files, service.setup, service.sources, service.programs, _start(service)]
        )
        stamp = place / "recipe"
        if not stamp.exists() or stamp.read_text("utf-8") != recipe:
            shutil.rmtree(place, ignore_errors=True)
            self._make(service, place)
            stamp.write_text(recipe, "utf-8")
        return place

    def _make(self, service: Service, place: Path) -> None:
        self._prepare_apt()
        with tempfile.TemporaryDirectory() as scratch, self._container() as container:
            if service.packages:
                names = shlex.join(service.packages)
                self._run_in(container, f"apt-get -q update && apt-get install -qy --no-install-recommends {names}")
            added = Path(scratch) / "added"
            for path, text in service.files.items():
                target = added / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8")
            for path, command in service.programs.items():
                _build(service, command, added / path.lstrip("/"), Path(scratch))
            if added.exists():
                # Links of the image are its own matter: buildah follows them inside it.
                self._run_in(container, "rm -f " + shlex.join((*service.files, *service.programs)))
                self._buildah("copy", container, str(added), "/")
            self._run_in(container, service.setup)
            self._buildah("config", *_start(service), container)
            self._buildah("commit", "--quiet", "--format", "oci", container, f"oci:{place}:latest")

    @contextmanager
    def _container(self) -> Iterator[str]:
        container = self._buildah("from", *_limits(), f"oci:{self._base}:latest")
        try:
            yield container
        finally:
            self._buildah("rm", container)

    def _prepare_apt(self) -> None:
        """The machine's own settings of apt, without what names its disk."""
        apt = self._work / "apt"
        if apt.exists():
            return
        shutil.copytree("/etc/apt", apt, symlinks=True)
        shutil.rmtree(apt / "preferences.d", ignore_errors=True)
        (apt / "preferences.d").mkdir()
        for file in (apt / "preferences", apt / "sources.list", *(apt / "sources.list.d").glob("*")):
            if file.is_file() and (file.name == "preferences" or "file:" in file.read_text("utf-8", "replace")):
                file.unlink()
        (self._work / "debs" / "partial").mkdir(parents=True)
        (self._work / "lists").mkdir()
        (self._work / "policy-rc.d").write_text(_POLICY, "utf-8")
        (self._work / "policy-rc.d").chmod(0o755)

    def _run_in(self, container: str, script: str) -> None:
        mounts = {"apt": "/etc/apt", "lists": "/var/lib/apt/lists", "debs": "/var/cache/apt/archives"}
        volumes = [part for name, place in mounts.items() for part in ("-v", f"{self._work / name}:{place}")]
        options = (
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--user",
            "0:0",
            "-e",
            "DEBIAN_FRONTEND=noninteractive",
        )
        self._buildah("run", *options, *volumes, container, "--", "sh", "-euc", script)

    def _buildah(self, *words: str) -> str:
        store = ("--root", str(self._work / "store"), "--runroot", str(self._work / "run"))
        return checked(("buildah", *store, *words)).strip()


def _limits() -> Iterator[str]:
    """This process's own limits: buildah asks for higher ones, which a sandbox may refuse."""
    for name, limit in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(limit)[1]
        hard = 1 << 20 if hard == resource.RLIM_INFINITY else hard
        yield from ("--ulimit", f"{name}={hard}:{hard}")


def _start(service: Service) -> tuple[str, ...]:
    """What buildah is told of how the service starts."""
    env = [part for each in service.env for part in ("--env", each)]
    fixed = ("--entrypoint", "[]", "--cmd", json.dumps(service.command), "--workingdir", service.folder)
    return (*fixed, *env, "--user", service.user, "--port", str(service.port))


def _build(service: Service, command: Sequence[str], target: Path, scratch: Path) -> None:
    for name, text in service.sources.items():
        (scratch / name).write_text(text, "utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    checked([word.format(out=target) for word in command], folder=scratch)


def checked(command: Sequence[str], folder: Path | None = None) -> str:
    """What a command prints. Ends the program with its last words where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:300]}: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout
