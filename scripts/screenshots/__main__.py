"""`python -m scripts.screenshots [--all FOLDER]`: see the package."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from embedded.stack import CHECKOUT
from scripts.screenshots.camera import take
from scripts.screenshots.pages import README, every_page
from scripts.screenshots.scene import Scene
from tests.running_stack import RunningStack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.screenshots", description=__doc__)
    parser.add_argument(
        "--all", metavar="FOLDER", type=Path, help="every page in both languages, into FOLDER"
    )
    parser.add_argument("--only", metavar="WORD", help="of them those whose name has this word")
    asked = parser.parse_args()
    target: Path | None = asked.all
    with tempfile.TemporaryDirectory(prefix="ocean-pictures-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs under another account when this runs as root
        stack = RunningStack(Path(folder) / "var")
        stack.up()
        try:
            scene = Scene.set_up(stack)
            if target is None:
                take(stack, scene, README, into=CHECKOUT / "docs" / "images")
            else:
                shots = [shot for shot in every_page(scene) if not asked.only or asked.only in shot.name]
                take(stack, scene, shots, into=target)
        finally:
            stack.down()


if __name__ == "__main__":
    main()
