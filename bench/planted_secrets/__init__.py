"""A set of planted secrets and decoys, by which finders of secrets are measured. Frozen: it is not changed to suit any of them.

`python -m bench.planted_secrets FOLDER [--half shown|held|both] [--image OCI_FOLDER]` writes FOLDER/tree and
FOLDER/manifest.json; `python -m bench.planted_secrets.score` says what of it a scanner found. Nothing in it is a secret: all
values are random, made at run time from a seed in the forms that issuers document, with their checksums right, so that none
stands in this repository. Kinds, places and containers were chosen without looking at any scanner's rules.

*shown* may be looked at while rules are written; *held* is for counting alone. Values are split between them at random, evenly
within each kind. Where a value is not in plain text, `container` says what it lies in. The bytes of compressed files, of .pyc
and of SQLite files depend on the Python that writes them; the manifest does not.

What people disagree about is left out: private keys under a passphrase, passwords that are words (`changeme`), values in
commented-out lines. Atlassian's last eight digits are taken as a CRC-32, which no public page confirms.

sha256 of manifest.json, both halves, seed 20261129:
7e2dce1b8fd461224ebdd330c8204d65e079cf211cb46e25c29fadb19ccab0e2
"""
