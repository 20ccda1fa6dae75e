"""The `marathon` package's calls on groups, on the sandbox or a real Marathon."""

from typing import Any

import pytest
from marathon import MarathonHttpError, NotFoundError
from marathon.exceptions import ConflictError
from marathon.models import MarathonGroup

from tests.contract.marathon_package.calls import running, settle, sleeper


class TestGroups:
    def test_create_get_and_list_groups(self, client: Any, group: str) -> None:
        inner = MarathonGroup(id=f"{group}/inner", apps=[sleeper(id=f"{group}/inner/a", instances=0)])
        created = client.create_group(MarathonGroup(id=group, groups=[inner], apps=[]))

        assert created.keys() >= {"version", "deploymentId"}
        settle(client)
        found = client.get_group(group)
        assert (found.id, [part.id for part in found.groups]) == (group, [f"{group}/inner"])
        assert [app.id for app in found.groups[0].apps] == [f"{group}/inner/a"]
        assert group in [part.id for part in client.list_groups()]
        with pytest.raises(ConflictError):
            client.create_group(MarathonGroup(id=group))

    def test_update_and_rollback_group(self, client: Any, group: str) -> None:
        client.create_group(MarathonGroup(id=group, apps=[sleeper(id=f"{group}/a", instances=0)]))
        settle(client)
        first = client.get_group(group).version

        both = [sleeper(id=f"{group}/{name}", instances=0) for name in ("a", "b")]
        client.update_group(group, MarathonGroup(apps=both))
        settle(client)
        assert len(client.get_group(group).apps) == 2
        names = [f"{group}/a"] if _rolled_back(client, group, first) else [f"{group}/a", f"{group}/b"]
        settle(client)
        assert sorted(app.id for app in client.get_group(group).apps) == names

    def test_scale_and_delete_group(self, client: Any, web: str, group: str) -> None:
        client.scale_group(group, 1.5)
        settle(client)
        assert running(client, web) == 3

        assert client.delete_group(group)["deploymentId"]
        settle(client)
        with pytest.raises(NotFoundError):
            client.get_group(group)


def _rolled_back(client: Any, group: str, version: str) -> bool:
    """The package rolls back by a PUT to the version itself, for which upstream has no route."""
    try:
        client.rollback_group(group, version)
    except MarathonHttpError:
        return False
    return True
