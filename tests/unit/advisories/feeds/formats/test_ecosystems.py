"""OSV's ecosystems: what each name stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats import ecosystems
from hullmark.advisories.feeds.formats.ecosystems import ecosystem_of
from hullmark.versions import scheme_named

RELEASES = """
    AlmaLinux:8                                         almalinux:8          rpm
    Alpaquita:23                                        alpaquita:23         apk
    Alpaquita:stream                                    alpaquita:stream     apk
    Alpine:edge                                         alpine:edge          apk
    Alpine:v3.18                                        alpine:3.18          apk
    Azure Linux:2                                       mariner:2.0          rpm
    Azure Linux:3                                       azurelinux:3.0       rpm
    Chainguard                                          chainguard:rolling   apk
    Debian:12                                           debian:12            deb
    Debian:6.0                                          debian:6             deb
    Debian:unstable                                     debian:unstable      deb
    Echo                                                echo:rolling         deb
    Mageia:9                                            mageia:9             rpm
    MinimOS                                             minimos:rolling      apk
    openEuler:22.03-LTS-SP1                             openeuler:22.03      rpm
    openSUSE:Leap 15.5                                  opensuse:15.5        rpm
    openSUSE:Tumbleweed                                 opensuse:tumbleweed  rpm
    Photon OS:4.0                                       photon:4.0           rpm
    Red Hat:enterprise_linux:9::baseos                  rhel:9               rpm
    Red Hat:enterprise_linux:8.5                        rhel:8.5             rpm
    Red Hat:rhel_eus:9.2::appstream                     rhel:9.2+eus         rpm
    Red Hat:rhel_aus:8.4::baseos                        rhel:8.4+aus         rpm
    Rocky Linux:9                                       rocky:9              rpm
    SUSE:Linux Enterprise Server 12                     sles:12              rpm
    SUSE:Linux Enterprise Server 15 SP5                 sles:15.5            rpm
    SUSE:Linux Enterprise Server 15 SP4-LTSS            sles:15.4            rpm
    SUSE:Linux Enterprise Module for Basesystem 15 SP6  sles:15.6            rpm
    SUSE:Linux Enterprise Server for SAP Applications 12 SP1  sles:12.1      rpm
    SUSE:Linux Enterprise Server 16.0                   sles:16.0            rpm
    Ubuntu:22.04:LTS                                    ubuntu:22.04         deb
    Ubuntu:24.10                                        ubuntu:24.10         deb
    Ubuntu:Pro:22.04:LTS                                ubuntu:22.04+esm     deb
    Wolfi                                               wolfi:rolling        apk
"""
LANGUAGES = [
    ("crates.io", "Foo_Bar", "cargo", "Foo_Bar"),
    ("GHC", "ghc", "generic", "ghc"),
    ("GitHub Actions", "Actions/Checkout", "githubactions", "actions/checkout"),
    ("Go", "github.com/BurntSushi/toml", "golang", "github.com/burntsushi/toml"),
    ("Go", "stdlib", "golang", "stdlib"),
    ("Maven", "org.apache.Foo:Bar", "maven", "org.apache.Foo:Bar"),
    ("Maven:https://repo.example/maven2", "a:b", "maven", "a:b"),
    ("npm", "@scope/Name", "npm", "@scope/Name"),
    ("NuGet", "Newtonsoft.Json", "nuget", "newtonsoft.json"),
    ("Packagist", "Symfony/Symfony", "composer", "symfony/symfony"),
    ("Packagist:https://packages.example/8", "drupal/core", "composer", "drupal/core"),
    ("PyPI", "Zope.Interface__x", "pypi", "zope-interface-x"),
    ("RubyGems", "RedCloth", "gem", "RedCloth"),
    ("SwiftURL", "https://github.com/Apple/swift-nio.git", "swift", "github.com/apple/swift-nio"),
]
UNUSED = [
    *("Android", "Android:12", "Debian", "GIT", "Kubernetes", "Linux", "Linux:Kernel", "OSS-Fuzz", "Root:Alpine:3.18"),
    *(
        "Red Hat:ocp_tools:4.15::el9",
        "SUSE:Linux Enterprise Micro 5.5",
        "SUSE:Package Hub 12",
        "openSUSE:Leap Micro 5.2",
    ),
    *(
        "Ubuntu:Pro:FIPS:22.04:LTS",
        "Ubuntu:Nvidia-BlueField:22.04:LTS",
        "AlmaLinux",
        "Photon OS",
        "Azure Linux",
        "Alpine",
    ),
]


@pytest.mark.parametrize("line", RELEASES.strip().splitlines())
def test_a_release_has_a_namespace_and_a_scheme(line: str) -> None:
    name, namespace, scheme = (part.strip() for part in line.strip().rsplit(maxsplit=2))
    found = ecosystem_of(name)
    assert found is not None
    assert (found.namespace, found.scheme, found.spelling("Some_Name")) == (namespace, scheme, "Some_Name")


@pytest.mark.parametrize(("ecosystem", "name", "namespace", "spelt"), LANGUAGES)
def test_a_language_s_names_are_spelt_as_its_packages_are(
    ecosystem: str, name: str, namespace: str, spelt: str
) -> None:
    found = ecosystem_of(ecosystem)
    assert found is not None
    assert (found.namespace, found.spelling(name)) == (namespace, spelt)


@pytest.mark.parametrize("name", UNUSED)
def test_what_no_image_holds_is_not_looked_for(name: str) -> None:
    assert ecosystem_of(name) is None


def test_a_name_that_is_not_known_is_refused() -> None:
    with pytest.raises(LookupError, match="'Foo:1' is not known"):
        ecosystem_of("Foo:1")


def test_every_scheme_named_here_exists() -> None:
    named = {language.scheme for language in ecosystems._LANGUAGES.values()} | set(ecosystems._ROLLING.values())
    named |= {scheme for scheme, _ in ecosystems._DISTRIBUTIONS.values()}
    assert {name for name in named if scheme_named(name) is None} == set()


@given(st.sampled_from(sorted((*ecosystems._DISTRIBUTIONS, *ecosystems._LANGUAGES))), st.text(max_size=30))
def test_any_release_of_a_known_name_is_understood_or_not_looked_for(base: str, release: str) -> None:
    found = ecosystem_of(f"{base}:{release}")
    assert found is None or found.namespace
