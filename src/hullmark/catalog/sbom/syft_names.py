"""What syft calls types of packages → purl types. The other way is in `report.syft_types`."""

from __future__ import annotations

_TYPES = {
    "R-package": "cran", "alpm": "alpm", "apk": "apk", "binary": "generic", "bitnami": "bitnami", "conan": "conan",
    "conda": "conda", "dart-pub": "pub", "deb": "deb", "dotnet": "nuget", "erlang-otp": "otp", "gem": "gem",
    "github-action": "github", "go-module": "golang", "hackage": "hackage", "hex": "hex", "homebrew": "brew",
    "java-archive": "maven", "jenkins-plugin": "maven", "linux-kernel": "generic", "linux-kernel-module": "generic",
    "lua-rocks": "luarocks", "nix": "nix", "npm": "npm", "opam": "opam", "php-composer": "composer", "php-pear": "pear",
    "php-pecl": "pecl",
    "pod": "cocoapods", "portage": "portage", "python": "pypi", "rpm": "rpm", "rust-crate": "cargo", "swift": "swift",
    "swiplpack": "swiplpack", "terraform": "terraform", "vcpkg": "vcpkg",
    "wordpress-plugin": "wordpress-plugin",
}  # fmt: skip


def purl_type(syft: str) -> str:
    """The purl type of one of syft's types; "" for those that have none."""
    return _TYPES.get(syft, "")
