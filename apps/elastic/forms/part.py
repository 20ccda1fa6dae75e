"""The job form's tab "Autoscaling": the slide's form, and what goes beyond it.

No part of the job's versions: it is saved in the same transaction as the form, and holds from then on, whatever is
published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext_lazy

from apps.core.errors import FieldError, InvalidInput, StaleVersion
from apps.core.notifications.access import groups_visible
from apps.core.serializers import checked
from apps.elastic.forms.policy import MetricRow, PolicyForm, initial_of
from apps.elastic.forms.schedules import ZONES, ScheduleRows
from apps.elastic.models import ScalingPolicy
from apps.elastic.policies import ScalingFields
from apps.elastic.services import policy_delete, policy_set
from apps.jobs.forms.row_set import RowSet
from apps.jobs.models import Job

if TYPE_CHECKING:
    from apps.accounts.models import User

ID = "scaling"
BACKTEST_DAYS = (1, 3, 7)
_METRIC = re.compile(r"metrics\[(?P<index>\d+)\](?:\.(?P<field>.*))?")


class ScalingPart:
    """Bound (`data`) it keeps what was typed; otherwise it shows the job's policy, or what a new one begins with."""

    id = ID
    template = "elastic/form/_tab.html"

    def __init__(self, user: User, job: Job | None, data: Mapping[str, str] | None = None) -> None:
        self.is_bound = data is not None
        self.job = job
        self.backtest_days = BACKTEST_DAYS
        self.policy = ScalingPolicy.objects.filter(job=job).first() if job else None
        entries = self.policy.metrics if self.policy else [_FIRST]
        self.form = PolicyForm(
            data, initial=dict(initial_of(self.policy)), prefix=ID, groups=_groups(user, job, self.policy)
        )
        self.metrics = RowSet(MetricRow, key=f"{ID}-metrics", items=() if data else entries, data=data)
        self.schedules = ScheduleRows(user, job, data, prefix=ID)
        self.zones = ZONES
        self.general_errors: list[str] = []
        self._is_stale = False

    @property
    def edited_version(self) -> str:
        """The version that is edited. After somebody else's save was told of, it is theirs: saving once more is then a
        decision."""
        if self._is_stale and self.policy is not None:
            return str(self.policy.version)
        return str(self.form["version"].value() or 0)

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
            return _("The job is no longer scaled by metric.") if policy_delete(job=job, by=by) else ""
        if not self._is_wanted():
            return ""
        before = self.policy.version if self.policy else 0
        fields = self.fields()
        try:
            policy = policy_set(job=job, fields=fields, by=by)
        except InvalidInput as exc:
            raise InvalidInput(*_under(exc.errors)) from exc
        except StaleVersion as exc:
            raise InvalidInput(FieldError(f"{ID}.", "stale_version", _(STALE))) from exc
        if policy.version == before:
            return ""
        return _("The scaling policy is saved, and holds from now on.")

    def place(self, error: FieldError) -> None:
        path = error.field.removeprefix(f"{ID}.")
        self._is_stale |= error.code == "stale_version"
        if self.schedules.place(FieldError(path, error.code, error.detail)):
            return
        if match := _METRIC.fullmatch(path):
            index = self._row_of_entry(int(match["index"]))
            self.metrics.place(error, index=index, field=MetricRow.field_of(match["field"] or ""))
        elif path == "metric":
            self.metrics.place(error, index=None, field=None)
        elif (name := path.partition("[")[0]) in self.form.fields:
            self.form.say(name, error.detail)
        else:
            self.general_errors.append(error.detail)

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
        """Whether it is by time alone that the job is to be scaled."""
        rows = self.metrics.rows if self.is_bound else []
        return bool(rows) and all(isinstance(row, MetricRow) and row.is_scheduled for row in rows)

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
