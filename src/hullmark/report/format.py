"""What a format is: a function from a result to bytes, with the names it goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, Literal, TypeVar

import msgspec

from hullmark.model.reach import MatchReach

R = TypeVar("R")

Kind = Literal[
    "configuration",
    "difference",
    "files",
    "inventory",
    "known",
    "layers",
    "malware",
    "matches",
    "minimality",
    "places",
    "provenance",
    "quality",
    "remedy",
    "report",
    "secrets",
    "upkeep",
    "verdict",
]
"""What a format writes: an ImageConfiguration, an ImageDifference, the files of an Inventory, an Inventory, a KnownImage,
ImageLayers, ImageMalware, Matches, a Minimality, Places, a Provenance, a Quality, a Remedy, an ImageReport, ImageSecrets, an Upkeep or
a Verdict. Two formats may share a name if their kinds differ."""


class RenderContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a rendering may use besides the result.

    `timestamp` is the moment the document says it was made, as RFC 3339 has it; None where none was requested;
    then equal results give equal bytes. `color` allows escape codes. `width` is the terminal's, in columns; 0 means
    that there is no terminal, and lines are as long as they need to be. `template` is the text that the format `template`
    fills in. `spec_version` is the version of the standard that is asked for ("": the usual one). `author` is
    who says that he made the document, as `Example Ltd <sbom@example.com>`. `name` is what people call the image,
    where the result has its digest alone. `explains`: a table gives the reason of each row; `shows_suppressed`: it lists also what was
    set aside; `shows_ssvc`: it has a column for the SSVC decision. `since` says of a verdict's findings when they became known, by their
    trigger_id; only a server knows. `reach` says of packages, by their URLs, whether the image's start reaches them.
    `variables` are those of the environment that a format may name (`GITHUB_…`).
    """

    tool_version: str
    timestamp: str | None = None
    color: bool = False
    width: int = 0
    template: str = ""
    spec_version: str = ""
    author: str = ""
    name: str = ""
    explains: bool = False
    shows_suppressed: bool = False
    shows_ssvc: bool = False
    since: Mapping[str, datetime] = {}
    reach: Mapping[str, MatchReach] = {}
    variables: Mapping[str, str] = {}


class Format(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """One way to write a result. `file_name` is what a file of this format is usually called.

    `render_all` writes several results as one document; where it is None, their documents follow one another, unless the format
    `is_single`: then what follows would make the file invalid. `tells_relations`: it says which packages need which, if that is known.
    `tells_licences`: it says where licences were told, and what licence files tell.
    `spec_versions` are the versions of its standard that it can write, where there are several.
    """

    kind: Kind
    name: str
    media_type: str
    file_name: str
    render: Callable[[R, RenderContext], bytes]
    render_all: Callable[[Sequence[R], RenderContext], bytes] | None = None
    is_single: bool = False
    tells_relations: bool = False
    tells_licences: bool = False
    spec_versions: tuple[str, ...] = ()
