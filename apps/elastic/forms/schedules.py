"""The rows of scheduled scaling: start, interval (years, months, days, hours and minutes), instances, as on the slide;
the time zone, what the number means, and what happens to one that was missed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy

from apps.core.errors import FieldError, InvalidInput
from apps.core.serializers import checked
from apps.elastic.forms.shown import digest
from apps.elastic.models import ScalingSchedule
from apps.elastic.models.schedule import ScheduleKind
from apps.elastic.schedules.calendar import read_interval
from apps.elastic.schedules.fields import ScheduleFields
from apps.elastic.schedules.selectors import schedules_of
from apps.elastic.schedules.services import schedule_change, schedule_create, schedule_delete
from apps.jobs.forms.fields import ChoiceField, FlagField, NumberField, TextField
from apps.jobs.forms.parts import ApiCall
from apps.jobs.forms.row_set import RowSet
from apps.jobs.forms.rows import RowForm
from apps.jobs.models import Job

if TYPE_CHECKING:
    from apps.accounts.models import User

KEY = "schedules"
ZONES = (
    "Asia/Shanghai", "Asia/Hong_Kong", "Asia/Singapore", "Asia/Tokyo", "Asia/Kolkata", "Europe/London",
    "Europe/Berlin", "America/New_York", "America/Los_Angeles", "UTC",
)  # fmt: skip
"""Offered; any other of the database of time zones can be typed."""
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)")
_PATH = re.compile(rf"{KEY}\[(?P<index>\d+)\](?:\.(?P<field>.*))?")


class ScheduleRow(RowForm):
    """One row. `schedule` is the id of the one that it was made from, empty in a new one."""

    fresh: ClassVar[Mapping[str, Any]] = {"time": "00:00", "days": "1"}

    schedule = forms.CharField(required=False, widget=forms.HiddenInput)
    start = TextField(
        label=pgettext_lazy("schedule", "Start"),
        attrs={"placeholder": "2016-10-01 00:00"},
        help_text=gettext_lazy("As the clock of the time zone shows it."),
    )
    years = NumberField(label=pgettext_lazy("schedule", "Interval"), unit=pgettext_lazy("interval", "years"))
    months = NumberField(label=gettext_lazy("months"), unit=pgettext_lazy("interval", "months"))
    days = NumberField(label=gettext_lazy("days"), unit=pgettext_lazy("interval", "days"))
    time = TextField(
        label=gettext_lazy("hours:minutes"),
        attrs={"placeholder": "02:00"},
        help_text=gettext_lazy("All empty or zero: once."),
    )
    instances = NumberField(
        label=pgettext_lazy("number", "Instances"),
        unit=pgettext_lazy("unit", "instances"),
        help_text=gettext_lazy("0 stops the job until the next time."),
    )
    time_zone = TextField(
        label=gettext_lazy("Time zone"),
        attrs={"list": "zone-options"},
        help_text=gettext_lazy("Empty: your own."),
    )
    kind = ChoiceField(
        label=gettext_lazy("Beside metrics"),
        choices=ScheduleKind.choices,
        initial="floor",
        help_text=gettext_lazy("At least so many, or exactly so many whatever the metrics say."),
    )
    misfire = ChoiceField(
        label=gettext_lazy("When it was missed"),
        choices=ScalingSchedule.Misfire.choices,
        initial="make_up",
    )
    off = FlagField(label=gettext_lazy("Switched off"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget.attrs["placeholder"] = timezone.get_current_timezone_name()

    def fields_of(self, *, time_zone: str) -> dict[str, Any]:
        """The row as a schedule is written. Raises InvalidInput (`time`) for a clock that is none."""
        values = self.cleaned_data
        return {
            "start": values["start"],
            "interval": self._interval(),
            "instances": values["instances"],
            "time_zone": values["time_zone"] or time_zone,
            "kind": values["kind"],
            "misfire": values["misfire"],
            "enabled": not values["off"],
        }

    def _interval(self) -> str:
        values = self.cleaned_data
        clock = _CLOCK.fullmatch(values["time"] or "00:00")
        if clock is None:
            raise InvalidInput(FieldError("time", "invalid", _("Write hours and minutes as 02:00.")))
        date = "".join(
            f"{values[name]}{unit}"
            for name, unit in (("years", "Y"), ("months", "M"), ("days", "D"))
            if values[name] not in ("", 0)
        )
        time = "".join(
            f"{int(part)}{unit}" for part, unit in zip(clock.groups(), "HM", strict=True) if int(part)
        )
        return f"P{date}{'T' if time else ''}{time}" if date or time else ""

    @classmethod
    def row_of(cls, item: Any) -> dict[str, Any]:
        return row_of(item) if isinstance(item, ScalingSchedule) else dict(item)

    def field_at_fault(self, code: str) -> str:
        return "start"


def row_of(schedule: ScalingSchedule) -> dict[str, Any]:
    """A schedule as its row."""
    interval = read_interval(schedule.interval) if schedule.interval else None
    years, months = divmod(interval.months, 12) if interval else (0, 0)
    hours, minutes = divmod(interval.minutes, 60) if interval else (0, 0)
    return {
        "schedule": str(schedule.pk),
        "start": schedule.start.replace("T", " "),
        "years": str(years or ""),
        "months": str(months or ""),
        "days": str(interval.days or "") if interval else "",
        "time": f"{hours:02}:{minutes:02}" if hours or minutes else "",
        "instances": str(schedule.instances),
        "time_zone": schedule.time_zone,
        "kind": schedule.kind,
        "misfire": schedule.misfire,
        "off": not schedule.enabled,
    }


class ScheduleRows:
    """All rows of a job; what is saved is what differs."""

    def __init__(self, job: Job | None, data: Mapping[str, str] | None, *, prefix: str) -> None:
        self.known = {str(row.pk): row for row in schedules_of(job)} if job else {}
        self.time_zone = timezone.get_current_timezone_name()  # that of all times on the reader's pages
        self.rows = RowSet(
            ScheduleRow,
            key=f"{prefix}-{KEY}",
            items=() if data else list(self.known.values()),
            data=data,
        )
        self.shown_name = f"{prefix}-{KEY}-shown"
        self.shown = data.get(self.shown_name, "") if data else self._there
        """The rows that the person began with."""

    @property
    def _there(self) -> str:
        return _digest_of([fields_of(row) for row in self.known.values()])

    @property
    def has_errors(self) -> bool:
        return self.rows.has_errors

    def errors(self) -> list[FieldError]:
        """What is wrong with them, by paths that begin with `schedules`."""
        try:
            self._asked()
        except InvalidInput as exc:
            return list(exc.errors)
        return []

    def save(self, job: Job, *, by: User) -> bool:
        """Make the job's schedules what the rows say; whether anything changed. Raises InvalidInput.

        Rows that the person did not touch, or sent before, are left as they are now."""
        asked = self._asked()
        if not self._is_news(asked):
            return False
        if self.shown and self.shown != self._there:
            raise InvalidInput(FieldError(KEY, "stale_version", self._stale()))
        wishes, gone = self._wishes(asked), self._gone()
        for schedule in gone:
            schedule_delete(schedule=schedule, by=by)
        for index, (known, fields) in enumerate(wishes):
            try:
                if known is None:
                    schedule_create(job=job, by=by, fields=fields)
                elif fields:
                    schedule_change(schedule=known, by=by, fields=fields)
            except InvalidInput as exc:
                raise InvalidInput(*_under(exc.errors, index)) from exc
        return bool(gone) or any(known is None or fields for known, fields in wishes)

    def calls(self, tag: str) -> list[ApiCall]:
        """The same by the API. Raises InvalidInput."""
        asked = self._asked()
        if not self._is_news(asked):
            return []
        path = f"jobs/{tag}/schedules/"
        removed = [ApiCall("DELETE", f"{path}{schedule.pk}/") for schedule in self._gone()]
        changed = [
            ApiCall("POST", path, fields) if known is None else ApiCall("PATCH", f"{path}{known.pk}/", fields)
            for known, fields in self._wishes(asked)
            if known is None or fields
        ]
        return [*removed, *changed]

    def _is_news(self, asked: Sequence[Mapping[str, Any]]) -> bool:
        return _digest_of(asked) not in {self.shown, self._there}

    def _gone(self) -> list[ScalingSchedule]:
        """The job's schedules that no row stands for any more."""
        kept = {str(row.cleaned_data["schedule"]) for row in self.rows.rows}
        return [schedule for pk, schedule in self.known.items() if pk not in kept]

    def _wishes(self, asked: Sequence[dict[str, Any]]) -> list[tuple[ScalingSchedule | None, dict[str, Any]]]:
        """For each row the schedule that it was made from and the fields that differ; all of them in a new one."""
        found: list[tuple[ScalingSchedule | None, dict[str, Any]]] = []
        for row, fields in zip(self.rows.rows, asked, strict=True):
            known = self.known.get(str(row.cleaned_data["schedule"]))
            differing = {name: value for name, value in fields.items() if getattr(known, name, None) != value}
            found.append((known, differing if known else fields))
        return found

    def place(self, error: FieldError) -> bool:
        """Put an error at its row; whether it is one of theirs. After somebody else's save was told of, saving once
        more is a decision."""
        if not error.field.startswith(KEY):
            return False
        if error.code == "stale_version":
            self.shown = self._there
        match = _PATH.fullmatch(error.field)
        index = int(match["index"]) if match else None
        field = (match["field"] or "") if match else ""
        if field == "interval":
            words = _("In whole numbers: at least a minute, and at most a hundred years.")
            error, field = FieldError(error.field, error.code, words), "days"
        if match and not field:
            self.rows.errors_of_all.append(error.detail)
        else:
            self.rows.place(error, index=index, field=field)
        return True

    def _asked(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        errors = [FieldError(KEY, "invalid", str(text)) for text in self.rows.non_form_errors()]
        for index, row in enumerate(self.rows.rows):
            try:
                assert isinstance(row, ScheduleRow)
                fields = row.fields_of(time_zone=self.time_zone)
                found.append(checked(ScheduleFields(data=fields, partial=True)))
            except InvalidInput as exc:
                errors += _under(exc.errors, index)
        if errors:
            raise InvalidInput(*errors)
        return found

    def _stale(self) -> str:
        rows = "; ".join(
            f"{row.start.replace('T', ' ')} {row.time_zone} {row.interval}: {row.instances}".replace(
                " :", ":"
            )
            for row in self.known.values()
        )
        return _(STALE) % {"rows": rows or "–"}


STALE = gettext_noop(
    "Somebody changed the schedules meanwhile. What you typed is kept, and replaces theirs if you save again. "
    "Now there are: %(rows)s."
)
_FIELDS = ("start", "time_zone", "interval", "instances", "kind", "misfire", "enabled")


def fields_of(schedule: ScalingSchedule) -> dict[str, Any]:
    """A schedule as it is written, as far as rows say it."""
    return {name: getattr(schedule, name) for name in _FIELDS}


def _digest_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Of all rows by what they say, in any order."""
    return digest(sorted([str(row.get(name, "")) for name in _FIELDS] for row in rows))


def _under(errors: Sequence[FieldError], index: int) -> list[FieldError]:
    return [
        FieldError(f"{KEY}[{index}]{'.' if error.field else ''}{error.field}", error.code, error.detail)
        for error in errors
    ]
