"""Writes the prints by which texts of licences are known, from the texts of SPDX's list.

python -m tools.licence_prints FILE    # spdx-full.json of npm's package spdx-license-list (CC0-1.0): identifier → name, text
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from hullmark.catalog.licences import texts
from hullmark.catalog.licences.texts import PRINTS, KnownText
from hullmark.catalog.licences.words import numbers_of, words_of
from hullmark.model.licences.spdx_ids import LICENSES

_MOST = 160
"""Numbers of one print: texts of as many words are kept whole."""

_ORDER, _BITS = 0x1E3779B1, (1 << 30) - 1
_MOST_RARE = 24
"""Numbers that tell a text from those that are nearly the same."""

_END = re.compile(r"END OF TERMS AND CONDITIONS.*", re.DOTALL)
_GNU = re.compile(r"A?L?GPL-|GFDL-")
_IS_FORMER = re.compile(r"-with-|\+$").search
_FORMER = frozenset(
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause-NetBSD", "bzip2-1.0.5", "eCos-2.0", "Nunit", "StandardML-NJ", "wxWindows")
)
"""Identifiers that SPDX advises against, of texts that others have too."""

_NOTICES = {
    "Apache-2.0": ("Licensed under the Apache License", "under the License."),
    "GPL-1.0": ("This program is free software", "any later version."),
    "GPL-2.0": ("This program is free software", "any later version."),
    "GPL-3.0": ("This program is free software", "any later version."),
    "LGPL-2.0": ("This library is free software", "any later version."),
    "LGPL-2.1": ("This library is free software", "any later version."),
    "AGPL-3.0": ("This program is free software", "any later version."),
    "MPL-2.0": ("This Source Code Form is subject to", "one at https://mozilla.org/MPL/2.0/."),
}
"""Where the notice begins and ends that a licence's text proposes for files."""

_LATER = re.compile(r"either (version [0-9.]+ of the License), or \(at your option\) any later version")


def main(source: str) -> None:
    """Write the file, and the digest of it into the module that reads it."""
    full = {name: each["licenseText"] for name, each in json.loads(Path(source).read_text()).items()}
    known = [*_texts(full), *_notices(full)]
    texts_with = Counter(number for text in known for number in set(_numbers(text)))
    content = msgspec.msgpack.encode([_with_rare(text, texts_with) for text in known])
    module = Path(texts.__file__)
    (module.parent / PRINTS).write_bytes(content)
    digest = f'PRINTS_SHA256 = "{sha256(content).hexdigest()}"'
    module.write_text(re.sub(r'PRINTS_SHA256 = "\w*"', digest, module.read_text()))


def _texts(full: dict[str, str]) -> Iterator[KnownText]:
    """The texts of licences, each once: of GNU's, which are the same whatever versions may be chosen, under that version alone."""
    seen: dict[bytes, str] = {}
    for name in sorted(set(LICENSES.split()) & set(full), key=_rank):
        is_left_out = _IS_FORMER(name) or name in _FORMER or (_GNU.match(name) and not name.endswith("-only"))
        text = _print("" if is_left_out else _END.sub("", full[name]), name)
        if text.words > 8 and seen.setdefault(text.numbers, name) == name:
            yield text
        elif not is_left_out:
            print(f"left out: {name}, as {seen.get(text.numbers, 'too short')}")


def _rank(name: str) -> tuple[int, str]:
    return len(name), name


def _notices(full: dict[str, str]) -> Iterator[KnownText]:
    """Notices, those of GNU's licences with and without later versions, and of programs and of libraries."""
    found = {}
    for name, (start, end) in _NOTICES.items():
        text = re.sub(r"\s+", " ", full[name])
        begin = text.rindex(start)
        found[name] = text[begin : text.index(end, begin) + len(end)]
    found["LGPL-3.0"] = found["GPL-3.0"].replace("General", "Lesser General")
    for name, text in found.items():
        if not _GNU.match(name):
            yield _notice(text, name)
            continue
        for kind in ("program", "library"):
            of_kind = re.sub("program|library", kind, text)
            yield _notice(of_kind, f"{name}-or-later")
            yield _notice(_LATER.sub(r"\1", of_kind), f"{name}-only")


def _notice(text: str, name: str) -> KnownText:
    return msgspec.structs.replace(_print(text, name), is_notice=True)


def _print(text: str, name: str) -> KnownText:
    """With all numbers of the text among the rare ones."""
    numbers = numbers_of([word for line in words_of(text.encode()) for word in line])
    bits, kept = _chosen(numbers, _MOST)
    rare = array("I", dict.fromkeys(numbers))
    return KnownText(name, False, len(numbers) + 2, bits, array("I", kept).tobytes(), rare.tobytes())


def _chosen(numbers: Iterable[int], most: int) -> tuple[int, list[int]]:
    """So many low bits that are 0 in the numbers that are kept, that no more than `most` are; and these, in an order of their own."""
    distinct = set(numbers)
    bits = 0
    kept = distinct
    while len(kept) > most:
        bits += 1
        kept = {number for number in distinct if not number & ((1 << bits) - 1)}
    return bits, sorted(kept, key=lambda number: number * _ORDER & _BITS)


def _numbers(text: KnownText) -> array[int]:
    return array("I", text.rare)


def _with_rare(text: KnownText, texts_with: Counter[int]) -> KnownText:
    """With those of its numbers that fewest other texts have."""
    found = sorted(_numbers(text), key=lambda number: (texts_with[number], number))[:_MOST_RARE]
    return msgspec.structs.replace(text, rare=array("I", found).tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
