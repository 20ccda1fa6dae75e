import pytest

from sandbox.falcon.functions import JudgeCrashError, Verdict, evaluate, oldest_needed


def points(*newest_first: float) -> list[tuple[int, float]]:
    return [(1000 - 5 * n, value) for n, value in enumerate(newest_first)]


@pytest.mark.parametrize(
    ("function", "operator", "threshold", "values", "expected"),
    [
        ("all(#3)", ">", 80, (90, 85, 81), Verdict(True, 90)),
        ("all(#3)", ">", 80, (90, 79, 81), Verdict(False, 90)),
        ("max(#2)", ">=", 5, (1, 5), Verdict(True, 5)),
        ("min(#2)", "<", 1, (2, 3), Verdict(False, 2)),
        ("sum(#3)", "=", 6, (1, 2, 3.00001), Verdict(True, 6.00001)),
        ("avg(#2)", "!=", 2, (1, 3), Verdict(False, 2)),
        ("lookup(#2,3)", ">", 80, (90, 10, 81), Verdict(True, 90)),
        ("lookup(#3,3)", ">", 80, (90, 10, 81), Verdict(False, 90)),
        ("diff(#2)", ">", 5, (10, 9, 1), Verdict(True, 9)),
        ("diff(#2)", ">", 50, (10, 9, 1), Verdict(False, 9)),
        ("pdiff(#2)", ">", 50, (30, 0, 10), Verdict(True, 200)),
        ("pdiff(#1)", ">", 50, (30, 0), Verdict(False, 0)),
        ("stddev(#5)", "<", 1, (100, 10, 10, 10, 10), Verdict(True, 100)),
        ("stddev(#7)", ">", 3, (1e9, 1, 1, 1, 1, 1, 1), Verdict(False, 1e9)),
        ("all(#1)", "!", 80, (90,), Verdict(False, 90)),
    ],
)
def test_each_function_on_enough_points(
    function: str, operator: str, threshold: float, values: tuple[float, ...], expected: Verdict
) -> None:
    assert evaluate(function, operator, threshold, points(*values)) == expected


@pytest.mark.parametrize("function", ["all(#3)", "diff(#2)", "lookup(#1,3)", "avg(#12)"])
def test_too_few_points_say_nothing(function: str) -> None:
    assert evaluate(function, ">", 0, points(1, 2)) is None


@pytest.mark.parametrize("function", ["ALL(#1)", "all(# 1)", "all(1)", "kdiff(#1,2)", "median(#3)"])
def test_what_is_not_a_function_of_this_version_never_fires(function: str) -> None:
    assert evaluate(function, ">", 0, points(*range(1, 12))) is None


def test_lookup_with_one_argument_kills_judge() -> None:
    with pytest.raises(JudgeCrashError):
        evaluate("lookup(#2)", ">", 0, points(1, 2))


@pytest.mark.parametrize(
    ("function", "expected"), [("all(#2)", 995), ("diff(#2)", 990), ("lookup(#1,3)", 990)]
)
def test_the_window_reaches_back_as_far_as_the_function_looks(function: str, expected: int) -> None:
    assert oldest_needed(function, points(1, 2, 3)) == expected
