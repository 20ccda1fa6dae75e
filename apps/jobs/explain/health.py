"""Instances that run, but fail their health check, or were ended for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from apps.jobs.explain.crash import listen_on_given
from apps.jobs.explain.exits import unhealthy_cause
from apps.jobs.explain.facts import Answer, Facts
from apps.jobs.explain.page_text import shortened, visible_text
from apps.jobs.explain.problem import Change, Problem, Severity
from apps.jobs.explain.words import duration

REFUSED = gettext_noop(
    "Nothing listens on the port that the health check asks, %(port)s on %(host)s (instances: %(count)s)."
)
REFUSED_WHY = gettext_noop('The check said: "%(cause)s".')
REFUSED_HINT = gettext_noop("Listen on the port that the host gives, which is in $PORT0.")
REFUSED_FIXED_HINT = gettext_noop(
    "The command names a fixed port: listen on $PORT0, which the host gives, instead."
)
HTTP_STATUS = gettext_noop("The health check of %(path)s gets HTTP %(status)s (instances: %(count)s).")
HTTP_BODY = gettext_noop('The instance on %(host)s answers: "%(body)s".')
HTTP_404_HINT = gettext_noop("Give the check a path that the service answers.")
HTTP_AUTH_HINT = gettext_noop("The check sends no login: give it a path that needs none.")
HTTP_5XX_HINT = gettext_noop("Read the instance's log: the service itself says that it is not well.")
TIMED_OUT = gettext_noop("The health check gets no answer within %(timeout)s s (instances: %(count)s).")
TIMED_OUT_HINT = gettext_noop(
    "See in the log what it is busy with; give the check more time if it is only slow."
)
COMMAND_FAILED = gettext_noop("The health check's command fails (instances: %(count)s).")
UNHEALTHY = gettext_noop("Instances that fail their health check: %(count)s.")
CHECK_SAID = gettext_noop('The check said: "%(cause)s".')
UNHEALTHY_HINT = gettext_noop("See whether the path and port are right, and read the instance's log.")
GRACE = gettext_noop(
    "Instances are ended before they are up: this job took %(took)s to become healthy, and "
    "is given %(given)s."
)
GRACE_WHY = gettext_noop(
    "The grace is %(grace)s s, and after it %(failures)s failures in a row end the instance."
)
GRACE_HINT = gettext_noop("Give it a grace of %(to)s s.")

LISTENS_AFTER_S = 5.0
"""A process that listens nowhere yet so soon after its start deserves no word."""
BODY_LENGTH = 160
_REFUSED = re.compile(
    r"connection refused|connect call failed|cannot connect to host|ECONNREFUSED", re.IGNORECASE
)
_TIMED_OUT = re.compile(r"time(?:d)?[ -]?out|not returned after", re.IGNORECASE)
_HTTP = re.compile(r"(?:^|HTTP\S* |StatusCode\.?\w*\(|status (?:code )?)(?P<status>[1-5]\d\d)\b")
_COMMAND = re.compile(r"^command (?:returned|exited|has|check)", re.IGNORECASE)


def grace_too_short(facts: Facts) -> Problem | None:
    """Ended for failing checks sooner than earlier instances of the job needed to become healthy."""
    seen = _cause(facts)
    took = _start_up_s(facts)
    if seen is None or seen.early or took is None:
        return None
    for index, check in enumerate(facts.spec.get("health_checks", ())):
        given = check["grace_s"] + check["interval_s"] * check["failures"]
        if took > given:
            to = int(took * 1.5) + 1
            values = {
                "took": duration(took),
                "given": duration(given),
                "grace": check["grace_s"],
                "failures": check["failures"],
                "to": to,
            }
            change = Change(f"spec.health_checks[{index}].grace_s", check["grace_s"], to)
            return Problem("error", "grace_too_short", GRACE, GRACE_WHY, GRACE_HINT, values, change)
    return None


def nothing_listens(facts: Facts) -> Problem | None:
    """The connection was refused: the process listens elsewhere, or not at all."""
    seen = _cause(facts)
    if seen is None or not _REFUSED.search(seen.cause):
        return None
    values = _values(seen) | {"port": seen.port or "$PORT0", "host": seen.host or "?"}
    change = listen_on_given(facts)
    hint = REFUSED_FIXED_HINT if change else REFUSED_HINT
    hosts = (seen.host,) if seen.host else ()
    return Problem(seen.severity, "nothing_listens", REFUSED, REFUSED_WHY, hint, values, change, hosts)


def http_status(facts: Facts) -> Problem | None:
    """An answer outside of 200–399, with its body where the instance gave one."""
    seen = _cause(facts)
    status = _http_status(seen.cause) if seen else None
    if seen is None or status is None:
        return None
    checks = [check for check in facts.spec.get("health_checks", ()) if check["type"] == "http"]
    answer = facts.answer if facts.answer and facts.answer.status == status else None
    host = answer.host if answer else seen.host
    values = _values(seen) | {
        "path": checks[0]["path"] if checks else "/",
        "status": status,
        "body": _one_line(answer),
        "host": host or "?",
    }
    hint = HTTP_404_HINT if status == 404 else HTTP_AUTH_HINT if status in (401, 403) else HTTP_5XX_HINT
    change = None
    if status in (401, 403, 404) and checks and checks[0]["path"] != "/":
        index = list(facts.spec["health_checks"]).index(checks[0])
        change = Change(f"spec.health_checks[{index}].path", checks[0]["path"], "/")
    why = HTTP_BODY if values["body"] else CHECK_SAID
    hosts = (host,) if host else ()
    return Problem(seen.severity, f"http_{status}", HTTP_STATUS, why, hint, values, change, hosts)


def no_answer_in_time(facts: Facts) -> Problem | None:
    """The check gave up waiting."""
    seen = _cause(facts)
    if seen is None or not _TIMED_OUT.search(seen.cause):
        return None
    checks = facts.spec.get("health_checks", ())
    timeout = checks[0]["timeout_s"] if checks else 0
    change = Change("spec.health_checks[0].timeout_s", timeout, 2 * timeout) if timeout else None
    values = _values(seen) | {"timeout": timeout}
    return Problem(seen.severity, "check_timed_out", TIMED_OUT, CHECK_SAID, TIMED_OUT_HINT, values, change)


def command_failed(facts: Facts) -> Problem | None:
    """A command check that ends with another code than 0."""
    seen = _cause(facts)
    if seen is None or not _COMMAND.search(seen.cause):
        return None
    return Problem(
        seen.severity, "check_command_failed", COMMAND_FAILED, CHECK_SAID, UNHEALTHY_HINT, _values(seen)
    )


def unhealthy(facts: Facts) -> Problem | None:
    """Whatever else the check said."""
    seen = _cause(facts)
    if seen is None:
        return None
    return Problem(seen.severity, "unhealthy", UNHEALTHY, CHECK_SAID, UNHEALTHY_HINT, _values(seen))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the failing checks say: of the newest definition first, else how the last instance was ended."""

    cause: str
    count: int
    host: str = ""
    port: int | None = None
    early: bool = False
    """Whether only Ocean has asked so far: failures are not counted in the grace after a start."""

    @property
    def severity(self) -> Severity:
        return "warning" if self.early else "error"


def _cause(facts: Facts) -> _Seen | None:
    failing = [result for result in facts.health if not result.alive and result.last_failure_cause]
    current = {instance.id: instance for instance in facts.current}
    of_new = [result for result in failing if result.instance_id in current] or failing
    if of_new:
        worst = max(of_new, key=lambda result: result.consecutive_failures)
        instance = next((one for one in facts.instances if one.id == worst.instance_id), None)
        host = instance.host if instance else ""
        port = instance.ports[0] if instance and instance.ports else None
        return _Seen(worst.last_failure_cause, len(of_new), host, port)
    if facts.ended and facts.is_short and (cause := unhealthy_cause(facts.ended[0].message)):
        return _Seen(cause, 1, facts.ended[0].host)
    return _early(facts)


def _early(facts: Facts) -> _Seen | None:
    """What the check will say, by what an instance answered to Ocean."""
    answer = facts.answer
    instance = next((one for one in facts.current if answer and one.id == answer.instance_id), None)
    if answer is None or instance is None or 200 <= answer.status < 400:
        return None
    if answer.status:
        return _Seen(f"HTTP {answer.status}", 1, answer.host, answer.port, early=True)
    up_s = (facts.now - instance.started_at).total_seconds() if instance.started_at else 0.0
    return _Seen(answer.body, 1, answer.host, answer.port, early=True) if up_s > LISTENS_AFTER_S else None


def _http_status(cause: str) -> int | None:
    match = _HTTP.search(cause)
    return int(match["status"]) if match else None


def _start_up_s(facts: Facts) -> float | None:
    """The longest that a healthy instance of the job took from its start to its first success."""
    started = {one.id: one.started_at for one in facts.instances}
    took = [
        (result.first_success_at - begun).total_seconds()
        for result in facts.health
        if result.first_success_at and (begun := started.get(result.instance_id))
    ]
    return max(took, default=None)


def _one_line(answer: Answer | None) -> str:
    return shortened(visible_text(answer.body), BODY_LENGTH) if answer else ""


def _values(seen: _Seen) -> dict[str, Any]:
    return {"count": seen.count, "cause": seen.cause}
