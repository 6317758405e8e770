"""What programs and libraries lead to: loader, libraries, files and programs by name, and what libc reads for them unasked."""

from __future__ import annotations

import re
from functools import partial

from hullmark.model.inventory import FileRecord
from hullmark.model.limit import Limit
from hullmark.reach import elf, elf_calls, implicit
from hullmark.reach.elf import ElfFacts
from hullmark.reach.known_starts import for_users, known_programs, loads_alone, reads_by_option
from hullmark.reach.scene import Scene

_INTERPRETERS = re.compile(
    r"(?:lib)?(?:python|perl|ruby|node|php|lua|java|jvm|tclsh?|guile|uv)[\d.-]*(?:-?(?:fpm|cgi)[\d.]*)?(?:\.so[\d.]*)?"
    r"|(?:ba|da|k|z|a)?sh|(?:[gmn]|original-)?awk|busybox|env|xargs|find|libapt-pkg.*"
).fullmatch
"""Programs that start what others tell them: the words in them mean other things."""

_MAX_IN_FOLDER = Limit(20_000, "files of a folder that a program names")
_SYSTEM_FOLDERS = re.compile(
    r"/(?:usr/)?(?:local/)?(?:s?bin|lib\w*|libexec|share|include|src)(?:/[\w-]+-linux-\w+)?"
    r"|/(?:dev|proc|sys|run|tmp|var|etc|root|home|opt|srv|usr)(?:/[\w.-]+)?"
    r"|/usr/(?:share|lib)/(?:locale|zoneinfo|doc|man|info|i18n|python\d|python[\d.]+|node_modules|ruby(?:/.*)?|perl5?)"
).fullmatch
_CONVERTING_NOTHING = re.compile(r".*/(?:ldconfig(?:\.real)?|sln)").fullmatch
"""Programs of libc's own that are linked statically: they have its code for conversions, which nothing in them asks for."""

_MANUAL = re.compile(r".*/man/(?:[\w.@-]+/)?man\d\w?/[^/]+\.\d\w*(?:\.(?:gz|xz|bz2|zst))?").fullmatch
"""Pages of manuals: `man` finds them by its settings. Who else names their folder was told when it was built where they are."""

_CERTIFICATES = re.compile(
    r"/etc/ssl(?:/\w+)?|/usr/lib/ssl(?:/\w+)?|/etc/pki(?:/.*)?|/usr/share/ca-certificates"
).fullmatch


def expand_elf(scene: Scene, path: str, facts: ElfFacts) -> None:
    """Reach what an ELF file leads to."""
    walk = scene.walk
    if facts.untold:
        scene.blur_libraries(path, facts.untold)
        scene.blur_programs(path, facts.untold)
    if facts.interpreter and not walk.reach(facts.interpreter, "is its loader", path):
        walk.end(path, f"its loader {facts.interpreter[:200]} is not in the image")
    chain = [step.path for step in walk.witness(path)][::-1]
    for name in facts.needed:
        if not _load(scene, path, name, f"needs {name}", chain):
            walk.end(path, f"it needs {name[:200]}, which is not where its loader looks")
    for opened in facts.opens:
        name, _, priority = opened.partition(" ")
        _load(scene, path, name, f"may load {name} ({priority}, says its note)", chain)
    if facts.interpreter:
        _load_preloads(scene, path, chain)
    _load_opened_libraries(scene, path, facts, chain)
    _reach_paths(scene, path, facts)
    _follow_calls(scene, path, facts)
    implicit.expand_calls(scene, path, facts)


def _load(scene: Scene, path: str, name: str, why: str, chain: list[str]) -> bool:
    found = scene.loader.find(name, path, chain)
    for place in found:
        scene.walk.reach(place, why, path)
    return bool(found)


def _load_preloads(scene: Scene, path: str, chain: list[str]) -> None:
    scene.walk.reach("/etc/ld.so.cache", "is read by the loader", path)
    scene.walk.reach("/etc/ld.so.preload", "is read by the loader", path)
    for key in ("ld.preload", "ld.audit"):
        for name in scene.listed("ld", key):
            _load(scene, path, name, f"is loaded into every program ({key})", chain)


def _load_opened_libraries(scene: Scene, path: str, facts: ElfFacts, chain: list[str]) -> None:
    """Libraries that it opens by name."""
    if not (elf_calls.OPENING.intersection(facts.calls) or facts.is_static) or implicit.is_libc(path, facts):
        return
    for name in facts.libraries:
        _load(scene, path, name, f"holds the name {name}, and opens libraries", chain)


def _reach_paths(scene: Scene, path: str, facts: ElfFacts) -> None:
    """Files and folders whose paths it holds."""
    spawning = elf_calls.SPAWNING.intersection(facts.calls)
    starts = bool(spawning) and known_programs(scene, path, spawning) is None
    starts = starts or elf.GO_EXEC in facts.calls or facts.is_static
    of_libc = implicit.is_libc(path, facts)
    for named in facts.paths:
        record = scene.tree.file(named)
        if record is None and (facts.is_go or facts.is_rust):
            named, record = _first_of(scene, named)
        if record is not None:
            is_code = record.path in scene.facts.elves or record.path in scene.facts.code
            if not is_code or not record.mode & 0o111:
                scene.walk.reach(named, f"holds the path {named}", path)
            elif starts and not of_libc:
                scene.walk.reach(named, f"holds the path {named}, and starts programs", path)
            elif (other := scene.facts.elves.get(record.path)) is not None and other.soname:
                scene.walk.reach(named, f"holds the path {named} of a library", path)
        elif not of_libc:
            for folder, functions in elf_calls.told_through(elf_calls.LOADING_THROUGH, path, facts.soname):
                if named.rstrip("/").endswith(folder):
                    scene.later.append(partial(_asked_folder, scene, path, named, functions))
                    break
            else:
                _named_folder(scene, path, named, starts=starts)


def _folder_of_others(scene: Scene, path: str, named: str) -> bool:
    """Reach a folder that a program does not read with the options that it is known to be started with, if it is reached in another way
    too; whether it did."""
    is_met = path in scene.walk.met_again
    if is_met:
        scene.options.pop(path, None)
        _named_folder(scene, path, named, starts=False)
    return is_met


def _asked_folder(scene: Scene, path: str, named: str, functions: frozenset[str]) -> bool:
    """Reach what a library loads from a folder if somebody asks it to; whether it did."""
    is_asked = scene.is_asked(scene.facts.elves[path].soname, functions)
    if is_asked:
        _named_folder(scene, path, named, starts=False)
    return is_asked


def _first_of(scene: Scene, joined: str) -> tuple[str, FileRecord | None]:
    """The longest beginning of a text that is the path of a file."""
    for end in range(len(joined) - 1, 4, -1):
        folder, _, name = joined[:end].rpartition("/")
        real = scene.tree.find(folder or "/").real
        if name and real and f"{real.rstrip('/')}/{name}" in scene.tree.files:
            return joined[:end], scene.tree.file(joined[:end])
    return joined, None


def _named_folder(scene: Scene, path: str, named: str, *, starts: bool) -> None:
    """What lies in a folder that it names may be read or loaded, and started where it starts programs."""
    real = scene.tree.find(named).real
    if not real or not scene.tree.is_folder(real) or _SYSTEM_FOLDERS(real) or _CERTIFICATES(real):
        return
    if path in scene.options and not reads_by_option(scene, path, named, scene.options[path]):
        scene.later.append(partial(_folder_of_others, scene, path, named))
        return
    if real.endswith("/gconv") and _CONVERTING_NOTHING(path):
        return
    is_loading = loads_alone(scene, path, named)
    for file in scene.tree.below(real, _MAX_IN_FOLDER):
        record = scene.tree.file(file)
        if (is_loading and (record is None or record.path not in scene.facts.elves)) or _MANUAL(file):
            continue
        if record is not None and (starts or not _is_program(scene, record)):
            scene.walk.reach(file, f"names the folder {named}", path, is_certain=False)


def _is_program(scene: Scene, record: FileRecord) -> bool:
    """Whether somebody starts it, rather than loads or reads it."""
    facts = scene.facts.elves.get(record.path)
    return bool(record.mode & 0o111) and (facts is None or bool(facts.interpreter) or facts.is_static)


def _follow_calls(scene: Scene, path: str, facts: ElfFacts) -> None:
    """Programs that it starts by what it calls."""
    if of_shell := sorted(elf_calls.THROUGH_SHELL.intersection(facts.calls)):
        scene.walk.reach("/bin/sh", f"calls {of_shell[0]}(), which starts the shell", path)
    if facts.is_static and not facts.is_go:
        if "execvp" in facts.calls and not implicit.is_libc(path, facts):
            scene.blur_programs(path, "it is linked statically and can start others: which ones cannot be told")
    elif elf.GO_EXEC in facts.calls:
        scene.blur_programs(path, "it is a Go program that starts others, and their names cannot be told")
    elif facts.is_rust and elf_calls.SPAWNING.intersection(facts.calls):
        scene.blur_programs(path, "it is a Rust program that starts others, and their names cannot be told")
    elif elf_calls.SPAWNING.intersection(facts.calls):
        for functions in elf_calls.told_through(elf_calls.STARTING_THROUGH, path, facts.soname):
            scene.later.append(partial(_asked_start, scene, path, facts, functions))
            return
        _may_start(scene, path, facts)


def _asked_start(scene: Scene, path: str, facts: ElfFacts, functions: frozenset[str]) -> bool:
    """Reach what a library may start if somebody asks it to; whether it did."""
    is_asked = scene.is_asked(facts.soname, functions)
    if is_asked:
        _may_start(scene, path, facts)
    return is_asked


def _may_start(scene: Scene, path: str, facts: ElfFacts) -> None:
    """A program starts others whose names it is told: an open end, and words among its constants that may be such names."""
    called = "(), ".join(sorted(elf_calls.SPAWNING.intersection(facts.calls))[:3])
    if not _INTERPRETERS(path.rpartition("/")[2]):
        known = known_programs(scene, path, elf_calls.SPAWNING.intersection(facts.calls))
        if known is None:
            scene.walk.end(path, f"it calls {called}(): it may start programs that its settings or its users name")
        for word_of_users in for_users(scene, path, elf_calls.SPAWNING.intersection(facts.calls)):
            scene.walk.end(path, f"it starts programs that its users name ({word_of_users})")
        for command in facts.words if known is None else known:
            word, _, options = command.partition(" ")
            program = scene.program(word)
            if program and scene.tree.find(program).real != path:
                why = f"may be started: {path} holds the word {word} and calls {called}()"
                is_new = scene.tree.find(program).real not in scene.walk.found
                real = scene.walk.reach(program, why, path, is_certain=False)
                if options and is_new:
                    scene.options[real] = options
                    scene.walk.watched.add(real)
