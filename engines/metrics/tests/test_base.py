import pickle

from engines.metrics.base import SourceAway


def test_the_error_says_who_and_why_also_in_another_process() -> None:
    error = pickle.loads(pickle.dumps(SourceAway("falcon staging", "Connection refused")))

    assert str(error) == "falcon staging: Connection refused"
    assert (error.source, error.reason) == ("falcon staging", "Connection refused")
