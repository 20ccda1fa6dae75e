"""`python -m ocean_cli`, and the program `ocean`."""

from __future__ import annotations

from ocean_cli.main import run


def main() -> None:
    raise SystemExit(run())


if __name__ == "__main__":
    main()
