"""docker-compose.yml and Dockerfile: pinned, without secrets, and naming only what exists."""

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from embedded.stack import CHECKOUT, procfile_names
from ocean_portal import env, settings

_COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_OURS = [name for name, service in _SERVICES.items() if "build" in service]
_SECRET = re.compile(r"PASSWORD|SECRET|KEYS|AUTH|TOKEN")


@pytest.mark.parametrize("name", _SERVICES)
def test_images_are_pinned_to_a_full_version(name: str) -> None:
    assert re.search(r":v?\d+\.\d+(\.\d+)?$", _SERVICES[name]["image"])


def test_the_image_of_ocean_is_built_on_a_pinned_one() -> None:
    bases = re.findall(r"^FROM (\S+)", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


def test_every_process_of_the_procfile_is_a_service_started_by_it() -> None:
    commands = {name: service["command"] for name, service in _SERVICES.items() if name in _OURS}
    migrate = commands.pop("migrate")
    assert commands == {name: ["scripts/process.sh", name] for name in procfile_names()}
    assert migrate[1:] == ["scripts/manage_each.py", "migrate --no-input", "clusters_sync", "job_templates"]


@pytest.mark.parametrize("name", _SERVICES)
def test_what_a_service_waits_for_exists_and_can_say_that_it_is_ready(name: str) -> None:
    for other, how in _SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "test" in _SERVICES[other]["healthcheck"]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert _SERVICES[other]["restart"] == "on-failure"


@pytest.mark.parametrize("name", _SERVICES)
def test_secrets_come_from_outside(name: str) -> None:
    for variable, value in _SERVICES[name].get("environment", {}).items():
        if _SECRET.search(variable):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{variable} is written in the file"


def test_each_variable_that_the_file_asks_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (CHECKOUT / "docker-compose.yml").read_text()))
    given = set(re.findall(r"^(\w+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    assert given == asked


def test_ocean_reads_each_variable_that_its_containers_get() -> None:
    assert settings.OCEAN_VAR  # the settings have been read
    for name in _OURS:
        assert set(_SERVICES[name]["environment"]) <= env.SEEN


def test_named_volumes_are_declared() -> None:
    used = {volume.split(":")[0] for service in _SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith("/")} == set(_COMPOSE["volumes"])


def test_it_follows_the_compose_specification() -> None:
    schema = json.loads((CHECKOUT / "tests" / "house" / "compose-spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(_COMPOSE)
