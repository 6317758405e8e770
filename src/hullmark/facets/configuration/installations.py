"""Several installations of one program in an image, each with a main file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.facets.configuration.parser import Files


def installations(files: Files, places: Iterable[str], program: str) -> Iterator[tuple[str, str]]:
    """(main file, how the keys of its settings begin) of each installation: the first goes by the program's name, the others by their
    main file's too. A file that several places lead to counts once.
    """
    seen: set[str] = set()
    for main in places:
        real = files.real(main)
        if real is not None and real not in seen:
            yield main, f"{program}[{main}]" if seen else program
            seen.add(real)
