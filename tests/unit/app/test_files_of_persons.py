"""Files that a person hands over, and that are not what they should be: each is named, and what is wrong with it is said."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from hullmark.app.check import judge
from hullmark.app.configuration import configuration_of
from hullmark.app.images import is_verdict
from hullmark.app.inventories import read_inventory
from hullmark.app.kept_policies import PolicyShelf
from hullmark.app.policies import case_files, load_native
from hullmark.app.recipes import cook, malware_of, matches_of
from hullmark.app.signers import signer_named
from hullmark.app.verdicts import read_verdict
from hullmark.app.vulns import rules_in, statements_in
from hullmark.model.errors import HullmarkError
from hullmark.policy.cases import MalwareReport, Recipe, Weakness
from hullmark.policy.document import Node
from hullmark.proof.signing import KeySigner
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.source import SourceOptions
from tests.support.images import small_layout
from tests.unit.app.test_kept_policies import NATIVE, day


def refused(act: Callable[[], object]) -> tuple[str, str]:
    """What is said, and what is advised."""
    with pytest.raises(HullmarkError) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.advice


# Policies


def test_an_anchore_bundle_in_a_folder_of_native_policies_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(NATIVE)
    (tmp_path / "b.json").write_text('{"id": "x", "version": "2", "rule_sets": [], "mappings": []}')
    (tmp_path / "c.test.yaml").write_text("")
    (tmp_path / "d.test.json").write_text("")
    assert refused(lambda: load_native(tmp_path)) == (
        "b.json is an Anchore policy bundle, not a native policy",
        "hullmark policy convert makes a native policy of it",
    )
    assert case_files(tmp_path) == (tmp_path / "c.test.yaml", tmp_path / "d.test.json")
    assert case_files(tmp_path / "c.yaml") == (tmp_path / "c.test.yaml",)


def test_a_shelf_of_policies_says_where_it_cannot_write_and_what_it_cannot_read(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(NATIVE)
    (tmp_path / "file").write_bytes(b"")
    shelf = PolicyShelf(tmp_path / "file")
    assert refused(lambda: shelf.keep(policy, at=day(1), now=day(2))) == (
        f"cannot write {tmp_path / 'file' / 'texts'}: Not a directory",
        "check rights and space, or give --policy-dir",
    )
    (tmp_path / "shelf" / "versions").mkdir(parents=True)
    message, _ = refused(PolicyShelf(tmp_path / "shelf").versions)
    assert message == f"cannot read {tmp_path / 'shelf' / 'versions'}: Is a directory"


# Verdicts and inventories


def test_documents_of_another_schema_are_told_from_those_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    inventory = cook(Recipe(), ScanRequest()).inventory
    written = load("inventory", "json").render(inventory, RenderContext(tool_version="1"))
    path.write_bytes(written.replace(b'"hullmark-inventory/1"', b'"hullmark-inventory/99"'))
    message, advice = refused(lambda: read_inventory(path))
    assert message.startswith(f"{path} is not of the schema hullmark-inventory/")
    assert advice == "write it anew with hullmark scan -o json"
    (tmp_path / "policy.yaml").write_text(NATIVE)
    layout = f"oci-dir:{small_layout(tmp_path / 'image')}"
    verdict = judge(layout, load_native(tmp_path / "policy.yaml"), day(1), ScanResources(), SourceOptions()).verdict
    written = load("verdict", "json").render(verdict, RenderContext(tool_version="1"))
    path.write_bytes(written.replace(b'"hullmark-verdict/1"', b'"hullmark-verdict/99"'))
    message, advice = refused(lambda: read_verdict(path))
    assert message.startswith(f"{path} is not of the schema hullmark-verdict/")
    assert advice == "write it anew with hullmark check -o json"
    assert is_verdict(str(path))


@pytest.mark.parametrize(
    "body", [b"", b"PK\3\4", b"{", b'{"schema": 1}', b'{"schema": "hullmark-inventory/1"}', b"[" * 999]
)
def test_what_is_no_verdict_is_taken_for_an_image(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(body)
    assert not is_verdict(str(path))
    assert not is_verdict(str(tmp_path))
    assert not is_verdict("x" * 5000)


# Rules and statements about vulnerabilities


def test_rules_and_statements_that_are_none_are_refused_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    message, advice = refused(lambda: rules_in(path))
    assert (message, advice) == (f"cannot read {path}: No such file or directory", "check the path")
    path.write_text("ignore: 1\n")
    message, advice = refused(lambda: rules_in(path))
    assert message.startswith(f"{path}: ")
    assert advice == "docs/how-to/ignore-a-match.md shows the rules"
    path.write_text('{"bomFormat": "other"}')
    message, advice = refused(lambda: statements_in(path))
    assert message.startswith(f"{path} is not a VEX document: ")
    assert advice == "OpenVEX, CSAF and CycloneDX are read"
    with path.open("r+b") as file:
        file.truncate((64 << 20) + 1)  # of holes: nothing of it is read
    assert refused(lambda: statements_in(path)) == (f"{path} is larger than 64 MiB", "is it the right file?")


def test_a_name_of_settings_that_is_no_pattern_is_refused(tmp_path: Path) -> None:
    reference = f"oci-dir:{small_layout(tmp_path)}"
    message, advice = refused(lambda: configuration_of(reference, ScanResources(), SourceOptions(), keys=("*" * 2000,)))
    assert message.startswith("--key: ")
    assert advice == "write it as sshd.*"


# Recipes of test cases


def recipe(path: str, **file: str) -> Recipe:
    return msgspec.structs.replace(
        Recipe(), files={path: Node({name: Node(value, 1) for name, value in file.items()}, 1)}
    )


@pytest.mark.parametrize(
    ("path", "file", "message", "advice"),
    [
        ("/", {"text": ""}, "a recipe names a file without a name", "write an absolute path, as /etc/passwd"),
        ("/a", {"base64": "%%%"}, "the recipe's file /a is not base64: ", "or write it as text"),
        ("/a", {"base64": "ü"}, "the recipe's file /a is not base64: ", "or write it as text"),
    ],
)
def test_a_file_of_a_recipe_that_cannot_be_made_is_named(
    path: str, file: dict[str, str], message: str, advice: str
) -> None:
    said, advised = refused(lambda: cook(recipe(path, **file), ScanRequest()))
    assert (said.startswith(message), advised) == (True, advice)


def test_what_a_case_says_of_vulnerabilities_and_malware_must_make_sense() -> None:
    inventory = cook(Recipe(packages=("pkg:deb/debian/zlib1g@1",)), ScanRequest()).inventory
    weakness = Weakness(package="pkg:deb/debian/zlib1g@1", id="CVE-2026-1", epss="likely")
    assert refused(lambda: matches_of((weakness,), (), inventory)) == (
        "the epss of CVE-2026-1 is not a number",
        "write it as 0.05",
    )
    assert refused(lambda: malware_of(MalwareReport(signatures_at="yesterday"), inventory)) == (
        "signatures_at: 'yesterday' is not a day",
        "write it as 2026-01-31",
    )


# Keys


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ("exec:", "--sign exec: names no program", "write exec:PROGRAM ARGUMENTS"),
        ("exec:'sign", '"exec:\'sign" is not a command: No closing quotation', "quote its arguments"),
        ("keyless", "signing without a key is not possible here", "sign with a key, or with a program that asks a key"),
        ("exec:/nowhere/kms", "/nowhere/kms cannot be run to sign: ", "check --sign exec:…"),
    ],
)
def test_a_signer_that_cannot_be_is_refused(text: str, message: str, advice: str) -> None:
    said, advised = refused(lambda: signer_named(text, {}))
    assert said.startswith(message)
    assert advised.startswith(advice)


def test_a_program_that_prints_no_signature_is_named(tmp_path: Path) -> None:
    key, answer = tmp_path / "key.pub", tmp_path / "answer"
    key.write_bytes(KeySigner(generate_private_key(SECP256R1())).public)
    program = tmp_path / "kms"
    program.write_text(f'#!/bin/sh\nif [ "$1" = public-key ]; then cat {key}; else cat {answer}; fi\n')
    program.chmod(0o755)
    signer = signer_named(f"exec:{program}", {"PATH": "/usr/bin:/bin"})
    answer.write_bytes(base64.b64encode(b"signature") + b"\n")
    assert signer.sign(b"statement") == b"signature"
    answer.write_bytes(b"signed!\n")
    assert refused(lambda: signer.sign(b"statement")) == (
        f"{program} sign did not print a signature in base64",
        "see docs/how-to/sign-and-verify-verdicts.md",
    )
