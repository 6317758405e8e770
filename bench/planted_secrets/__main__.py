"""`python -m bench.planted_secrets FOLDER [--half shown|held|both] [--image OCI_FOLDER] [--seed N]`."""

import argparse
from collections import Counter
from pathlib import Path

from bench.planted_secrets.image import write_image
from bench.planted_secrets.write import HALVES, SEED, build, files, in_half, write


def main() -> None:
    """Writes FOLDER/tree and FOLDER/manifest.json, and the tree as an image."""
    parser = argparse.ArgumentParser(prog="python -m bench.planted_secrets", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=(*HALVES, "both"), default="both")
    parser.add_argument("--image", type=Path, help="an OCI image folder to write besides")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    rows = in_half(build(options.seed), options.half)
    write(options.folder, rows, options.seed)
    if options.image:
        write_image(options.image, files(rows))
    counts = Counter(row.id[0] for row in rows)
    kinds = len({row.kind for row in rows if row.kind})
    hard = sum(row.container not in ("", "plain") for row in rows)
    print(f"{counts['p']} planted values of {kinds} kinds ({hard} not in plain files), {counts['d']} decoys")


if __name__ == "__main__":
    main()
