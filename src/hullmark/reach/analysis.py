"""From an image's inventory, and what was read of its files, to what its start reaches."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from hullmark.model.inventory import Inventory
from hullmark.model.match import Match
from hullmark.model.reach import AdvisoryReach, ImageReach, Minimality, ObservedUse, Reach
from hullmark.model.reached_files import ReachedFiles
from hullmark.reach.answers import answers
from hullmark.reach.attack import attack_paths
from hullmark.reach.code import CUTS
from hullmark.reach.commands import Commands
from hullmark.reach.files import reached_files
from hullmark.reach.native import expand_elf
from hullmark.reach.observed import ObservedPaths, compare_observations, reach_observations
from hullmark.reach.recipe import recipe_of
from hullmark.reach.residue import kept_paths
from hullmark.reach.scene import ReachFacts, Scene
from hullmark.reach.seccomp import syscall_profile
from hullmark.reach.services import expand_service
from hullmark.reach.shares import shares
from hullmark.reach.tree import FileTree
from hullmark.reach.verdicts import Verdicts

_NO_START = "the image does not say what it starts"


class ReachRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: further `roots` (paths or commands), the files and packages to answer for (`why`), what was `observed` to be opened,
    and whether also for `syscalls`."""

    roots: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    observed: ObservedPaths | None = None
    syscalls: bool = False


def minimality(
    inventory: Inventory, facts: ReachFacts, request: ReachRequest, matches: Sequence[Match] | None = None
) -> Minimality:
    """What of the image is reached. `matches` are those of its packages, if there are advisories.

    Raises HullmarkError for a package or a file to answer for that is not there.
    """
    return _analyse_walk(inventory, facts, request, matches)[0]


def minimality_of_files(
    inventory: Inventory, facts: ReachFacts, request: ReachRequest
) -> tuple[Minimality, ReachedFiles]:
    """The same without advisories, and whether each file is reached."""
    found, verdicts = _analyse_walk(inventory, facts, request, None)
    return found, reached_files(verdicts)


def _analyse_walk(
    inventory: Inventory, facts: ReachFacts, request: ReachRequest, matches: Sequence[Match] | None
) -> tuple[Minimality, Verdicts]:
    result = walk(inventory, facts, request.roots)
    use = _include_observations(inventory, result, request.observed) if request.observed is not None else None
    verdicts = Verdicts(inventory, result.scene)
    packages = verdicts.packages()
    by_purl: dict[str, Reach] = {package.purl: package.reach for package in packages}
    kept = kept_paths(result.scene, verdicts)
    found = Minimality(
        source=inventory.source,
        roots=result.roots,
        packages=packages,
        programs=verdicts.programs(),
        counts=verdicts.counts(packages),
        open_ends=tuple(sorted(result.scene.walk.ends)),
        matches=None
        if matches is None
        else advisories_reached(
            (
                (match.advisory.cve or match.advisory.id, match.advisory.severity, match.package.purl)
                for match in matches
            ),
            by_purl,
        ),
        recipe=recipe_of(inventory, packages),
        answers=answers(inventory, verdicts, packages, request.why),
        attack_paths=attack_paths(facts.config, verdicts),
        observed=use,
        kept=kept,
        syscalls=None if facts.syscalls is None else syscall_profile(result.scene, facts.syscalls, verdicts.unseen),
        shares=shares(verdicts),
        problems=tuple(problem for problem in inventory.problems if problem.is_open),
        unseen=verdicts.unseen,
    )
    return found, verdicts


def _include_observations(inventory: Inventory, result: WalkResult, observed: ObservedPaths) -> ObservedUse:
    """What the walk made of what was opened; from there on that is reached, and all that it leads to."""
    use = compare_observations(result.scene, Verdicts(inventory, result.scene), observed)
    reach_observations(result.scene, observed.paths)
    _follow(result.scene, result.commands)
    return use


def image_reach(inventory: Inventory, facts: ReachFacts) -> ImageReach:
    """Which packages and executables the image's own start reaches."""
    result = walk(inventory, facts)
    verdicts = Verdicts(inventory, result.scene)
    return ImageReach(
        roots=result.roots, packages=verdicts.packages(), programs=verdicts.programs(), unseen=verdicts.unseen
    )


def advisories_reached(
    found: Iterable[tuple[str, str, str]], by_purl: Mapping[str, Reach]
) -> tuple[AdvisoryReach, ...]:
    """Advisories, each (CVE or id, severity, package URL), with whether their packages are reached; each once, sorted."""
    return tuple(
        sorted(
            {
                AdvisoryReach(advisory=name, severity=severity, purl=purl, reach=by_purl.get(purl, "unknown"))
                for name, severity, purl in found
            }
        )
    )


class WalkResult(msgspec.Struct, frozen=True):
    """The scene after the walk, the commands that it began with, and what follows these."""

    scene: Scene
    roots: tuple[str, ...]
    commands: Commands


def walk(inventory: Inventory, facts: ReachFacts, more: Sequence[str] = ()) -> WalkResult:
    """Walk from all that is started to all that it reaches."""
    scene = Scene(FileTree(inventory.files or ()), facts, inventory.problems)
    commands = Commands(scene)
    roots: list[str] = []
    config = facts.config
    started: list[tuple[str, tuple[str, ...]]] = []
    if config is not None:
        started.append(("ENTRYPOINT" if config.entrypoint else "CMD", (*config.entrypoint, *config.cmd)))
        check = config.healthcheck.test if config.healthcheck is not None else ()
        started.append(("HEALTHCHECK", check[1:] if check[:1] == ("CMD",) else ()))
        started.append(("HEALTHCHECK", ("/bin/sh", "-c", *check[1:]) if check[:1] == ("CMD-SHELL",) else ()))
    started += [("--root", _words(text)) for text in more]
    for where, words in started:
        if words:
            roots.append(f"{where} {shlex.join(words)}")
            before = len(scene.walk.found)
            commands.start(words, f"is what {where} starts")
            program = scene.program(words[0])
            if where == "HEALTHCHECK" and not program:
                # The engine finds nothing to start, and calls the container unhealthy; what is mounted for that is not part of the image.
                scene.walk.end("", f"{words[0][:200]}, which HEALTHCHECK starts, is not in the image")
            elif len(scene.walk.found) == before and not program:
                scene.blur_programs("", f"{words[0][:200]}, which {where} starts, is not in the image")
                scene.tree.cut(f"{words[0][:200]}, which is started, is not in the image")
            code = facts.code.get(scene.tree.find(program).real) if program else None
            if code is not None and code.interpreter and not scene.program(code.interpreter[0]):
                scene.tree.cut(f"{code.interpreter[0][:200]}, which runs what is started, is not in the image")
    if not roots:
        scene.blur_programs("", _NO_START)
        scene.tree.cut(_NO_START)
    _follow(scene, commands)
    return WalkResult(scene, tuple(roots), commands)


def _follow(scene: Scene, commands: Commands) -> None:
    """Walk until nothing leads on, nor what depends on all that is reached."""
    scene.walk.run(lambda path: _expand(scene, commands, path))
    while commands.read_again() or scene.lead_on():
        scene.walk.run(lambda path: _expand(scene, commands, path))


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return (text,)


def _expand(scene: Scene, commands: Commands, path: str) -> None:
    """Reach what one file leads to, whatever it is."""
    elf = scene.facts.elves.get(path)
    if elf is not None:
        expand_elf(scene, path, elf)
        if elf.interpreter or elf.is_static:
            # Whoever starts it, it reads its settings.
            name = path.rpartition("/")[2]
            expand_service(scene, name, name, path)
            commands.languages.may_run_anything(path)
        return
    commands.languages.java.expand(path)
    code = scene.facts.code.get(path)
    if code is None:
        return
    record = scene.tree.files.get(path)
    if set(CUTS).intersection(code.untold):
        scene.tree.cut(f"of {path} not all was read: {code.untold[0]}")
    is_module = "." in path.rpartition("/")[2] and bool(code.language)
    is_run = record is not None and record.mode & 0o111 and path not in scene.walk.as_data
    if code.interpreter and is_run and not is_module:
        commands.script(path, path)
    commands.languages.expand(path)
