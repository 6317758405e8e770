"""What interpreters and services run and read once they are started: which language a program is of, and whose settings it has."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hullmark.model.limit import Limit
from hullmark.reach.code import JAVASCRIPT, PERL, PHP, PYTHON, RUBY
from hullmark.reach.implicit import any_time_zone
from hullmark.reach.java import ARCHIVE_ENDINGS, JavaPrograms
from hullmark.reach.node import NodeModules
from hullmark.reach.python import PythonModules
from hullmark.reach.scene import Scene, StartedProgram
from hullmark.reach.services import expand_service
from hullmark.reach.shell import SHELLS
from hullmark.reach.simple import PerlModules, PhpFiles, RubyFiles

_LANGUAGE = (
    (re.compile(r"python[\d.]*t?|pypy[\d.]*").fullmatch, PYTHON),
    (re.compile(r"node(?:js)?").fullmatch, JAVASCRIPT),
    (re.compile(r"ruby[\d.]*").fullmatch, RUBY),
    (re.compile(r"perl[\d.]*").fullmatch, PERL),
    (re.compile(r"php(?:-fpm|-cgi)?[\d.]*|php[\d.]+-fpm").fullmatch, PHP),
    (re.compile(r"java").fullmatch, "java"),
)
_SYSTEM_FOLDERS = re.compile(
    r"/?(?:(?:usr(?:/local)?(?:/s?bin|/lib\w*|/share|/libexec)?|s?bin|lib\w*|etc|opt|srv|home|var(?:/\w+)?|root|tmp)?)"
).fullmatch
_MAX_OWN = Limit(100_000, "files in the folder of an application")
_NO_CODE = frozenset(("py", "pyc", "js", "mjs", "cjs", "rb", "pl", "pm", "php"))


class Languages:
    """One world for each language, made when its interpreter is started."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.python = PythonModules(scene)
        self.node = NodeModules(scene)
        self.ruby = RubyFiles(scene)
        self.perl = PerlModules(scene)
        self.php = PhpFiles(scene)
        self.java = JavaPrograms(scene)
        self._own: set[str] = set()
        self._started: set[str] = set()

    def started(self, program: StartedProgram) -> None:
        """Reach what a program runs and reads because of its language, its arguments and its settings."""
        real = program.real.rpartition("/")[2]
        self._started.add(program.real)
        language = next((found for fits, found in _LANGUAGE if fits(program.name) or fits(real)), "")
        world = {
            PYTHON: self.python.started,
            JAVASCRIPT: self.node.started,
            RUBY: self.ruby.started,
            PERL: self.perl.started,
            PHP: self.php.started,
            "java": self.java.started,
        }.get(language)
        script = world(program) if world is not None else program.real
        if script:
            self._application(script)
        if world is not None:
            self._in_working_folder(program.words, script or program.real)
        expand_service(self._scene, program.name, real, program.real)

    def may_run_anything(self, real: str) -> None:
        """A program is reached. An interpreter that no command is known to start may run whatever lies there for it."""
        name = real.rpartition("/")[2]
        language = next((found for fits, found in _LANGUAGE if fits(name)), "")
        if language and real not in self._started:
            self._started.add(real)
            {
                PYTHON: self.python.may_run_anything,
                JAVASCRIPT: self.node.may_run_anything,
                RUBY: self.ruby.may_run_anything,
                PERL: self.perl.may_run_anything,
                PHP: self.php.may_run_anything,
                "java": self.java.may_run_anything,
            }[language](real)

    def _in_working_folder(self, words: Sequence[str | None], source: str) -> None:
        """Files that the words of a command name, and what no package brought of the folder that it is started in: servers (puma, pm2 …)
        look there for the application."""
        folder = self._scene.folder.rstrip("/")
        if _SYSTEM_FOLDERS(folder):
            return
        for word in words[1:]:
            if word and not word.startswith(("-", "/")) and self._scene.tree.file(f"{folder}/{word}") is not None:
                self._scene.walk.reach(f"{folder}/{word}", "is named by the command", source)
        self._own_files(folder, source, "lies in the folder that the application is started in", is_found=True)

    def expand(self, path: str) -> None:
        """Reach what a file of code names."""
        code = self._scene.facts.code[path]
        expand = {
            PYTHON: self.python.expand,
            JAVASCRIPT: self.node.expand,
            RUBY: self.ruby.expand,
            PERL: self.perl.expand,
            PHP: self.php.expand,
        }.get(code.language)
        if expand is not None:
            expand(path, code)
            if path.endswith("/zoneinfo/__init__.py"):
                any_time_zone(self._scene, path)
            for word in code.programs:
                program = self._scene.program(word)
                if program:
                    self._scene.walk.reach(program, f"starts {word[:100]}", path)
                if word.rpartition("/")[2] in SHELLS:
                    self._scene.walk.end(path, f"it starts {word[:100]}, and what that is told is not read")
            for named in code.paths:
                self._reach_data_file(named, path)
        for reason in code.untold:
            self._scene.walk.end(path, reason)

    def _reach_data_file(self, named: str, path: str) -> None:
        """A file of data whose path stands in code. Programs count where code starts them, code where it is imported."""
        record = self._scene.tree.file(named)
        if record is None or record.path in self._scene.facts.elves or record.path in self._scene.facts.code:
            return
        if not record.mode & 0o111:
            self._scene.walk.reach(named, f"holds the path {named[:200]}", path)

    def _application(self, script: str) -> None:
        """What lies in the folder of a program that no package brought is the application's own, and may be read by it."""
        record = self._scene.tree.file(script)
        if record is None or record.owner is not None:
            return
        folder = record.path.rpartition("/")[0]
        # An application's programs may stand in a folder of their own.
        folder = folder.rpartition("/")[0] if folder.endswith("/bin") else folder
        if not _SYSTEM_FOLDERS(folder):
            self._own_files(folder, record.path, "lies in the application's own folder")

    def _own_files(self, folder: str, source: str, why: str, *, is_found: bool = False) -> None:
        """All files of a folder that no package brought. Code in it counts where it is loaded, and is not certain until then: but where a
        server looks for it by names that it is told (`is_found`), that is the way to it."""
        if folder in self._own:
            return
        self._own.add(folder)
        for file in self._scene.tree.below(folder, _MAX_OWN, leaving_out="node_modules"):
            other = self._scene.tree.files.get(file)
            if (
                other is not None
                and other.owner is None
                and "/node_modules/" not in file
                and "/site-packages/" not in file
            ):
                is_certain = is_found or (
                    file.rpartition(".")[2] not in _NO_CODE and file not in self._scene.facts.elves
                )
                if file.endswith(ARCHIVE_ENDINGS):
                    self.java.own(file, why, source, is_certain=is_certain)
                else:
                    self._scene.walk.reach(file, why, source, is_certain=is_certain)
