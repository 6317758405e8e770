"""Feeds: documents → advisories. One module a source; a new one is one more name in a line below. What
several share is in `formats`."""

from __future__ import annotations

from hullmark.advisories.feeds.feed import Feed
from hullmark.model.plugin import plugins

_DISTRIBUTIONS = (
    *("debian", "debian_lists", "debian_support", "distro_info", "ubuntu", "ubuntu_tracker"),
    *("alpine", "wolfi", "chainguard", "minimos", "secureos", "echo", "arch"),
    *("redhat", "redhat_advisories", "hummingbird", "almalinux", "rocky", "oracle", "amazon", "fedora"),
    *("suse", "suse_csaf", "photon", "azurelinux", "openeuler"),
)
_LANGUAGES = (
    *("ghsa", "github_api", "govulndb", "pypa", "rubysec", "rustsec", "friendsofphp"),
    *("haskell", "nodejs", "retirejs", "sap", "osv", "osv_debian"),
)
_PRODUCTS = ("bitnami", "kubernetes", "nvd", "nvd_overrides")
_ABOUT_CVES = ("kev", "epss", "vulnrichment", "endoflife", "vexhub")
_COLLECTIONS = ("vunnel",)


def load() -> tuple[Feed, ...]:
    """Every feed, in the order of the lists. A module may hold several, as FEEDS."""
    names = (*_DISTRIBUTIONS, *_LANGUAGES, *_PRODUCTS, *_ABOUT_CVES, *_COLLECTIONS)
    return tuple(plugins(__name__, names, "FEED"))
