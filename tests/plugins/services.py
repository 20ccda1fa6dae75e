"""Gives a test session its PostgreSQL and Redis; loaded by `-p` in pyproject.toml, before Django's settings.

DATABASE_URL and REDIS_URL in the environment win, so that the suite can be pointed at other servers.
pytest-xdist's workers inherit the controller's environment.
"""

import os
import secrets
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from embedded.services import temporary_services


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Start what is missing and set the environment, both until the end of the session.

    A wrapper, as pytest-django loads the settings in the very first plain implementation of this hook.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ocean-tests-")))
            folder.chmod(0o711)  # PostgreSQL runs under another account when the tests run as root
            environment = stack.enter_context(pytest.MonkeyPatch.context())
            for name, value in _settings(folder).items():
                environment.setenv(name, value)
            if not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
                services = stack.enter_context(temporary_services(folder))
                environment.setenv("DATABASE_URL", os.environ.get("DATABASE_URL", services.database_url))
                environment.setenv("REDIS_URL", os.environ.get("REDIS_URL", services.redis_url))
            early_config.add_cleanup(stack.pop_all().close)
    return (yield)


def _settings(folder: Path) -> dict[str, str]:
    """What Ocean's settings must find; never what the person's shell says, which may name their own data."""
    return {
        "OCEAN_VAR": str(folder),
        "OCEAN_EMBEDDED": "1",
        "OCEAN_CLUSTERS": "[]",
        "OCEAN_SECRET_KEY": secrets.token_urlsafe(48),
        "OCEAN_ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
