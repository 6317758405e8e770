"""Signatures by certificates of Sigstore's, checked offline against a trusted root: who signed, by which identity, and when."""
