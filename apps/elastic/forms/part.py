"""The job form's tab "Autoscaling": the slide's form, and what goes beyond it.

No part of the job's versions: it is saved in the same transaction as the form, and holds from then on, whatever is
published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy

from apps.core.errors import FieldError, InvalidInput, StaleVersion
from apps.core.notifications.access import groups_visible
from apps.core.serializers import checked
from apps.elastic.forms.policy import MetricRow, PolicyForm, initial_of
from apps.elastic.forms.schedules import ZONES, ScheduleRows
from apps.elastic.forms.shown import digest
from apps.elastic.models import ScalingPolicy
from apps.elastic.policies import ScalingFields, flattened, policy_body
from apps.elastic.services import policy_delete, policy_set
from apps.jobs.forms.parts import ApiCall
from apps.jobs.forms.row_set import RowSet
from apps.jobs.models import Job

if TYPE_CHECKING:
    from apps.accounts.models import User

ID = "scaling"
BACKTEST_SPANS: Mapping[str, tuple[timedelta, Promise]] = {
    "1h": (timedelta(hours=1), gettext_lazy("1 hour")),
    "1d": (timedelta(days=1), gettext_lazy("1 day")),
    "3d": (timedelta(days=3), gettext_lazy("3 days")),
    "7d": (timedelta(days=7), gettext_lazy("7 days")),
}
_METRIC = re.compile(r"metrics\[(?P<index>\d+)\](?:\.(?P<field>.*))?")


class ScalingPart:
    """Bound (`data`) it keeps what was typed; otherwise it shows the job's policy, or what a new one begins with."""

    id = ID
    template = "elastic/form/_tab.html"

    def __init__(self, user: User, job: Job | None, data: Mapping[str, str] | None = None) -> None:
        self.is_bound = data is not None
        self._data = data
        self.job = job
        self.backtest_spans = [(name, label) for name, (_span, label) in BACKTEST_SPANS.items()]
        self.policy = ScalingPolicy.objects.filter(job=job).first() if job else None
        entries = self.policy.metrics if self.policy else [_FIRST]
        self.form = PolicyForm(
            data, initial=dict(initial_of(self.policy)), prefix=ID, groups=_groups(user, job, self.policy)
        )
        self.metrics = RowSet(MetricRow, key=f"{ID}-metrics", items=() if data else entries, data=data)
        self.schedules = ScheduleRows(job, data, prefix=ID)
        self.zones = ZONES
        self.general_errors: list[str] = []
        self._is_stale = False

    @property
    def backtest_usual(self) -> str:
        """What is replayed unless somebody chooses: a day, and of a job that is younger the finer values of an hour."""
        is_young = self.job is not None and timezone.now() - self.job.created_at < timedelta(days=1)
        return "1h" if is_young else "1d"

    @property
    def backtest_span(self) -> tuple[timedelta, Promise]:
        """The one that was chosen, with its words."""
        chosen = (self._data or {}).get("backtest_span", "")
        return BACKTEST_SPANS[chosen if chosen in BACKTEST_SPANS else self.backtest_usual]

    @property
    def edited_version(self) -> str:
        """The version that is edited. After somebody else's save was told of, it is theirs: saving once more is then a
        decision."""
        if self._is_stale:
            return str(self.policy.version if self.policy else 0)
        return str(self.form["version"].value() or 0)

    @property
    def shown(self) -> str:
        """The policy that `edited_version` is of."""
        if self.is_bound and not self._is_stale:
            return str(self.form["shown"].value() or "")
        return _digest_of(policy_body(self.policy)) if self.policy else ""

    @property
    def label(self) -> str | Promise:
        return pgettext_lazy("job form", "Autoscaling")

    @property
    def has_errors(self) -> bool:
        if not self.is_bound:
            return False
        return bool(
            self.general_errors or self.form.errors or self.metrics.has_errors or self.schedules.has_errors
        )

    def errors(self) -> Sequence[FieldError]:
        found = list(_under(self.schedules.errors())) if self.is_bound else []
        if self._is_wanted():
            try:
                self.fields()
            except InvalidInput as exc:
                found += exc.errors
        return found

    def save(self, job: Job, *, by: User) -> str:
        if not self.is_bound:
            return ""
        if errors := self.errors():
            raise InvalidInput(*errors)
        said = [self._save_policy(job, by=by)]
        try:
            if self.schedules.save(job, by=by):
                said.append(_("The schedules are saved, and Chronos is told."))
        except InvalidInput as exc:
            raise InvalidInput(*_under(exc.errors)) from exc
        return " ".join(filter(None, said))

    def _save_policy(self, job: Job, *, by: User) -> str:
        if self._is_dropped():
            return self._drop(job, by=by)
        if not self._is_wanted():
            return ""
        fields = self.fields()
        if not self._is_news(fields):
            return ""
        try:
            policy = policy_set(job=job, fields=fields, by=by)
        except InvalidInput as exc:
            raise InvalidInput(*_under(exc.errors)) from exc
        except StaleVersion as exc:
            raise _stale() from exc
        if not policy.enabled:
            return _("The scaling policy is saved, but switched off: nothing is scaled by it.")
        return _("The scaling policy is saved, and holds from now on.")

    def _is_news(self, fields: Mapping[str, Any]) -> bool:
        """Not where the person left it as it was, or has sent the same before."""
        there = _digest_of(policy_body(self.policy)) if self.policy else ""
        return _digest_of(fields) not in {self.form["shown"].value(), there}

    def calls(self, tag: str) -> Sequence[ApiCall]:
        if not self.is_bound:
            return []
        if errors := self.errors():
            raise InvalidInput(*errors)
        path = f"jobs/{tag}/scaling/"
        found: list[ApiCall] = []
        if self._is_dropped() and self.policy is not None:
            found.append(ApiCall("DELETE", path))
        elif self._is_wanted() and self._is_news(fields := self.fields()):
            found.append(ApiCall("PUT", path, flattened(fields)))
        return [*found, *self.schedules.calls(tag)]

    def _drop(self, job: Job, *, by: User) -> str:
        if self.policy is None:
            return ""
        if self.form["version"].value() not in {None, str(self.policy.version)}:
            raise _stale()
        policy_delete(job=job, by=by)
        return _("The job is no longer scaled by metric.")

    def place(self, error: FieldError) -> None:
        path = error.field.removeprefix(f"{ID}.")
        if self.schedules.place(FieldError(path, error.code, error.detail)):
            return
        self._is_stale |= error.code == "stale_version"
        if match := _METRIC.fullmatch(path):
            index = self._row_of_entry(int(match["index"]))
            self.metrics.place(error, index=index, field=MetricRow.field_of(match["field"] or ""))
        elif path == "metric":
            self.metrics.place(error, index=None, field=None)
        elif (name := path.partition("[")[0]) in self.form.fields:
            self.form.say(name, error.detail)
        else:
            self.general_errors.append(error.detail)

    def label_of(self, path: str) -> str:
        """The words beside the field that an error is about; '' where it is about no single one."""
        path = path.removeprefix(f"{ID}.")
        match = _METRIC.fullmatch(path)
        fields = MetricRow.base_fields if match else self.form.fields
        name = MetricRow.field_of(match["field"] or "") if match else path.partition("[")[0]
        return str(fields[name].label) if name in fields else ""

    def fields(self) -> dict[str, Any]:
        """The policy as typed. Raises InvalidInput, with paths that begin with the part's id."""
        if errors := self._own_errors():
            raise InvalidInput(*errors)
        rows = [row for row in self.metrics.rows if isinstance(row, MetricRow) and not row.is_scheduled]
        fields = {**self.form.values(), "metrics": [row.item() for row in rows]}
        try:
            checked(ScalingFields(data=fields))
        except InvalidInput as exc:
            raise InvalidInput(*_under(exc.errors)) from exc
        return fields

    def _own_errors(self) -> list[FieldError]:
        found = [
            FieldError(f"{ID}.{name}", "invalid", str(text))
            for name, texts in self.form.errors.items()
            for text in texts
        ]
        found += [FieldError(f"{ID}.metric", "invalid", str(text)) for text in self.metrics.non_form_errors()]
        return found

    def _is_wanted(self) -> bool:
        """Whether there is a policy to be saved: one that was there, or one that somebody switched on or began."""
        if not self.is_bound or self._is_dropped():
            return False
        return self.policy is not None or self.form.has_changed() or self._metrics_changed()

    def _is_dropped(self) -> bool:
        """Whether it is by time alone that the job is to be scaled: that is chosen, or no metric is left and the policy
        is off."""
        if not self.is_bound:
            return False
        rows = self.metrics.rows
        if not rows:
            return not self.form["enabled"].value()
        return all(isinstance(row, MetricRow) and row.is_scheduled for row in rows)

    def _metrics_changed(self) -> bool:
        """Whether the rows say something else than what a new policy begins with."""
        if not self.metrics.is_valid():
            return True
        return [row.item() for row in self.metrics.rows] != [MetricRow.entry_of(_FIRST)]

    def _row_of_entry(self, index: int) -> int:
        """The place of an entry's row among all rows, of which some are no entries."""
        places = [
            place
            for place, row in enumerate(self.metrics.rows)
            if isinstance(row, MetricRow) and not row.is_scheduled
        ]
        return places[index] if index < len(places) else index


STALE = gettext_noop(
    "Somebody changed the scaling policy meanwhile. What you typed is kept: look at theirs on the job's page, and save "
    "again if yours is to stand."
)
_FIRST: dict[str, Any] = {"metric": "cpu", "mode": "target", "target": 65}


def _stale() -> InvalidInput:
    return InvalidInput(FieldError(f"{ID}.", "stale_version", _(STALE)))


def _digest_of(fields: Mapping[str, Any]) -> str:
    """Of a policy without its version; '' where it is none."""
    try:
        values = checked(ScalingFields(data=dict(fields)))
    except InvalidInput:
        return ""
    values.pop("version", None)
    return digest({**values, "notify": sorted(values["notify"])})


def _under(errors: Sequence[FieldError]) -> list[FieldError]:
    return [FieldError(f"{ID}.{error.field}", error.code, error.detail) for error in errors]


def _groups(user: User, job: Job | None, policy: ScalingPolicy | None) -> list[tuple[str, str]]:
    """The groups that can be named: the product line's and everybody's; and those that the policy names already."""
    groups = groups_visible(user)
    if job is not None:
        groups = groups.filter(product_line__isnull=True) | groups.filter(product_line=job.product_line)
    found = {group.name: f"{group.name} · {group.title}" if group.title else group.name for group in groups}
    for name in policy.notify if policy else []:
        found.setdefault(name, _("%(name)s (no longer there)") % {"name": name})
    return list(found.items())
