"""Make the embedded model from nothing: `python plugins/cogumi-tiny/recipe/train.py --out FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the recipe; `--help` lists its options."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, its own folder is the only one known
    from recipe.run import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
