"""Python: what an interpreter reads when it starts, and where modules are found (The import system; PEP 405, PEP 420)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hullmark.model.limit import Limit
from hullmark.reach.code import CodeFacts
from hullmark.reach.django import NAME as DJANGO
from hullmark.reach.django import DjangoModules
from hullmark.reach.python_code import GROUP, MAIN, NAMED, SETTING
from hullmark.reach.python_distributions import Distributions
from hullmark.reach.python_folders import VERSION, library_folders, prefixes
from hullmark.reach.python_names import AT_START
from hullmark.reach.python_standard import INTERACTIVE, is_for_others, is_for_people
from hullmark.reach.scene import Scene, StartedProgram

_EXTENSION = re.compile(r"(?:\.[\w-]+)?\.so").fullmatch
_SITE = ("site-packages", "dist-packages")
_DOCUMENTS = frozenset(
    ("py", "pyc", "pyi", "pyx", "pxd", "c", "h", "cpp", "hpp", "md", "rst", "so", "a", "typed", "po", "pot")
)
_MAX_PATH = Limit(200, "folders in which Python looks for modules")
_MAX_BLURRED = Limit(100_000, "modules that a Python program may import")
_OPTION = re.compile(r"-([^-cWXmQ]*)([cWXmQ]?)(.*)", re.DOTALL).fullmatch
"""Options in one word: those without a value, one whose value is the rest of the word or the next one, and that rest."""


class PythonModules:
    """The modules of an image as its interpreter finds them."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._path: list[str] = []
        self._libraries: list[str] = []
        self._begun: set[str] = set()
        self._data: set[str] = set()
        self._tops: set[str] = set()
        self._distributions = Distributions(scene)
        self._compiled: dict[str, dict[str, list[str]]] = {}
        self._mains: set[str] = set()
        self._is_any_main = False
        self._django = DjangoModules(scene, self._files)

    def started(self, program: StartedProgram) -> str:
        """An interpreter is started; returns the script that it runs, "" for none."""
        words, origin = program.words, program.cause
        self._begin(program.path, program.real)
        if self._scene.environment.get("PYTHONINSPECT"):
            self._sat_at(program.real)
        at = 1
        while at < len(words) and (word := words[at]) is not None and word.startswith("-") and word != "-":
            found = _OPTION(word)
            flags, option, joined = found.groups() if found is not None else ("", "", "")
            if "i" in flags:
                self._sat_at(program.real)
            value = joined or (words[at + 1] if at + 1 < len(words) else None)
            if option == "m":
                self._module(value, words[at + (1 if joined else 2) :], origin)
                return ""
            if option == "c":
                self._blur(origin, self._scene.given_text(origin, "Python", value))
                return ""
            at += 2 if option and not joined else 1
        script = words[at] if at < len(words) else None
        if script is None or script == "-":
            self._sat_at(program.real)
            self._blur(origin, "Python without a script runs whatever it is told")
            self._scene.blur_programs(origin, "Python without a script runs whatever it is told")
            return ""
        place = script if script.startswith("/") else f"{self._scene.folder.rstrip('/')}/{script}"
        if self._scene.tree.is_folder(self._scene.tree.find(place).real or "?"):
            self._add_folder(place)
            place = f"{place}/__main__.py"
        self._add_folder(place.rpartition("/")[0])
        real = self._scene.walk.reach(place, "is run by Python", origin)
        if not real:
            self._scene.absent(origin, f"there is no script {place[:200]}")
            return ""
        self._add_folder(real.rpartition("/")[0])
        self._run(real)
        self._applications(words[at + 1 :], real)
        return real

    def _run(self, path: str) -> None:
        """A file is run: what it imports in that case alone counts."""
        if path not in self._mains:
            self._mains.add(path)
            code = self._scene.facts.code.get(path)
            for written in code.imports if code is not None else ():
                if not written.startswith(GROUP):
                    self._follow_import(path, written.removeprefix(MAIN))

    def _sat_at(self, origin: str) -> None:
        """Somebody may type commands."""
        for name in INTERACTIVE:
            self._import(name, origin, "is imported for somebody who types commands")

    def _module(self, name: str | None, words: Sequence[str | None], origin: str) -> None:
        self._add_folder(self._scene.folder)
        for module in ("runpy", "pkgutil", name or ""):
            self._import(module, origin, f"is run by python -m {name}")
        is_found = name is not None and bool(self._files(name))
        if is_found:
            self._import(f"{name}.__main__", origin, f"is run by python -m {name}")
            for file in self._files(f"{name}.__main__"):
                self._run(self._scene.tree.find(file).real)
        else:
            self._blur(origin, "the module that Python runs is not known")
            self._scene.blur_programs(origin, "the module that Python runs is not known")
        self._applications(words, origin)

    def _applications(self, words: Iterable[str | None], script: str) -> None:
        """Servers (gunicorn, uvicorn, celery …) are told by words of the command which module is the application."""
        for word in words:
            if (
                word is not None
                and re.fullmatch(r"[A-Za-z_][\w.]*(?::\w[\w.()]*)?", word)
                and self._files(word.partition(":")[0])
            ):
                self._add_folder(self._scene.folder)
                self._import(word.partition(":")[0], script, f"is named in the command as {word}")

    def _begin(self, path: str, origin: str) -> None:
        """The folders of an interpreter, and what it imports when it starts."""
        if path in self._begun:
            return
        self._begun.add(path)
        found = VERSION(origin.rpartition("/")[2]) or VERSION(path)
        version = found[1] if found is not None else ""
        for folder in filter(None, self._scene.environment.get("PYTHONPATH", "").split(":")):
            self._add_folder(folder)
        for prefix in dict.fromkeys(prefixes(self._scene, path, origin)):
            for library in library_folders(self._scene, prefix, version):
                self._libraries.append(library)
                for folder in (library, f"{library}/lib-dynload", *(f"{library}/{name}" for name in _SITE)):
                    self._add_folder(folder)
            if prefix in ("/usr", "/usr/local"):
                self._add_folder(f"{prefix}/lib/python3/dist-packages")
        for name in AT_START:
            self._import(name, origin, "is imported when Python starts")
        for folder in list(self._path):
            self._read_pth(folder, origin)
        for library in self._libraries:
            self._reach_implicit_modules(library, origin)

    def _reach_implicit_modules(self, library: str, origin: str) -> None:
        """Modules of the standard library whose names are made: those of encodings, which texts name and whose names lead nowhere else, and
        what says how Python was built."""
        walk, names = self._scene.walk, self._scene.tree.names
        for file in names(f"{library}/encodings"):
            if file.endswith(".py"):
                walk.reach(f"{library}/encodings/{file}", "is imported for text in the encoding of its name", origin)
        for file in names(library):
            if file.startswith("_sysconfigdata"):
                walk.reach(f"{library}/{file}", "says how Python was built", origin)

    def _add_folder(self, folder: str) -> None:
        real = self._scene.tree.find(folder or "/").real
        if real and real not in self._path and self._scene.tree.is_folder(real):
            if len(self._path) >= _MAX_PATH:
                self._scene.tree.cut("Python looks for modules in so many folders that not all were looked through")
                return
            self._path.append(real)

    def _read_pth(self, folder: str, origin: str) -> None:
        """Files that add folders, or import modules, when Python starts (site.py)."""
        for name in sorted(self._scene.tree.names(folder)):
            if not name.endswith(".pth"):
                continue
            file = self._scene.walk.reach(f"{folder}/{name}", "is read when Python starts", origin)
            for line in self._scene.facts.texts.get(file, "").split("\n"):
                text = line.strip()
                if text.startswith(("import ", "import\t")):
                    for module in re.findall(r"import\s+([\w.]+)", text):
                        self._import(module, file, f"is imported by {name} when Python starts")
                elif text and not text.startswith("#"):
                    self._add_folder(text if text.startswith("/") else f"{folder}/{text}")

    def expand(self, path: str, code: CodeFacts) -> None:
        """What one file imports."""
        standard = self._standard(path)
        for written in code.imports:
            if written.startswith(MAIN):
                if path in self._mains or self._is_any_main:
                    self._follow_import(path, written[len(MAIN) :])
            elif standard and (
                written.startswith(GROUP) or (path not in self._mains and is_for_people(standard, written))
            ):
                # The standard library finds entry points for others, and wants none itself.
                continue
            else:
                self._follow_import(path, written)
                if not standard and written.partition(":")[0] == "runpy":
                    self._run_all()
        self._beside(path)
        if code.untold:
            self._blur_imports(path, code.untold[0])

    def _standard(self, path: str) -> str:
        """The path of a module of the standard library below its folder; "" for others."""
        if "-packages/" in path:
            return ""
        return next((path[len(base) + 1 :] for base in self._libraries if path.startswith(f"{base}/")), "")

    def _run_all(self) -> None:
        """Code may run any file as Python runs the one that it is told to run."""
        if not self._is_any_main:
            self._is_any_main = True
            for path in list(self._scene.walk.found):
                self._run(path)

    def _follow_import(self, path: str, written: str) -> None:
        if written.startswith(GROUP):
            self._entry_points(path, written[len(GROUP) :])
            return
        if written.startswith((SETTING, NAMED)):
            (self._django.set if written.startswith(SETTING) else self._django.named)(written[1:], path)
            return
        module, colon, names = written.partition(":")
        level = len(module) - len(module.lstrip("."))
        name = module[level:]
        folders: list[str] | None = None
        if level:
            folder = path
            for _ in range(level):
                folder = folder.rpartition("/")[0]
            folders = [folder]
            self._scene.walk.reach(f"{folder}/__init__.py", f"is the package of {path}", path)
        if name:
            self._import(name, path, f"imports {module}", folders)
        if not colon:
            return
        for member in names.split(","):
            if member == "*":
                self._star(name, path, folders)
            elif member:
                self._import(f"{name}.{member}" if name else member, path, f"imports {member} from {module}", folders)

    def _star(self, name: str, path: str, folders: list[str] | None) -> None:
        for file in self._files(name, folders):
            if file.endswith("/__init__.py"):
                for module in sorted(self._scene.tree.names(file.rpartition("/")[0])):
                    if module.endswith(".py"):
                        self._scene.walk.reach(
                            f"{file.rpartition('/')[0]}/{module}",
                            f"may be imported: all of {name} is",
                            path,
                            is_certain=False,
                        )

    def _import(self, name: str, source: str, why: str, folders: list[str] | None = None) -> bool:
        """Reach a module and the packages that it is in. False where there is none."""
        files = self._files(name, folders)
        if self._standard(source):
            files = [file for file in files if not is_for_others(self._standard(file))]
        for file in files:
            real = self._scene.walk.reach(file, why, source)
            if real and real != file:
                self._compiled_of(file, real)
        return bool(files)

    def _files(self, name: str, folders: Sequence[str] | None = None) -> list[str]:
        """The files of a module and of the packages that it is in, the outermost first."""
        found: list[str] = []
        places = list(self._path if folders is None else folders)
        for part in name.split("."):
            files, inner = self._part(part, places)
            found += files
            places = inner
            if not files and not inner:
                break
        return found

    def _part(self, part: str, places: Sequence[str]) -> tuple[list[str], list[str]]:
        """The files of one part of a name, and the folders in which the next part is looked for."""
        spaces: list[str] = []
        for place in places:
            names = self._scene.tree.names(place)
            if part in names and self._scene.tree.is_folder(self._scene.tree.find(f"{place}/{part}").real or "?"):
                inside = f"{place}/{part}"
                own = self._start(inside, "__init__")
                if own:
                    return own, [inside]
                spaces.append(inside)
            own = self._start(place, part)
            if own:
                return own, []
        return [], spaces

    def _start(self, folder: str, stem: str) -> list[str]:
        """The files of a module in a folder: its source, or what it was compiled to."""
        tree = self._scene.tree
        source = f"{folder}/{stem}.py"
        compiled = self._extensions(folder).get(stem, [])
        if source in tree.files or tree.file(source) is not None:
            return [*compiled, source]
        return compiled or [f"{folder}/{stem}.pyc"] * (tree.file(f"{folder}/{stem}.pyc") is not None)

    def _extensions(self, folder: str) -> dict[str, list[str]]:
        known = self._compiled.get(folder)
        if known is None:
            known = {}
            for name in self._scene.tree.names(folder):
                if name.endswith(".so"):
                    stem, _, rest = name.partition(".")
                    if _EXTENSION("." + rest):
                        known.setdefault(stem.removesuffix("module") if rest == "so" else stem, []).append(
                            f"{folder}/{name}"
                        )
            self._compiled[folder] = known
        return known

    def _compiled_of(self, path: str, source: str) -> None:
        """What was compiled of a module lies beside it, or beside the link that it was imported by."""
        folder, _, name = path.rpartition("/")
        stem = name.removesuffix(".py")
        for other in self._scene.tree.names(f"{folder}/__pycache__"):
            if other.startswith(f"{stem}.") and other.endswith(".pyc"):
                self._scene.walk.reach(f"{folder}/__pycache__/{other}", "is compiled from it", source)

    def _beside(self, path: str) -> None:
        """What was compiled of a module, and the data in the folder of its package."""
        self._compiled_of(path, path)
        self._distributions.describe(path)
        folder = path.rpartition("/")[0]
        if folder in self._data or folder in self._path:
            return
        self._data.add(folder)
        todo = [folder]
        while todo:
            here = todo.pop()
            for module in sorted(self._scene.tree.names(here)):
                place = f"{here}/{module}"
                if self._scene.tree.is_folder(place):
                    if module != "__pycache__" and self._scene.tree.file(f"{place}/__init__.py") is None:
                        todo.append(place)
                elif module.rpartition(".")[2] not in _DOCUMENTS:
                    record = self._scene.tree.files.get(place)
                    is_data = record is not None and not record.mode & 0o111
                    self._scene.walk.reach(place, "is data beside the module", path, is_certain=is_data)

    def _blur_imports(self, path: str, reason: str) -> None:
        """A module imports by names that it makes: any of its own package; any at all where no package brought it."""
        if "import" not in reason and "large" not in reason:
            return
        record = self._scene.tree.files.get(path)
        top = next((base for base in self._path if path.startswith(f"{base}/")), "")
        if (
            record is not None
            and record.owner is None
            and not any(f"/{name}/" in path for name in _SITE)
            and top not in self._libraries
        ):
            self._blur(path, reason)
        elif top and top not in self._libraries:
            own = f"{top}/{path[len(top) + 1 :].partition('/')[0]}"
            if own.rpartition("/")[2] == DJANGO and "large" not in reason:
                self._django.makes_names()
            elif own not in self._tops:
                self._tops.add(own)
                modules = [
                    module for module in self._scene.tree.below(own, _MAX_BLURRED) if module.endswith((".py", ".so"))
                ]
                why = f"may be imported: {path} makes names of modules"
                for module in modules:
                    self._scene.walk.reach(module, why, path, is_certain=False)

    def may_run_anything(self, real: str) -> None:
        """An interpreter that nobody is known to start runs whatever it is told."""
        self._begin(real, real)
        self._sat_at(real)
        self._blur(real, "Python runs whatever it is told")

    def _blur(self, source: str, reason: str) -> None:
        """Any module may be imported."""
        places = [base for base in self._path if base != "/"]
        files = (file for base in places for file in self._scene.tree.below(base, _MAX_BLURRED))
        self._scene.blur_code(source, reason, (file for file in files if file.endswith((".py", ".so"))), "python")

    def _entry_points(self, path: str, wanted: str) -> None:
        """Plugins that installed distributions announce: those of a group, or where it is not known ("") of all."""
        if f"group {wanted}" in self._begun:
            return
        self._begun.add(f"group {wanted}")
        for group, target in self._distributions.entry_points(self._path, wanted):
            for file in self._files(target):
                why = f"may be loaded: it is an entry point of {group}"
                self._scene.walk.reach(file, why, path, is_certain=False)
