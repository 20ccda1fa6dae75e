"""What `apps.elastic.planning` and the loop say in codes and values, as sentences in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import translation
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from apps.elastic.models import ScalingDecision
from apps.elastic.policies import UNITS

NAMES = {"cpu": _("CPU"), "memory": _("memory"), "qps": _("QPS"), "latency": _("latency")}
"""Metrics, inside a sentence."""

REASONS = {
    "above": gettext_noop("%(metric)s is %(value)s, above %(limit)s for %(high)s samples"),
    "below": gettext_noop("%(metric)s is %(value)s, below %(limit)s for %(low)s samples"),
    "between": gettext_noop("%(metric)s is %(value)s, and no threshold has been passed for long enough"),
    "target": gettext_noop("%(metric)s is %(value)s and is to be held at %(target)s, which takes %(wish)s"),
    "trend": gettext_noop(
        "%(metric)s is %(value)s and rises; to be held at %(target)s it takes %(wish)s by the time they serve"
    ),
    "unsteady": gettext_noop(
        "%(metric)s is %(value)s, but unsteady from minute to minute: with room for that, "
        "holding %(target)s takes %(wish)s"
    ),
    "saturated": gettext_noop(
        "%(metric)s is %(value)s, so that there may be more load than it shows: half as much again takes %(wish)s"
    ),
    "predicted": gettext_noop(
        "%(metric)s is %(value)s, but past weeks had more at this time, which takes %(wish)s to hold %(target)s"
    ),
    "within": gettext_noop("%(metric)s is %(value)s, which takes no more and no fewer to hold %(target)s"),
    "young": gettext_noop(
        "%(metric)s wants %(wish)s, but its samples have only just come; it looks on for another %(left_s)s"
    ),
    "window": gettext_noop("%(metric)s wants %(wish)s, but %(ago_s)s ago wanted %(peak)s"),
    "no_samples": gettext_noop("there are no samples of %(metric)s yet"),
    "stale": gettext_noop("the newest sample of %(metric)s is %(age_s)s old"),
    "partial": gettext_noop("%(silent)s instances send no samples of %(metric)s, and count as loaded"),
    "source_away": gettext_noop("the monitoring does not answer"),
    "exact": gettext_noop("a schedule says exactly %(instances)s"),
    "no_metrics": gettext_noop("there is no metric to go by"),
    "unknown": gettext_noop("would go to %(wish)s, but of %(metric)s too little is known: %(because)s"),
    "publishing": gettext_noop("would go to %(wish)s, but another operation holds the job"),
    "starting": gettext_noop("would go to %(wish)s, but %(starting)s instances are still starting"),
    "unhealthy": gettext_noop("would go to %(wish)s, but %(unhealthy)s instances are not healthy"),
    "cooldown_out": gettext_noop("wants %(wish)s, but rests another %(left_s)s after the last change"),
    "cooldown_in": gettext_noop("would go to %(wish)s, but rests another %(left_s)s after the last change"),
    "pace": gettext_noop("is on the way to %(wish)s; the next step in is due in %(left_s)s"),
    "approval": gettext_noop(
        "wants to go to %(wish)s, which is so much less that a person has to approve it"
    ),
    "paused": gettext_noop("scaling is paused; it would go to %(wish)s"),
    "stopped": gettext_noop("the job is stopped"),
    "not_published": gettext_noop("the job has not been published yet"),
    "again": gettext_noop("it was decided a moment ago and could not be asked for yet"),
    "failed": gettext_noop("the autoscaler failed on this job: %(error)s"),
    "no_source": gettext_noop("its cluster has no monitoring"),
}
CLAMPS = {
    "min": gettext_noop("raised from %(wish)s to the least, %(to)s"),
    "max": gettext_noop("lowered from %(wish)s to the most, %(to)s"),
    "floor": gettext_noop("raised from %(wish)s to the floor, %(to)s"),
    "person": gettext_noop("raised from %(wish)s to what a person asked for a while ago, %(to)s"),
    "quota": gettext_noop("lowered from %(wish)s to %(to)s: the product line's quota"),
    "capacity": gettext_noop("lowered from %(wish)s to %(to)s: the cluster has no more room"),
    "grow_max": gettext_noop("lowered from %(wish)s to %(to)s: so much at once"),
    "step": gettext_noop("in steps: %(to)s first, %(wish)s in the end"),
}
STAYS = gettext_noop("Stays at %(instances)s: %(reason)s.")
GOES = gettext_noop("From %(instances)s to %(wanted)s: %(reason)s.")
WAITS = gettext_noop(
    "Goes from %(instances)s to %(wanted)s as soon as the operation that holds the job has ended: %(reason)s."
)
OVERTAKEN = gettext_noop(
    "Was to go from %(instances)s to %(wanted)s, but the job or its policy was changed at that moment: %(reason)s."
)
WOULD = gettext_noop("Would go from %(instances)s to %(wanted)s, but only advises: %(reason)s.")

_SECONDS = {"ago_s", "left_s", "age_s"}
_MEASURED = {"value", "limit", "target"}


def decision_text(decision: ScalingDecision) -> str:
    """The decision as one sentence, with what limited it: "Stays at 4: QPS wants 3, but 9 min ago wanted 4."."""
    numbers = {"instances": decision.instances, "wanted": decision.wanted}
    head = STAYS
    if decision.wanted != decision.instances:
        head = _head(decision)
    reason = reason_text(decision.verdict, decision.values)
    if limits := [clamp_text(clamp) for clamp in decision.clamps]:
        reason = f"{reason} ({'; '.join(limits)})"
    return gettext(head) % {**numbers, "reason": reason}


def _head(decision: ScalingDecision) -> str:
    if decision.acted:
        return GOES
    if decision.values.get("overtaken"):
        return OVERTAKEN
    return WAITS if decision.values.get("waits") else WOULD


def reason_text(code: str, values: Mapping[str, Any]) -> str:
    """A verdict, or a metric's wish, as a clause without a full stop."""
    text = REASONS.get(code)
    if text is None:
        return code
    shown = _shown(values)
    if code == "unknown":
        why = str(values.get("why", ""))
        shown["because"] = reason_text(why, values) if why in REASONS and why != "unknown" else why
    return _filled(text, shown)


def reason_sentence(decision: ScalingDecision) -> dict[str, Any]:
    """The same as a stored sentence (`apps.core.models.render_line`), for readers of any language."""
    return _stored(decision.verdict, decision.values)


def _stored(code: str, values: Mapping[str, Any]) -> dict[str, Any]:
    with translation.override("en"):  # the sources
        shown = _shown(values)
        if "metric" in shown:
            shown["metric"] = {"text": str(shown["metric"])}
    if code == "unknown":
        shown["because"] = _stored(str(values.get("why", "")), values)
    return {"text": REASONS.get(code, code), "values": shown}


def clamp_text(clamp: Mapping[str, Any]) -> str:
    text = CLAMPS.get(str(clamp.get("code")))
    return _filled(text, _shown(clamp)) if text else str(clamp.get("code", ""))


def _filled(text: str, shown: Mapping[str, Any]) -> str:
    try:
        return gettext(text) % shown
    except KeyError:  # stored by another release
        return text


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as people read them, with their units."""
    metric = str(values.get("metric", ""))
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if name == "metric":
            shown[name] = NAMES.get(metric, metric)
        elif name in _SECONDS:
            shown[name] = duration(float(value))
        elif name in _MEASURED:
            shown[name] = measured(metric, float(value))
        elif isinstance(value, float):
            shown[name] = f"{value:.3g}"
        else:
            shown[name] = value
    return shown


def measured(metric: str, value: float) -> str:
    """As "63 %" or "120 req/s"."""
    unit = UNITS.get(metric, "")
    number = f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"
    return f"{number} {unit}".rstrip()


def duration(seconds: float) -> str:
    """As "40 s", "9 min" or "3 h"."""
    if seconds < 90:
        return gettext("%(count)s s") % {"count": f"{seconds:.0f}"}
    if seconds < 5400:
        return gettext("%(count)s min") % {"count": f"{seconds / 60:.0f}"}
    return gettext("%(count)s h") % {"count": f"{seconds / 3600:.0f}"}
