"""Reports: results become bytes. FORMATS lists every format; its module is imported when the format is requested."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from hullmark.model.errors import HullmarkError

if TYPE_CHECKING:
    from hullmark.model.configuration import ImageConfiguration
    from hullmark.model.difference import ImageDifference
    from hullmark.model.image_layers import ImageLayers
    from hullmark.model.image_report import ImageReport
    from hullmark.model.inventory import Inventory
    from hullmark.model.malware import ImageMalware
    from hullmark.model.match import Matches
    from hullmark.model.place import Places
    from hullmark.model.policy_facts import KnownImage
    from hullmark.model.provenance import Provenance
    from hullmark.model.quality import Quality
    from hullmark.model.reach import Minimality
    from hullmark.model.remedy import Remedy
    from hullmark.model.secret import ImageSecrets
    from hullmark.model.upkeep import Upkeep
    from hullmark.model.verdict import Verdict
    from hullmark.report.format import Format, Kind

_MODULES = (
    *("configuration_json", "configuration_table"),
    *("difference_json", "difference_markdown", "difference_table"),
    *("files_json", "files_table"),
    *(
        "inventory_csv",
        "inventory_cyclonedx_json",
        "inventory_cyclonedx_xml",
        "inventory_github_json",
        "inventory_json",
    ),
    *(
        "inventory_purls",
        "inventory_spdx3_json",
        "inventory_spdx_json",
        "inventory_spdx_tag_value",
        "inventory_syft_json",
    ),
    *("inventory_table", "inventory_template", "known_json"),
    *("layers_json", "layers_markdown", "layers_table"),
    *("malware_json", "malware_table"),
    *("matches_cosign_vuln", "matches_csaf", "matches_csv", "matches_cyclonedx_json", "matches_cyclonedx_vex_json"),
    *("matches_github", "matches_gitlab", "matches_html", "matches_json", "matches_junit", "matches_markdown"),
    *("matches_openvex", "matches_sarif", "matches_table", "matches_template"),
    *("minimality_html", "minimality_json", "minimality_table"),
    *("places_csv", "places_json", "places_table"),
    *("provenance_json", "provenance_table"),
    *("quality_json", "quality_table"),
    *("remedy_dockerfile", "remedy_json", "remedy_markdown", "remedy_table"),
    "report_pdf",
    *("secrets_json", "secrets_table"),
    *("upkeep_json", "upkeep_table"),
    *("verdict_github", "verdict_html", "verdict_json", "verdict_junit", "verdict_markdown", "verdict_sarif"),
    "verdict_table",
)
"""The modules that hold formats, each named KIND_NAME. A new format is one module and its name here."""

# Modules are imported when they are asked for: a command must not pay for the formats that it does not write.
FORMATS: dict[tuple[Kind, str], str] = {
    (cast("Kind", kind), name.replace("_", "-")): f"{__name__}.{kind}_{name}"
    for kind, _, name in (module.partition("_") for module in _MODULES)
}
"""(kind, name) → the module whose FORMAT constant it is."""


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all formats for one kind of result, sorted."""
    return tuple(sorted(name for of, name in FORMATS if of == kind))


@overload
def load(kind: Literal["configuration"], name: str) -> Format[ImageConfiguration]: ...
@overload
def load(kind: Literal["difference"], name: str) -> Format[ImageDifference]: ...
@overload
def load(kind: Literal["layers"], name: str) -> Format[ImageLayers]: ...
@overload
def load(kind: Literal["known"], name: str) -> Format[KnownImage]: ...
@overload
def load(kind: Literal["malware"], name: str) -> Format[ImageMalware]: ...
@overload
def load(kind: Literal["minimality"], name: str) -> Format[Minimality]: ...
@overload
def load(kind: Literal["places"], name: str) -> Format[Places]: ...
@overload
def load(kind: Literal["provenance"], name: str) -> Format[Provenance]: ...
@overload
def load(kind: Literal["quality"], name: str) -> Format[Quality]: ...
@overload
def load(kind: Literal["remedy"], name: str) -> Format[Remedy]: ...
@overload
def load(kind: Literal["report"], name: str) -> Format[ImageReport]: ...
@overload
def load(kind: Literal["secrets"], name: str) -> Format[ImageSecrets]: ...
@overload
def load(kind: Literal["files", "inventory"], name: str) -> Format[Inventory]: ...
@overload
def load(kind: Literal["matches"], name: str) -> Format[Matches]: ...
@overload
def load(kind: Literal["upkeep"], name: str) -> Format[Upkeep]: ...
@overload
def load(kind: Literal["verdict"], name: str) -> Format[Verdict]: ...
def load(kind: Kind, name: str) -> Format[Any]:
    """The format of this name for this kind of result. Raises HullmarkError where there is none."""
    module = FORMATS.get((kind, name))
    if module is None:
        raise HullmarkError(f"{name!r} is not a format for this", advice=f"choose one of {', '.join(names(kind))}")
    return cast("Format[Any]", import_module(module).FORMAT)
