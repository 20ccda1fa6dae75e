"""How a command ends when it does not succeed: each error has its exit code, which scripts rely on (docs/cli.md).

    CliError              1  the operation failed, or something that nobody foresaw
    ├── Usage             2  the command line makes no sense
    ├── BadInput          3  the console or the scheduler refuses what was written (400, 422)
    ├── NotFound          4  there is no such thing, or none for you (401, 403, 404)
    ├── Conflict          5  something else is under way, or somebody saved since (409)
    ├── Unreachable       6  no answer in time (network, 429, 5xx), or it did not end in time
    └── Interrupted     130  Ctrl-C while following; what was asked for goes on

`PLAN_HAS_CHANGES` is no error: `apply --plan-only` found something to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLAN_HAS_CHANGES = 10
INTERRUPTED = 130


class CliError(Exception):
    """The base. `hint` is what one can do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Usage(CliError):
    exit_code = 2


class FieldProblem:
    """One field that was refused; `field` is a path as `spec.health_checks[0].path`, '' for the whole."""

    __slots__ = ("code", "detail", "field")

    def __init__(self, field: str, code: str, detail: str) -> None:
        self.field, self.code, self.detail = field, code, detail

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


class ApiError(CliError):
    """The API's answer was an error: `problem` is its body (RFC 9457), `{}` when it had none."""

    def __init__(self, message: str, *, status: int, problem: Mapping[str, Any], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.problem = problem

    @property
    def slug(self) -> str:
        """The end of the problem's type: `target-busy`."""
        return str(self.problem.get("type", "")).rpartition(":")[2]

    @property
    def fields(self) -> list[FieldProblem]:
        return [
            FieldProblem(
                str(row.get("field", "")), str(row.get("code", "")), one_line(str(row.get("detail", "")))
            )
            for row in self.problem.get("errors", [])
        ]


class BadInput(ApiError):
    exit_code = 3

    def __init__(
        self, message: str, *, status: int = 400, problem: Mapping[str, Any] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, status=status, problem=problem or {}, hint=hint)


class NotFound(ApiError):
    exit_code = 4


class Conflict(ApiError):
    exit_code = 5

    @property
    def operation(self) -> int | None:
        """The operation that is in the way."""
        found = self.problem.get("operation")
        return found if isinstance(found, int) else None


class Unreachable(CliError):
    exit_code = 6


class Interrupted(CliError):
    exit_code = INTERRUPTED


def api_error(*, status: int, problem: Mapping[str, Any], url: str) -> CliError:
    """The error that an answer of 400 and above is."""
    detail = str(problem.get("detail") or problem.get("title") or f"{url} answered {status}")
    if status in (400, 422):
        error = BadInput(detail, status=status, problem=problem)
        lines = [str(field) for field in error.fields]
        return BadInput("\n".join(lines), status=status, problem=problem) if lines else error
    if status == 401:
        hint = "`ocean login` gets a token; OCEAN_TOKEN may hold one."
        return NotFound(detail, status=status, problem=problem, hint=hint)
    if status in (403, 404):
        return NotFound(detail, status=status, problem=problem)
    if status == 409:
        return _conflict(detail, problem)
    if status in (429, 502, 503, 504):
        return Unreachable(detail)
    request = problem.get("request_id")
    return ApiError(detail, status=status, problem=problem, hint=f"request_id: {request}" if request else "")


def _conflict(detail: str, problem: Mapping[str, Any]) -> Conflict:
    error = Conflict(detail, status=409, problem=problem)
    if error.operation is not None:
        error.hint = (
            f"`ocean wait {error.operation}` follows it, `ocean cancel {error.operation}` asks for its end."
        )
    elif error.slug == "stale-version":
        error.hint = f"The latest version is {problem.get('version')}. Look at `ocean diff`, then try again."
    return error


def one_line(text: str) -> str:
    return " ".join(text.split())
