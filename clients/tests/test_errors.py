import pickle

import pytest

from clients.errors import Conflict, NotFound, ProtocolError, Refused, RemoteError, TimedOut, Unavailable

CALL = {"remote": "marathon staging", "operation": "PUT /v2/apps/a"}


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("no leader", remote="m", operation="o", retry_after_s=3.0),
        TimedOut("nothing came", remote="m", operation="o"),
        Conflict("locked", remote="m", operation="o", deployments=("d1", "d2")),
        NotFound("gone", remote="m", operation="o"),
        Refused("wrong", remote="m", operation="o", details=(("/id", "bad"),)),
        ProtocolError("strange", remote="m", operation="o"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_through_pickle_whole(error: RemoteError) -> None:
    found = pickle.loads(pickle.dumps(error))

    assert type(found) is type(error)
    assert found.__dict__ == error.__dict__
    assert str(found) == str(error)


def test_a_message_names_remote_operation_cause_and_details() -> None:
    error = Refused("Object is not valid", **CALL, details=(("/cpus", "error.min"),))

    assert str(error) == "marathon staging: PUT /v2/apps/a: Object is not valid (/cpus: error.min)"
