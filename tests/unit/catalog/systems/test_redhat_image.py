"""The image itself as a package, where Red Hat's build systems made it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.dockerfile_labels import labels_of
from hullmark.catalog.systems.redhat_image import CATALOGER, extract
from hullmark.model.package import Package
from tests.support.views import FakeView

FOLDER = "root/buildinfo"
QUAY = f"{FOLDER}/Dockerfile-quay-quay-rhel8-v3.5.6-4"
UBI = f"{FOLDER}/Dockerfile-ubi8-8.4-206"
LABELS = f"{FOLDER}/labels.json"
NEWER = {
    "name": "openshift-gitops-1/gitops-rhel8-operator",
    "org.opencontainers.image.created": "2025-04-14T02:14:26Z",
    "cpe": "cpe:/a:redhat:openshift_gitops:1.16::el8",
    "architecture": "x86_64",
}


def dockerfile(name: str, built: str = "2021-09-01T10:00:00.077527", **more: str) -> bytes:
    labels = {"name": name, "com.redhat.component": f"{name.replace('/', '-')}-container", **more}
    text = " \\\n      ".join(f'{key}="{value}"' for key, value in labels.items())
    end = f'LABEL "build-date"="{built}" "architecture"="x86_64" "vendor"="Red Hat, Inc."'
    return f"FROM sha256:0123\nRUN yum update\nLABEL {text}\nADD a.json /root/\n{end}".encode()


def cataloged(view: FakeView) -> list[Package]:
    return list(CATALOGER.assemble(view))


def test_a_dockerfile_of_the_older_build_system_is_a_package() -> None:
    view = FakeView({QUAY: dockerfile("quay/quay-rhel8")}, CATALOGER)
    [package] = cataloged(view)
    assert (package.type, package.name, package.version, package.arch) == (
        "oci",
        "quay/quay-rhel8",
        "v3.5.6-4",
        "x86_64",
    )
    repository = "repository_url=registry.redhat.io%2Fquay%2Fquay-rhel8"
    assert package.purl == f"pkg:oci/quay-rhel8?arch=amd64&{repository}&tag=v3.5.6-4"
    assert package.locations[0].path == f"/{QUAY}"
    assert package.notes == {"component": "quay-quay-rhel8-container"}
    assert view.problems == []


def test_labels_of_the_newer_build_system_are_a_package_whose_tag_is_the_second_of_the_build() -> None:
    [package] = cataloged(FakeView({LABELS: json.dumps(NEWER).encode()}, CATALOGER))
    assert (package.name, package.version) == ("openshift-gitops-1/gitops-rhel8-operator", "1744596866")
    assert package.purl.endswith("&tag=1744596866")
    assert package.notes == {"cpe": "cpe:/a:redhat:openshift_gitops:1.16::el8"}


def test_values_that_are_in_quotes_themselves_are_read() -> None:
    quoted = NEWER | {"name": f'"{NEWER["name"]}"', "architecture": '"x86_64"', "size": None}
    assert cataloged(FakeView({LABELS: json.dumps(quoted).encode()}, CATALOGER)) == cataloged(
        FakeView({LABELS: json.dumps(NEWER).encode()}, CATALOGER)
    )


def test_labels_without_a_moment_are_of_version_and_release() -> None:
    labels = {"name": "ubi9", "version": "9.4", "release": "1214"}
    [package] = cataloged(FakeView({LABELS: json.dumps(labels).encode()}, CATALOGER))
    assert package.version == "9.4-1214"


@pytest.mark.parametrize("created", ["", "yesterday", "1970-01-01T00:00:00Z", "99999-01-01"])
def test_an_image_whose_build_nothing_tells_has_an_unknown_version(created: str) -> None:
    labels = NEWER | {"org.opencontainers.image.created": created}
    [package] = cataloged(FakeView({LABELS: json.dumps(labels).encode()}, CATALOGER))
    assert package.version == "UNKNOWN"


def test_the_place_that_everybody_may_read_is_enough() -> None:
    [package] = cataloged(FakeView({"usr/share/buildinfo/labels.json": json.dumps(NEWER).encode()}, CATALOGER))
    assert package.version == "1744596866"


def test_both_places_are_one_package() -> None:
    body = json.dumps(NEWER).encode()
    view = FakeView({LABELS: body}, CATALOGER, layers=[{"usr/share/buildinfo/labels.json": body}])
    assert [package.locations[0].path for package in cataloged(view)] == [f"/{LABELS}"]


def test_the_images_below_are_other_images() -> None:
    view = FakeView({QUAY: dockerfile("quay/quay-rhel8")}, CATALOGER, layers=[{UBI: dockerfile("ubi8")}])
    assert [package.name for package in cataloged(view)] == ["quay/quay-rhel8"]
    newer_below = FakeView(
        {QUAY: dockerfile("quay/quay-rhel8")}, CATALOGER, layers=[{LABELS: json.dumps(NEWER).encode()}]
    )
    assert [package.name for package in cataloged(newer_below)] == ["quay/quay-rhel8"]


def test_of_several_in_one_layer_the_one_that_was_built_last_is_the_image() -> None:
    files = {UBI: dockerfile("ubi8", "2021-08-01T10:00:00"), QUAY: dockerfile("quay/quay-rhel8", "2021-09-01T10:00:00")}
    assert [package.name for package in cataloged(FakeView(files, CATALOGER))] == ["quay/quay-rhel8"]


def test_an_image_that_somebody_else_built_on_one_has_that_one_as_its_package() -> None:
    view = FakeView({"app/run": b""}, CATALOGER, layers=[{UBI: dockerfile("ubi8")}])
    assert [(package.name, package.version, package.locations[0].layer) for package in cataloged(view)] == [
        ("ubi8", "8.4-206", 0)
    ]


def test_what_others_build_with_the_same_systems_is_no_image_of_red_hats() -> None:
    others = json.dumps(NEWER | {"vendor": "Example, Inc.", "name": "our shop"}).encode()
    assert cataloged(view := FakeView({LABELS: others}, CATALOGER)) == []
    assert view.problems == []
    [package] = cataloged(FakeView({LABELS: others, UBI: dockerfile("ubi8")}, CATALOGER))
    assert package.name == "ubi8"


def test_an_image_without_such_files_gains_nothing() -> None:
    view = FakeView(
        {
            "root/buildinfo/content_manifests/ubi8-container-8.4-206.json": b"{}",
            "root/buildinfo/README": b"LABEL name=a",
            "srv/root/buildinfo/labels.json": json.dumps(NEWER).encode(),
        },
        CATALOGER,
    )
    assert (cataloged(view), view.problems) == ([], [])


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b"null"])
def test_labels_that_cannot_be_read_are_a_problem(body: bytes) -> None:
    view = FakeView({LABELS: body}, CATALOGER)
    assert cataloged(view) == []
    [(path, reason)] = view.problems
    assert path == LABELS
    assert reason.startswith("the labels of the image cannot be read: ")


@pytest.mark.parametrize(
    "files", [{LABELS: b"{}"}, {QUAY: b"FROM scratch\n"}, {QUAY: b"\x00\xff"}, {LABELS: b'{"name": "no such name!"}'}]
)
def test_labels_that_do_not_say_which_image_it_is_are_a_problem_and_not_the_image_below(
    files: dict[str, bytes],
) -> None:
    view = FakeView(files, CATALOGER, layers=[{UBI: dockerfile("ubi8")}])
    assert cataloged(view) == []
    assert [reason for _, reason in view.problems] == ["the labels of Red Hat's build do not say which image this is"]


def test_a_registry_in_the_label_is_left_out() -> None:
    [package] = cataloged(FakeView({QUAY: dockerfile("registry.redhat.io/quay/quay-rhel8")}, CATALOGER))
    assert package.name == "quay/quay-rhel8"


def test_a_name_of_a_file_that_tells_no_tag_leaves_it_to_the_labels() -> None:
    files = {f"{FOLDER}/Dockerfile-quay": dockerfile("quay/quay-rhel8", version="v3.5.6", release="4")}
    assert [package.version for package in cataloged(FakeView(files, CATALOGER))] == ["v3.5.6-4"]
    files = {f"{FOLDER}/Dockerfile-quay": dockerfile("quay/quay-rhel8")}
    assert [package.version for package in cataloged(FakeView(files, CATALOGER))] == ["UNKNOWN"]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("LABEL a=b", {"a": "b"}),
        ("label a=b c='d e' \"f\"=\"g h\"", {"a": "b", "c": "d e", "f": "g h"}),
        ("LABEL a b c", {"a": "b c"}),
        ("LABEL a=\"x\" \\\n  # no\n\n  b=y", {"a": "x", "b": "y"}),
        ('ENV P="q" R=$P-r\nLABEL a="$P/${R}" b=\'$P\' c=${NO:-d} e=${NO} f="\\$P"',
         {"a": "q/-r", "b": "$P", "c": "d", "e": "", "f": "$P"}),
        ("ARG V=1\nARG W\nLABEL a=$V$W", {"a": "1"}),
        ("FROM a AS b\nENV X=1\nLABEL a=b\nFROM c\nLABEL d=$X", {"d": ""}),
        ("RUN <<EOF\nLABEL a=b\nEOF\nLABEL c=d", {"c": "d"}),
        ("RUN cat <<-'EOF' > x\n\tLABEL a=b\n\tEOF\nLABEL c=d", {"c": "d"}),
        ("RUN a && \\\n  echo LABEL a=b\nLABEL c=d\\", {"c": "d"}),
        ("LABEL a=b\r\nLABEL a=c\r\n", {"a": "c"}),
        ("LABEL a='x", {"a": "x"}),
        ("LABEL", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_the_labels_of_a_dockerfile_are_those_of_its_last_stage(text: str, labels: dict[str, str]) -> None:
    assert labels_of(text) == labels


def test_variables_that_grow_are_cut() -> None:
    text = "ENV A=0123456789\n" + "ENV A=$A$A\n" * 200 + "LABEL a=$A"
    assert 4000 < len(labels_of(text)["a"]) <= 4096


def test_labels_are_told_apart_by_what_the_builder_takes_for_blanks() -> None:
    text = (
        "FROM a\nRUN cat <<ONE <<-TWO > b\nLABEL x=1\nONE\n\tLABEL y=2\n\tTWO\n"
        'LABEL  one=a\\ b two=\'c d\'  three="e f" four=g\\"h\n'
        "RUN <<END\nLABEL z=3\n"
    )
    assert labels_of(text) == {"one": "a b", "two": "c d", "three": "e f", "four": 'g"h'}


@given(st.binary(max_size=300), st.sampled_from([LABELS, QUAY, UBI, "usr/share/buildinfo/labels.json"]))
def test_any_bytes_are_survived(body: bytes, path: str) -> None:
    extract(path, memoryview(body), lambda reason: None)


@given(st.text(alphabet="LABELENV \n\\\"'=$ab{}:-<#", max_size=120))
def test_any_text_has_labels(text: str) -> None:
    assert all(len(value) <= 4096 for value in labels_of(text + "\nLABEL x=y").values())
