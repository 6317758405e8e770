"""VEX from elsewhere: under which names a repository may speak of an image and of what is in it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hullmark.app.vex import VexRequest, check_place, check_request, products_of, statements_for
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.proof.sigstore.signature import IdentityTrust
from hullmark.proof.sigstore.trusted_root import read_trusted_root
from hullmark.source import SourceOptions
from tests.support.attestations import OPENVEX, cosign_tag, fallback_tag, statement_about, unsigned
from tests.support.images import Blobs, to_json
from tests.support.matching import inventory, package, snapshot_of
from tests.support.registry import FakeRegistry
from tests.support.sigstore import Sigstore

DIGEST, CONFIG = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NOBODY = IdentityTrust(root=read_trusted_root(to_json(Sigstore().trusted_root()), "the root"), identities=())


def image(kind: str, reference: str, *tags: str) -> Inventory:
    """An empty image from somewhere."""
    made = inventory(())
    source = replace(made.source, kind=kind, reference=reference, digest=DIGEST, config_digest=CONFIG, tags=tags)
    return replace(made, source=source)


def test_packages_are_named_without_version_plain_and_encoded() -> None:
    made = inventory((package("npm", "part", "1.0", space="@scope"), package("pypi", "django", "2.2")))
    assert products_of(made) == ("pkg:npm/%40scope/part", "pkg:npm/@scope/part", "pkg:pypi/django")


NAMED = [
    (
        "registry",
        "registry:ghcr.io/team/shop:1.4",
        {"ghcr.io/team/shop", "ghcr.io/team/shop:1.4", "pkg:oci/shop", "pkg:docker/ghcr.io/team/shop"},
    ),
    (
        "registry",
        "registry:debian",
        {"docker.io/library/debian:latest", "debian", "library/debian", "pkg:docker/debian"},
    ),
    ("docker", "docker:shop:1", {"shop", "shop:1", "pkg:oci/shop"}),
    ("registry", f"registry:a.example/b@{CONFIG}", {f"a.example/b@{CONFIG}", CONFIG}),
]


@pytest.mark.parametrize(("kind", "reference", "names"), NAMED)
def test_an_image_is_named_as_it_was_written_and_by_its_digests(kind: str, reference: str, names: set[str]) -> None:
    found = set(products_of(image(kind, reference)))
    assert names | {DIGEST, DIGEST.removeprefix("sha256:"), CONFIG} <= found


def test_an_archive_is_named_by_its_tags_and_not_by_its_path() -> None:
    found = products_of(image("docker-archive", "docker-archive:some/shop.tar", "example.org/shop:2"))
    assert {"example.org/shop", "example.org/shop:2", "pkg:oci/shop"} <= set(found)
    assert not any("tar" in name for name in found)


def test_what_is_no_reference_is_passed_over() -> None:
    assert set(products_of(image("registry", "registry:!!"))) == {
        name for digest in (DIGEST, CONFIG) for name in (digest, digest.removeprefix("sha256:"))
    }


def test_a_request_for_repositories_alone_needs_no_key_and_no_registry() -> None:
    vex_request = VexRequest(words=("repository",))
    check_request(vex_request)
    check_place("oci-dir:anything", vex_request)


@pytest.mark.parametrize("scheme", ["docker", "oci-dir", "docker-archive", "dir", "sbom"])
def test_attestations_of_what_is_in_no_registry_are_refused_at_once(scheme: str) -> None:
    vex_request = VexRequest(words=("attestation",), allows_unsigned=True)
    check_place("registry:shop", vex_request)
    check_place("shop:1", vex_request)
    with pytest.raises(HullmarkError, match="attestations are in registries") as caught:
        check_place(f"{scheme}:shop", vex_request)
    assert caught.value.advice


def test_attestations_of_an_image_that_came_from_elsewhere_are_refused() -> None:
    vex_request = VexRequest(words=("attestation",), allows_unsigned=True)
    with snapshot_of() as snapshot, pytest.raises(HullmarkError) as caught:
        statements_for(vex_request, image("docker", "docker:shop:1"), snapshot, SourceOptions())
    assert str(caught.value) == "attestations are in registries, and this source is not (docker)"


def test_documents_beside_an_image_that_say_nothing_are_told_of_only_where_they_are_believed() -> None:
    blobs = Blobs()
    described = blobs.image()
    strange = statement_about(described["digest"], {"@context": OPENVEX, "statements": [{"status": "fine"}]})
    options = SourceOptions(retries=0, timeout=5, certs_dirs=(), auth_files=(), registry_files=())
    with FakeRegistry(blobs, {"1": described["digest"]}).running() as registry, snapshot_of() as snapshot:
        for form in (strange, statement_about(described["digest"], {"@context": OPENVEX, "statements": []})):
            tag = f"{fallback_tag(described['digest'])}.att"
            registry.tags[tag] = cosign_tag(blobs, [unsigned(form)])["digest"]
            made = image("registry", f"registry:{registry.host}/shop:1")
            made = replace(made, source=replace(made.source, digest=described["digest"]))
            trusting, careful = (
                statements_for(request, made, snapshot, options)
                for request in (
                    VexRequest(words=("attestation",), allows_unsigned=True),
                    VexRequest(words=("attestation",), identities=NOBODY),
                )
            )
            assert trusting.statements == careful.statements == ()
            assert len(trusting.problems) == 1
            assert [problem.reason for problem in careful.problems] == [
                "the registry has no VEX attestation of this image"
            ]
