"""Node: where `require` and `import` find modules (nodejs.org: Modules, Packages)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from hullmark.model.limit import Limit
from hullmark.reach.code import OTHER_PLACES, OWN_PLACE, CodeFacts
from hullmark.reach.scene import Scene, StartedProgram

_ENDINGS = ("", ".js", ".json", ".node", ".mjs", ".cjs")
_GLOBAL = (
    "/usr/share/nodejs", "/usr/lib/nodejs", "/usr/lib/x86_64-linux-gnu/nodejs", "/usr/lib/aarch64-linux-gnu/nodejs",
    "/usr/local/lib/node_modules",
    "/usr/lib/node_modules", "/usr/share/node_modules")  # fmt: skip
_BUILTINS = frozenset((
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel", "dns",
    "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "process", "punycode",
    "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm",
    "wasi", "worker_threads", "zlib",
))  # fmt: skip
_CODE = (".js", ".cjs", ".mjs", ".node")
_NO_DATA = (".md", ".ts", ".map", ".markdown", ".flow", ".yml", ".c", ".cc", ".h", *_CODE)
_MAX_OWN = Limit(500_000, "files of one package of npm, or modules that a program of Node may load")
_MAX_TARGETS = Limit(1_000, "files that a package of npm exports under one name")
_FILES = re.compile(r"(?:.*[/:._-])?(?:fs|vfs|filesystem|files?)(?:[/._-].*|extra)?", re.IGNORECASE).fullmatch
"""Names of modules by which files are read: Node's own, and those that stand before it."""

_VALUED = frozenset(
    (
        "-r",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "-C",
        "--conditions",
    )
)


class _Manifest(msgspec.Struct):
    main: Any = None
    module: Any = None
    exports: Any = None
    imports: Any = None
    name: Any = None


class NodeModules:
    """The modules of an image as Node finds them."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._manifests: dict[str, _Manifest] = {}
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._packages: set[str] = set()
        self._held: dict[str, list[tuple[str, str]]] = {}
        self._is_any_read = False

    def started(self, program: StartedProgram) -> str:
        """Node is started; returns the script that it runs, "" for none."""
        words, origin, at = program.words, program.cause, 1
        folder = self._scene.folder
        while at < len(words) and (word := words[at]) is not None and word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            given = value if equals else (words[at + 1] if at + 1 < len(words) else None)
            if name in ("-r", "--require", "--import") and given:
                self._reach(given, f"{folder.rstrip('/')}/.", origin, f"is loaded by {name}")
            elif name in ("-e", "--eval", "-p", "-pe", "--print"):
                self._blur(origin, self._scene.given_text(origin, "Node", given))
                return ""
            at += 2 if name in _VALUED and not equals else 1
        script = words[at] if at < len(words) else None
        if script is None or script == "-":
            self._scene.blur_programs(origin, "Node without a script runs whatever it is told")
            self._blur(origin, "Node without a script runs whatever it is told")
            return ""
        place = script if script.startswith("/") else posixpath.join(folder, script)
        for file in self._file_or_folder(place):
            return self._scene.walk.reach(file, "is run by Node", origin)
        self._scene.absent(origin, f"there is no script {place[:200]}")
        return ""

    def may_run_anything(self, real: str) -> None:
        """An interpreter that nobody is known to start runs whatever it is told."""
        self._blur(real, "Node runs whatever it is told")

    def _blur(self, source: str, reason: str) -> None:
        """Any module may be required."""
        modules = (file for file in self._scene.facts.code if file.endswith(_CODE))
        self._scene.blur_code(source, reason, modules, "node")

    def expand(self, path: str, code: CodeFacts) -> None:
        """What one file requires."""
        for name in code.imports:
            self._reach(name, path, path, f"requires {name}")
        root = self._root(path)
        if root:
            self._beside(root, path)
        if OTHER_PLACES in code.imports and not self._is_any_read:
            self._is_any_read = True
            for other in list(self._held):
                self._read(other)
        elif code.untold or any(name == OWN_PLACE or _FILES(name) for name in code.imports):
            self._read(root)
        if any("module" in reason for reason in code.untold):
            self._blur_imports(path, root)

    def _reach(self, name: str, by: str, source: str, why: str) -> None:
        folder = by.rpartition("/")[0]
        key = folder, name
        if key not in self._known:
            self._known[key] = tuple(dict.fromkeys(self._find_files(name, folder)))
        for file in self._known[key]:
            self._scene.walk.reach(file, why, source)

    def _find_files(self, name: str, folder: str) -> Iterator[str]:
        is_built_in = name.partition("/")[0] in _BUILTINS
        if name.startswith("node:") or (
            is_built_in and self._scene.tree.file(f"{folder}/node_modules/{name}/package.json") is None
        ):
            return
        if name.startswith(("./", "../", "/")) or name in (".", ".."):
            yield from self._file_or_folder(name if name.startswith("/") else f"{folder}/{name}")
            return
        if name.startswith("#"):
            root = self._root(f"{folder}/.")
            yield from self._targets(root, self._manifest(root).imports, name) if root else ()
            return
        parts = name.split("/")
        package = "/".join(parts[:2] if name.startswith("@") else parts[:1])
        for base in self._bases(folder):
            root = f"{base}/{package}"
            if self._scene.tree.is_folder(self._scene.tree.find(root).real or "?"):
                yield from self._in_package(root, name[len(package) + 1 :])
                return
            single = [
                f"{base}/{package}{ending}"
                for ending in _ENDINGS[1:]
                if self._scene.tree.file(f"{base}/{package}{ending}")
            ]
            if single and package == name:
                yield single[0]
                return

    def _bases(self, folder: str) -> Iterator[str]:
        """The folders of modules from here up, and those for all programs."""
        here = folder
        while True:
            if not here.endswith("/node_modules"):
                yield f"{here}/node_modules"
            if not here or here == "/":
                break
            here = here.rpartition("/")[0]
        yield from filter(None, self._scene.environment.get("NODE_PATH", "").split(":"))
        yield from _GLOBAL

    def _in_package(self, root: str, below: str) -> Iterator[str]:
        yield f"{root}/package.json"
        manifest = self._manifest(root)
        if manifest.exports is not None:
            exports = manifest.exports
            by_path = isinstance(exports, dict) and any(str(key).startswith(".") for key in exports)
            wanted = f"./{below}" if below else "."
            found = list(self._targets(root, exports if by_path else {".": exports}, wanted))
            yield from found
            if found:
                return
        if below:
            yield from self._file_or_folder(f"{root}/{below}")
        else:
            yield from self._file_or_folder(root)

    def _targets(self, root: str, table: Any, wanted: str) -> Iterator[str]:
        """The files of a name in `exports` or `imports`, under every condition."""
        for pattern, target in table.items() if isinstance(table, dict) else ():
            head, star, tail = str(pattern).partition("*")
            if star and wanted.startswith(head) and wanted.endswith(tail) and len(wanted) >= len(head) + len(tail):
                filling = wanted[len(head) : len(wanted) - len(tail)]
            elif pattern == wanted:
                filling = ""
            else:
                continue
            found = list(_texts(target))
            if len(found) > _MAX_TARGETS:
                self._scene.tree.cut(f"the package {root} has very many files under one name")
            for written in found[:_MAX_TARGETS]:
                if written.startswith("."):
                    yield from self._file_or_folder(f"{root}/{written.replace('*', filling)}")
                else:
                    yield from self._find_files(written, root)

    def _file_or_folder(self, place: str) -> Iterator[str]:
        tree = self._scene.tree
        place = posixpath.normpath(place)
        for ending in _ENDINGS:
            if tree.file(place + ending) is not None:
                yield place + ending
                return
        real = tree.find(place).real
        if real and tree.is_folder(real):
            if tree.file(f"{place}/package.json") is not None:
                yield f"{place}/package.json"
                manifest = self._manifest(place)
                for main in (manifest.main, manifest.module):
                    if isinstance(main, str) and main:
                        inner = posixpath.normpath(f"{place}/{main}")
                        if inner != place:
                            yield from (
                                self._file_or_folder(inner) if len(inner) < 4096 and inner.count("/") < 200 else ()
                            )
            for ending in _ENDINGS[1:]:
                if tree.file(f"{place}/index{ending}") is not None:
                    yield f"{place}/index{ending}"
                    return

    def _manifest(self, root: str) -> _Manifest:
        real = self._scene.tree.find(f"{root}/package.json").real
        if real not in self._manifests:
            text = self._scene.facts.texts.get(real, "")
            try:
                self._manifests[real] = msgspec.json.decode(text.encode("utf-8", "replace"), type=_Manifest)
            except (msgspec.MsgspecError, RecursionError):
                self._manifests[real] = _Manifest()
        return self._manifests[real]

    def _root(self, path: str) -> str:
        """The folder of the package that a file is in; "" for none."""
        folder = path.rpartition("/")[0]
        while folder:
            if self._scene.tree.file(f"{folder}/package.json") is not None:
                return folder
            if folder.endswith("/node_modules"):
                return ""
            folder = folder.rpartition("/")[0]
        return ""

    def _own(self, root: str) -> list[str]:
        """The files of a package, those of the packages in it left out."""
        return self._scene.tree.below(root, _MAX_OWN, leaving_out="node_modules")

    def _beside(self, root: str, path: str) -> None:
        """Data of a package that is loaded: read at run time by the code in it."""
        if root in self._packages:
            return
        self._packages.add(root)
        self._scene.walk.reach(f"{root}/package.json", "says what the package is", path)
        record = self._scene.tree.files.get(path)
        if "/node_modules/" not in path and record is not None and record.owner is None:
            return
        for file in self._own(root):
            if not file.endswith(_NO_DATA):
                self._held.setdefault(root, []).append((file, path))
            elif file.endswith(".node"):
                self._scene.walk.reach(
                    file, "may be loaded: it is compiled code of the package", path, is_certain=False
                )
        if self._is_any_read:
            self._read(root)

    def _read(self, root: str) -> None:
        """Code in a package can read files, knows where it lies, or makes names; or somebody asks where packages lie. Until then nobody can
        read the data that came with it."""
        for file, path in self._held.pop(root, ()):
            is_data = not self._scene.tree.files[file].mode & 0o111
            self._scene.walk.reach(file, "is data of the package", path, is_certain=is_data)

    def _blur_imports(self, path: str, root: str) -> None:
        """Modules whose names are made: any of the package's own, and any at all where the application itself makes them."""
        if not root:
            record = self._scene.tree.files.get(path)
            if "/node_modules/" not in path and record is not None and record.owner is None:
                self._blur(path, "it requires modules whose names it makes itself")
            return
        key = f"computed {root}"
        if key in self._packages:
            return
        self._packages.add(key)
        for file in self._own(root):
            if file.endswith(_CODE):
                self._scene.walk.reach(file, f"may be loaded: {path} makes names of modules", path, is_certain=False)
        if "/node_modules/" not in path and self._scene.tree.find(f"{root}/node_modules").real:
            modules = [
                file for file in self._scene.tree.below(f"{root}/node_modules", _MAX_OWN) if file.endswith(_CODE)
            ]
            self._scene.blur_code(path, "it requires modules whose names it makes itself", modules, "node")


def _texts(target: Any) -> Iterator[str]:
    """The texts in a target, in every condition."""
    if isinstance(target, str):
        yield target
    else:
        # A document that nests deeper than its reader allows was refused before.
        inner = target.values() if isinstance(target, dict) else target if isinstance(target, list) else ()
        for item in inner:
            yield from _texts(item)
