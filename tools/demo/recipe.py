"""The demonstration's image: a small web shop on Debian, with faults that real images have."""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.demo.debian import BASE, SERVER, Dpkg, Unavailable, fetch
from tools.demo.languages import (
    NEWER_WHEELS,
    NPM_PACKAGES,
    WHEELS,
    fetch_npm,
    fetch_wheels,
    install_npm,
    install_wheel,
    uninstall,
)
from tools.demo.layers import Layer, Tree
from tools.demo.layout import write_layout

Say = Callable[[str], None]

SETTINGS: dict[str, Any] = {
    "Cmd": ["nginx", "-g", "daemon off;"],
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHOP_PORT=8080"],
    "ExposedPorts": {"80/tcp": {}, "8080/tcp": {}},
    "Labels": {"org.opencontainers.image.title": "shop"},
    "WorkingDir": "/opt/shop",
}

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
bm90IGEga2V5OiBtYWRlIGJ5IG1ha2UgZGVtbywgb3BlbnMgbm90aGluZw==
-----END OPENSSH PRIVATE KEY-----
"""
_OLDEST = 1735689600  # 2025-01-01, where no package tells a time


def image(folder: Path, say: Say) -> Path:
    """The image's OCI layout under `folder`; made if it is not there, or was made by another recipe."""
    layout, stamp = folder / "image", folder / "recipe"
    recipe = _recipe()
    if stamp.is_file() and stamp.read_text("utf-8") == recipe and (layout / "index.json").is_file():
        say("the image of the last time is still there")
        return layout
    for old in (stamp, layout):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    _Build(folder, say).run(layout)
    stamp.write_text(recipe, "utf-8")
    return layout


def _recipe() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


class _Build:
    """The layers so far, and what is visible above them."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder = folder
        self._say = say
        self._tree = Tree()
        self._dpkg = Dpkg()
        self._layers: list[Layer] = []

    def run(self, layout: Path) -> None:
        """Every layer in turn; a part that cannot be had here is left out, and that is said."""
        for what, part in (
            ("Debian packages", self._debian),
            ("Python wheels", self._python),
            ("npm packages", self._npm),
        ):
            try:
                part()
            except Unavailable as error:
                self._say(f"left out: {what} ({error})")
        self._own_files()
        self._cleanup()
        architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
        created = self._dpkg.newest or _OLDEST
        write_layout(layout, self._layers, SETTINGS, architecture=architecture, created=created)
        self._say(f"made an image of {len(self._layers)} layers in {layout}")

    def _done(self, layer: Layer) -> None:
        self._tree.apply(layer)
        self._layers.append(layer)

    def _debian(self) -> None:
        base, server = fetch(self._folder / "apt", BASE, SERVER)
        self._say(f"{len(base) + len(server)} Debian packages, from this machine's package indexes")
        layer = Layer("ADD the base system")
        self._dpkg.install(base, self._tree, layer)
        layer.write("etc/passwd", _text_of(layer, "usr/share/base-passwd/passwd.master"))
        layer.write("etc/group", _text_of(layer, "usr/share/base-passwd/group.master"))
        self._done(layer)
        layer = Layer(f"RUN apt-get install --yes --no-install-recommends {' '.join(SERVER)}")
        self._dpkg.install(server, self._tree, layer)
        self._done(layer)
        layer = Layer("RUN apt-get purge --yes curl")
        if self._dpkg.remove("curl", self._tree, layer):
            self._done(layer)

    def _python(self) -> None:
        old = fetch_wheels(self._folder / "wheels", WHEELS)
        new = fetch_wheels(self._folder / "newer-wheels", NEWER_WHEELS)
        self._say(f"{len(old)} old Python wheels, and a newer one instead of one of them")
        layer = Layer(f"RUN pip install {' '.join(WHEELS)}")
        for file in old:
            install_wheel(file, layer)
        self._done(layer)
        layer = Layer(f"RUN pip install --upgrade {' '.join(NEWER_WHEELS)}")
        uninstall("requests", self._tree, layer)
        for file in new:
            install_wheel(file, layer)
        self._done(layer)

    def _npm(self) -> None:
        files = fetch_npm(self._folder / "npm", NPM_PACKAGES)
        self._say(f"{len(files)} old npm packages")
        layer = Layer(f"RUN npm install {' '.join(NPM_PACKAGES)}")
        for file in files:
            install_npm(file, layer)
        self._done(layer)

    def _own_files(self) -> None:
        layer = Layer("COPY shop /")
        layer.write("opt/shop/deploy/id_ed25519", _KEY, 0o600)
        layer.write("opt/shop/start", "#!/bin/sh\nexec nginx -g 'daemon off;'\n", 0o755)
        layer.write("usr/bin/shop-agent", "#!/bin/sh\nwhile sleep 60; do date; done >>/var/log/agent\n", 0o755)
        layer.write("usr/local/bin/as-root", '#!/bin/sh\nexec "$@"\n', 0o4755)
        layer.write("usr/share/nginx/html/index.html", "<!doctype html><title>Shop</title><h1>Shop</h1>\n")
        for path, mode in (("etc/nginx/nginx.conf", 0o644), ("usr/bin/c_rehash", 0o755)):
            packaged = self._tree.items.get(path)
            if packaged is not None:
                layer.write(path, packaged.body + b"# changed by hand\n", mode)
        self._done(layer)

    def _cleanup(self) -> None:
        layer = Layer("RUN rm -rf /opt/shop/deploy /usr/share/doc/nginx*")
        layer.delete("opt/shop/deploy")
        for folder in {"/".join(item.path.split("/")[:4]) for item in self._tree.under("usr/share/doc")}:
            if folder.startswith("usr/share/doc/nginx"):
                layer.delete(folder)
        self._done(layer)


def _text_of(layer: Layer, path: str) -> bytes:
    item = layer.items.get(path)
    return item.body if item is not None else b"root:x:0:0:root:/root:/bin/sh\n"
