"""Reports: results become bytes. FORMATS lists every format; its module is imported when the format is requested."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from hullmark.model.errors import HullmarkError

if TYPE_CHECKING:
    from hullmark.model.configuration import ImageConfiguration
    from hullmark.model.inventory import Inventory
    from hullmark.model.malware import ImageMalware
    from hullmark.model.match import Matches
    from hullmark.model.policy_facts import KnownImage
    from hullmark.model.secret import ImageSecrets
    from hullmark.model.verdict import Verdict
    from hullmark.report.format import Format, Kind

# Names of modules, not modules: a command must not pay for the formats that it does not write.
FORMATS: dict[tuple[Kind, str], str] = {
    ("configuration", "json"): "hullmark.report.configuration_json",
    ("configuration", "table"): "hullmark.report.configuration_table",
    ("files", "json"): "hullmark.report.files_json",
    ("files", "table"): "hullmark.report.files_table",
    ("inventory", "cyclonedx-json"): "hullmark.report.cyclonedx_json",
    ("inventory", "json"): "hullmark.report.inventory_json",
    ("inventory", "purls"): "hullmark.report.purls",
    ("inventory", "spdx-json"): "hullmark.report.spdx_json",
    ("inventory", "syft-json"): "hullmark.report.syft_json",
    ("inventory", "table"): "hullmark.report.inventory_table",
    ("known", "json"): "hullmark.report.known_json",
    ("malware", "json"): "hullmark.report.malware_json",
    ("malware", "table"): "hullmark.report.malware_table",
    ("matches", "cosign-vuln"): "hullmark.report.matches_cosign_vuln",
    ("matches", "csaf"): "hullmark.report.vex_csaf",
    ("matches", "csv"): "hullmark.report.matches_csv",
    ("matches", "cyclonedx-json"): "hullmark.report.matches_cyclonedx_json",
    ("matches", "cyclonedx-vex-json"): "hullmark.report.vex_cyclonedx_json",
    ("matches", "github"): "hullmark.report.matches_github",
    ("matches", "gitlab"): "hullmark.report.matches_gitlab",
    ("matches", "html"): "hullmark.report.matches_html",
    ("matches", "json"): "hullmark.report.matches_json",
    ("matches", "junit"): "hullmark.report.matches_junit",
    ("matches", "markdown"): "hullmark.report.matches_markdown",
    ("matches", "openvex"): "hullmark.report.vex_openvex",
    ("matches", "sarif"): "hullmark.report.matches_sarif",
    ("matches", "table"): "hullmark.report.matches_table",
    ("matches", "template"): "hullmark.report.matches_template",
    ("secrets", "json"): "hullmark.report.secrets_json",
    ("secrets", "table"): "hullmark.report.secrets_table",
    ("verdict", "github"): "hullmark.report.verdict_github",
    ("verdict", "html"): "hullmark.report.verdict_html",
    ("verdict", "json"): "hullmark.report.verdict_json",
    ("verdict", "junit"): "hullmark.report.verdict_junit",
    ("verdict", "markdown"): "hullmark.report.verdict_markdown",
    ("verdict", "sarif"): "hullmark.report.verdict_sarif",
    ("verdict", "table"): "hullmark.report.verdict_table",
}
"""(kind, name) → the module whose FORMAT constant it is."""


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all formats for one kind of result, sorted."""
    return tuple(sorted(name for of, name in FORMATS if of == kind))


@overload
def load(kind: Literal["configuration"], name: str) -> Format[ImageConfiguration]: ...
@overload
def load(kind: Literal["known"], name: str) -> Format[KnownImage]: ...
@overload
def load(kind: Literal["malware"], name: str) -> Format[ImageMalware]: ...
@overload
def load(kind: Literal["secrets"], name: str) -> Format[ImageSecrets]: ...
@overload
def load(kind: Literal["files", "inventory"], name: str) -> Format[Inventory]: ...
@overload
def load(kind: Literal["matches"], name: str) -> Format[Matches]: ...
@overload
def load(kind: Literal["verdict"], name: str) -> Format[Verdict]: ...
def load(kind: Kind, name: str) -> Format[Any]:
    """The format of this name for this kind of result. Raises HullmarkError where there is none."""
    module = FORMATS.get((kind, name))
    if module is None:
        raise HullmarkError(f"{name!r} is no format for this", advice=f"choose one of {', '.join(names(kind))}")
    return cast("Format[Any]", import_module(module).FORMAT)
