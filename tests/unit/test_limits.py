"""Every bound on input says what it bounds and what follows beyond it, and docs/reference/limits.md lists them all.

HULLMARK_GOLDEN=write writes the page anew.
"""

from __future__ import annotations

import copy
import os
import pickle
import re

import pytest

from hullmark.model.limit import Limit
from tools.limits import PAGE, bounds, defined_in, modules, page, readable

_SOUNDS_LIKE_A_LIMIT = re.compile(r"(?:^|_)(?:DEEPEST|LARGEST|LIMIT|LIMITS|LONGEST|MAX|MOST)(?:_|$)").search
NO_LIMITS = {
    "hullmark.catalog.systems.dpkg_status._MAX_EPOCH": "dpkg itself refuses larger epochs",
    "hullmark.catalog.programs.executable._SLICES_LIMIT": "tells fat Mach-O files from Java classes, which begin alike",
    "hullmark.catalog.programs.windows._LONGEST": "a file of a product with a longer name is known by its own",
    "hullmark.facets.configuration.apache_reader._MAX_NAME": "sections with longer names are numbered",
    "hullmark.facets.configuration.bracketed._LONGEST": "of longer names a digest tells one from the other",
    "hullmark.facets.configuration.shell_expansion._LONGEST_CUT": "a longer value is taken as not known",
    "hullmark.facets.configuration.shell_expansion._MAX_TEST": "what a longer condition decides is taken as not known",
    "hullmark.facets.configuration.start._MOST_FOLDERS": "with more, how the image is started is taken as not known",
    "hullmark.facets.secrets.finder.MOST_ISSUERS": "what a name of more issuers is given is found as one of a general kind",
    "hullmark.facets.secrets.kinds_named._LONGEST_NAME": "what a longer name is given is found as one of a general kind",
    "hullmark.facets.unpacking.archives._MAX_NAME": "how much of a member's name is shown",
    "hullmark.facets.unpacking.tars._MAX_NAME": "how much of a member's name is shown",
    "hullmark.facets.unpacking.zips._LONGEST_END": "where a zip's end may lie",
    "hullmark.facets.unpacking.git._LONGEST_NUMBER": "longer numbers are damage",
    "hullmark.facets.malware.clamav._MAX_QUOTED": "how much of an answer is shown",
    "hullmark.facets.secrets.own.MAX_BLOCKS": "what is left out on purpose; beyond it more is searched",
    "hullmark.advisories.feeds.faults._LONGEST_PLACE": "how much of a record's name is kept",
    "hullmark.advisories.feeds.faults._LONGEST_REASON": "how much of a reason is kept",
    "hullmark.advisories.feeds.formats.rhel_minors._MAX_MINOR": "tells minor releases from other numbers",
    "hullmark.policy.anchore.apk_modes._MAX_LINES": "no file that rules look into has so many",
    "hullmark.policy.anchore.dockerfile._MAX_LINES": "no Dockerfile that is taken has so many",
    "hullmark.policy.anchore.gates.vulnerabilities._MAX_DAYS": "longer than there have been computers",
    "hullmark.policy.anchore.regexes._MAX_LOOKED_AT": "chooses between two ways to the same answer",
    "hullmark.policy.dockerfile.history._MAX_WORDS": "where a shell's option stands",
    "hullmark.policy.dockerfile.shown._LONGEST": "how much of an instruction is shown",
    "hullmark.policy.files._MOST_CANDIDATES": "chooses between two ways to the same answer",
    "hullmark.policy.masked._MOST": "what takes longer to work out may fit",
    "hullmark.policy.gates.accounts._LONGEST": "no number in passwd(5) is so long; else it cannot be told",
    "hullmark.policy.gates.dockerfile._LONGEST": "how much of an instruction is shown",
    "hullmark.policy.gates.expression._LONGEST": "how much of an expression is shown",
    "hullmark.policy.gates.image._LONGEST": "how much of a version is shown",
    "hullmark.policy.gates.licences._LONGEST": "how much of a licence is shown",
    "hullmark.policy.rollout.MAX_GRACE_DAYS": "the longest grace that a policy may give",
    "hullmark.policy.conversion._LONGEST_ID": "the names that translated rules get",
    "hullmark.policy.convert_image._MAX_LAYERS": "what a native rule takes; the translation says so",
    "hullmark.policy.convert_native._MAX_ID": "the largest number of a user",
    "hullmark.policy.convert_rules._MAX_MODE": "all bits of a mode",
    "hullmark.policy.convert_vulnerabilities._MAX_DAYS": "what a native rule takes",
    "hullmark.reach.java._MAX_WORD": "where a command has a longer word, its whole class path is used",
    "hullmark.reach.java_code._MAX_SERVICE": "a larger file makes what its archive names unknown, as a damaged one does",
    "hullmark.reach.tree._MOST_LINKS": "the kernel follows no more",
    "hullmark.reach.tree._MOST_PARTS": "no path that the kernel takes has more",
    "hullmark.catalog.licences.words._MOST_WORDS_KEPT": "what is remembered; more is worked out again",
    "hullmark.places.gates.docker.front._LARGEST_MESSAGE": "a program of its own, which imports nothing of ours",
    "hullmark.places.gates.docker.front._LONGEST_ANSWER": "a program of its own, which imports nothing of ours",
    "hullmark.catalog.relations.provenance._MOST_LINKS": "the kernel follows no more",
    "hullmark.rootfs.builder._LONGEST_NAME": "the longest name that a file system takes",
    "hullmark.rootfs.tree._MAX_LINKS": "the kernel follows no more",
    "hullmark.rootfs.tree._MAX_SEGMENTS": "no path that the kernel takes has more",
    "hullmark.rootfs.tree._MAX_TARGET": "the kernel makes no link with a longer target",
    "hullmark.places.runtime.ecs.collector._MOST_DEFINITIONS": "what is remembered; more is asked for again",
    "hullmark.places.runtime.ecs.collector._MOST_VERSIONS": "what is remembered; more is asked for again",
    "hullmark.places.runtime.engines.drift._LONGEST_KEY": "of longer paths a digest tells one from the other",
    "hullmark.versions.deb._MAX_EPOCH": "dpkg itself refuses larger epochs",
}
"""Numbers with such a name that bound nothing of ours, and what they are."""

ROOMS = (
    "advisories",
    "catalog",
    "facets",
    "net",
    "places",
    "policy",
    "reach",
    "rootfs",
    "source",
    "versions",
)


def test_the_page_of_limits_is_as_the_program_has_them() -> None:
    made = page()
    if os.environ.get("HULLMARK_GOLDEN") == "write":
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, "python -m tools.limits writes it anew"


def test_a_number_whose_name_is_that_of_a_limit_is_one() -> None:
    found = {
        f"{module.__name__}.{name}": value
        for module in modules()
        if module.__name__.split(".")[1] in ROOMS
        for name, value in defined_in(module)
        if name.isupper() and _SOUNDS_LIKE_A_LIMIT(name) and type(value) is int
    }
    assert set(found) == set(NO_LIMITS)


def test_each_limit_says_what_it_bounds_in_words() -> None:
    for bound in bounds():
        assert re.match(r"[a-z]+,? \S+", bound.what), bound
        assert not bound.what.endswith("."), bound
        assert bound.number > 0 or bound.what.endswith("`rpm-log`"), bound


def test_limits_of_all_kinds_of_places_are_found() -> None:
    names = {(bound.module, bound.name) for bound in bounds()}
    assert ("hullmark.rootfs.limits", "Limits.entries") in names
    assert ("hullmark.catalog.systems.dpkg_status", "STATUS.limit") in names
    assert ("hullmark.catalog.systems.dpkg_status", "_MAX_STANZAS") in names
    # An import makes no second limit.
    assert ("hullmark.catalog.programs.golang", "BODY_LIMIT") not in names


@pytest.mark.parametrize(
    ("number", "what", "shown"),
    [
        (1 << 20, "bytes of it", "1 MiB"),
        (65_535, "bytes of it", "65,535"),
        (3 << 30, "bytes of it", "3 GiB"),
        (1 << 20, "files", "1,048,576"),
    ],
)
def test_bytes_are_shown_in_the_largest_unit_that_divides_them(number: int, what: str, shown: str) -> None:
    assert readable(number, what) == shown


def test_a_limit_is_a_number_like_any_other() -> None:
    limit = Limit(7, "things")
    assert (limit + 1, f"{limit:,}", limit.effect) == (8, "7", "unseen")
    limit = Limit(7, "things", "refused", option="--most")
    for other in (copy.copy(limit), copy.deepcopy(limit), pickle.loads(pickle.dumps(limit))):  # noqa: S301 - our own
        assert (other, other.what, other.effect, other.option) == (7, "things", "refused", "--most")
