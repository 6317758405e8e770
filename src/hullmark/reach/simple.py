"""Ruby, Perl and PHP: where what a program names is looked for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from hullmark.model.limit import Limit
from hullmark.reach.code import GEM_PROGRAM, CodeFacts
from hullmark.reach.scene import Scene, StartedProgram

_MAX_FILES = Limit(50_000, "files of a language's folders that may be loaded")


class _InterpretedLanguage:
    """A language whose files lie below known folders. `valued` are options whose value is the next word, `texts` matches options that
    are followed by code, `loads` are options that name a file to load."""

    name = ""
    valued = ""
    texts: Callable[[str], object]
    loads: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._begun = False
        self._folders: list[str] = []
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def started(self, program: StartedProgram) -> str:
        """The interpreter is started; returns the script that it runs, "" for none."""
        words, origin, at = program.words, program.cause, 1
        self.begin(program.real)
        while at < len(words) and (word := words[at]) is not None and word.startswith("-") and word != "-":
            following = words[at + 1] if at + 1 < len(words) else None
            if self.texts(word):
                self._blur(origin, self._scene.given_text(origin, self.name, following))
                return ""
            at += 2 if word in self.valued.split() else 1
            if self.loads and word.startswith(self.loads):
                named = (word[2:] or following or "").lstrip("-").partition("=")[0]
                for file in self.found(named, self._scene.folder):
                    self._scene.walk.reach(file, f"is loaded by {word[:2]}", origin)
        script = words[at] if at < len(words) else None
        if script is None or script == "-":
            return self.without_script(origin)
        place = script if script.startswith("/") else posixpath.join(self._scene.folder, script)
        real = self._scene.walk.reach(place, f"is run by {self.name}", origin)
        if not real:
            self._scene.absent(origin, f"there is no script {place[:200]}")
        return real

    def without_script(self, origin: str) -> str:
        """It is started without a script."""
        self._scene.blur_programs(origin, f"{self.name} without a script runs whatever it is told")
        self._blur(origin, f"{self.name} without a script runs whatever it is told")
        return ""

    def begin(self, origin: str) -> None:
        """The folders of the language, found once."""
        if not self._begun:
            self._begun = True
            self._folders = sorted({folder for glob in self.globs for folder in self._matching_folders(glob)})
            self.at_start(origin)

    def at_start(self, origin: str) -> None:
        """What is loaded unasked."""

    def _matching_folders(self, glob: str) -> Iterator[str]:
        places = [""]
        for segment in glob.strip("/").split("/"):
            if segment == "*":
                places = [
                    f"{place}/{name}" for place in places for name in sorted(self._scene.tree.names(place or "/"))
                ]
            else:
                places = [f"{place}/{segment}" for place in places]
        return (place for place in places if self._scene.tree.is_folder(self._scene.tree.find(place).real or "?"))

    def expand(self, path: str, code: CodeFacts) -> None:
        """What one file loads."""
        self.begin(path)
        folder = path.rpartition("/")[0]
        for name in code.imports:
            key = (folder if name.startswith(".") else "", name)
            if key not in self._known:
                self._known[key] = tuple(self.found(name, folder))
            for file in self._known[key]:
                self._scene.walk.reach(file, f"loads {name}", path)
        self.beside(path, code)

    def found(self, name: str, folder: str) -> Iterator[str]:
        """The files of a name."""
        places = [folder] if name.startswith(".") else [*self._folders, folder]
        for place in places:
            for ending in self.endings:
                file = posixpath.normpath(f"{place}/{name}{ending}")
                if self._scene.tree.file(file) is not None:
                    yield file

    def beside(self, path: str, code: CodeFacts) -> None:
        """What else a file leads to."""
        if code.untold:
            record = self._scene.tree.files.get(path)
            if record is not None and record.owner is None:
                self._blur(path, code.untold[0])

    def may_run_anything(self, real: str) -> None:
        """An interpreter that nobody is known to start runs whatever it is told."""
        self.begin(real)
        self._blur(real, f"{self.name} runs whatever it is told")

    def _blur(self, source: str, reason: str) -> None:
        files = (file for folder in self._folders for file in self._scene.tree.below(folder, _MAX_FILES))
        self._scene.blur_code(source, reason, files, self.name)


_GEM_HOMES = (
    "/usr/lib/ruby/gems/*", "/usr/local/lib/ruby/gems/*", "/var/lib/gems/*", "/usr/local/bundle", "/usr/local/bundle/ruby/*",
    "/usr/lib/*/ruby/gems/*", "/usr/lib/*/rubygems-integration/*", "/usr/share/rubygems-integration/*",
)  # fmt: skip
"""Where gems are installed: each has folders `gems` and `specifications`."""


class RubyFiles(_InterpretedLanguage):
    """Ruby: the load path, and the `lib` folders of gems."""

    name, valued, loads = "Ruby", "-I -C -E -r", ("-r",)
    texts = staticmethod(re.compile(r"-[aclnpsvw0-9]*e").fullmatch)
    globs = (
        "/usr/lib/ruby/vendor_ruby", "/usr/lib/ruby/*", "/usr/lib/*/ruby/*", "/usr/lib/*/ruby/vendor_ruby/*", "/usr/local/lib/ruby/*",
        "/usr/local/lib/ruby/*/*", "/usr/local/lib/site_ruby", "/usr/share/rubygems-integration/*/gems/*/lib",
        "/usr/lib/ruby/gems/*/gems/*/lib",
        "/usr/local/lib/ruby/gems/*/gems/*/lib", "/usr/local/bundle/gems/*/lib", "/var/lib/gems/*/gems/*/lib",
        "/usr/lib/*/ruby/gems/*/gems/*/lib", "/usr/lib/*/rubygems-integration/*/gems/*/lib",
        "/usr/lib/*/rubygems-integration/*/extensions/*/*/*", "/usr/lib/ruby/gems/*/extensions/*/*/*",
        "/usr/local/lib/ruby/gems/*/extensions/*/*/*", "/usr/local/bundle/extensions/*/*/*", "/var/lib/gems/*/extensions/*/*/*",
        "/usr/local/bundle/ruby/*/gems/*/lib", "/usr/local/bundle/ruby/*/extensions/*/*/*",
    )  # fmt: skip
    endings = ("", ".rb", ".so")

    def at_start(self, origin: str) -> None:
        """RubyGems and what it loads."""
        for name in (
            "rubygems",
            "did_you_mean",
            "error_highlight",
            "syntax_suggest/core_ext",
            "monitor",
            "enc/encdb",
            "enc/trans/transdb",
        ):
            for file in self.found(name, ""):
                self._scene.walk.reach(file, "is loaded when Ruby starts", origin)
        self._gems(origin)
        for folder in self._matching_folders("/usr/lib/*/ruby/*/enc"):
            for name in self._scene.tree.names(folder):
                self._scene.walk.reach(f"{folder}/{name}", "is loaded for text in the encoding of its name", origin)

    def _gems(self, origin: str) -> None:
        """RubyGems reads what is installed, and loads its own parts by names that it makes; its commands are those of `gem` alone."""
        for place in _GEM_HOMES:
            for folder in self._matching_folders(f"{place}/specifications"):
                for file in self._scene.tree.below(folder, _MAX_FILES):
                    self._scene.walk.reach(file, "is read by RubyGems, which looks which gems there are", origin)
            for file in self._scene.tree.matching(f"{place}/extensions/*/*/*/gem.build_complete"):
                self._scene.walk.reach(file, "says that what is compiled of a gem is there", origin)
        for folder in self._folders:
            if self._scene.tree.file(f"{folder}/rubygems.rb") is not None:
                for file in self._scene.tree.below(f"{folder}/rubygems", _MAX_FILES, leaving_out="commands"):
                    why = "may be loaded: RubyGems makes the names of its parts"
                    self._scene.walk.reach(file, why, origin, is_certain=False)

    def found(self, name: str, folder: str) -> Iterator[str]:
        """The files of a name, or a program of a gem in each version that is installed."""
        if not name.startswith(GEM_PROGRAM):
            yield from super().found(name, folder)
            return
        _, gem, program = name.split(":", 2)
        for place in _GEM_HOMES:
            for home in self._matching_folders(f"{place}/gems"):
                for version in sorted(self._scene.tree.names(home)):
                    if version.rpartition("-")[0] == gem:
                        files = (f"{home}/{version}/{kind}/{program}" for kind in ("bin", "exe"))
                        yield from (file for file in files if self._scene.tree.file(file) is not None)

    def beside(self, path: str, code: CodeFacts) -> None:
        """A gem whose file is loaded may load any of its own by name (autoload)."""
        if code.untold and "/gems/" in path and "/lib/" in path:
            gem = (
                path[: path.index("/lib/", path.rindex("/gems/")) + 4]
                if "/lib/" in path[path.rindex("/gems/") :]
                else ""
            )
            for file in self._scene.tree.below(gem, _MAX_FILES) if gem else ():
                self._scene.walk.reach(file, f"may be loaded: {path} makes names of files", path, is_certain=False)
        else:
            super().beside(path, code)


class PerlModules(_InterpretedLanguage):
    """Perl: @INC, and compiled parts below `auto`."""

    name, valued, loads = "Perl", "-I -C", ("-M", "-m")
    texts = staticmethod(re.compile(r"-[aclnpsuvwX0-9]*[eE]").fullmatch)
    globs = (
        "/etc/perl", "/usr/local/lib/*/perl/*", "/usr/local/share/perl/*", "/usr/lib/*/perl5/*", "/usr/share/perl5", "/usr/lib/*/perl-base",
        "/usr/lib/*/perl/*", "/usr/share/perl/*", "/usr/local/lib/site_perl", "/usr/local/lib/perl5/*", "/usr/local/lib/perl5/site_perl/*",
        "/usr/local/lib/perl5/*/*", "/usr/lib64/perl5", "/usr/share/perl5/vendor_perl", "/usr/lib64/perl5/vendor_perl",
        "/usr/lib/perl5/core_perl",
    )  # fmt: skip

    def at_start(self, origin: str) -> None:
        """What most programs load without a word."""
        for name in ("strict", "warnings", "utf8", "Config", "DynaLoader", "XSLoader", "Carp", "overload"):
            for file in self.found(name, ""):
                self._scene.walk.reach(file, "is loaded when Perl starts", origin)

    def found(self, name: str, folder: str) -> Iterator[str]:
        """The file of a module, what is compiled of it, and its parts that load themselves."""
        below = name if name.endswith((".pl", ".pm", ".ph")) else name.replace("::", "/") + ".pm"
        for place in (*self._folders, folder):
            if self._scene.tree.file(f"{place}/{below}") is not None:
                yield f"{place}/{below}"
            stem = below.removesuffix(".pm")
            auto = f"{place}/auto/{stem}"
            for library in self._scene.tree.names(auto):
                if self._scene.tree.file(f"{auto}/{library}") is not None:
                    yield f"{auto}/{library}"
            if below in ("Config.pm", "utf8.pm"):
                yield from (
                    f"{place}/{module}"
                    for module in ("Config_heavy.pl", "Config_git.pl")
                    if self._scene.tree.file(f"{place}/{module}")
                )


class PhpFiles(_InterpretedLanguage):
    """PHP: files beside each other, and in the include path."""

    name, valued = "PHP", "-c -d -z -t -S -y"
    texts = staticmethod(re.compile(r"-[rRBE]").fullmatch)
    globs = ("/usr/share/php", "/usr/share/pear", "/usr/local/lib/php")
    endings = ("", ".php")

    def without_script(self, origin: str) -> str:
        """A server is told by each request which script to run: those in the folders that its settings name are followed."""
        self._scene.walk.end(origin, "which scripts PHP runs is told by each request")
        return ""
