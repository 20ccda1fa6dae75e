"""The forms of a job that goes somewhere else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import ProductLine
from apps.accounts.rights import Right, lines_with
from apps.core.models import Cluster
from apps.jobs.forms.actions import ActionForm
from apps.jobs.forms.fields import FlagField, NumberField, TextField
from apps.jobs.models import Job
from apps.jobs.services.cloning import CloneWish


class ClusterChoice(ActionForm):
    """Another cluster that is in use. What the address says already (`?cluster=`) is there when the page opens."""

    cluster = forms.ModelChoiceField(
        label=_("Cluster"), queryset=Cluster.objects.filter(enabled=True), to_field_name="name"
    )


class MigrateForm(ClusterChoice):
    """Asks for the reason: the old job is deleted in the end."""

    reason_required = True

    def __init__(self, *args: Any, job: Job, **kwargs: Any) -> None:
        super().__init__(*args, job=job, **kwargs)
        clusters = Cluster.objects.filter(enabled=True).exclude(pk=job.cluster_id)
        self.fields["cluster"].queryset = clusters  # type: ignore[attr-defined]


class CloneForm(ClusterChoice):
    """Everything is the job's own until somebody changes it."""

    product_line = forms.ModelChoiceField(
        label=_("Product line"), queryset=ProductLine.objects.none(), to_field_name="tag"
    )
    service = TextField(label=_("Service"), max_length=63, required=True)
    name = TextField(label=_("Name"), max_length=63, required=True)
    version = NumberField(label=_("Version"), required=True)
    autoscaling = FlagField(label=_("With its autoscaling: the policy and the schedules"))
    publish = FlagField(label=_("Publish it at once"))

    def __init__(self, *args: Any, job: Job, by: Any, **kwargs: Any) -> None:
        super().__init__(*args, job=job, **kwargs)
        self.fields["product_line"].queryset = lines_with(by, Right.CHANGE)  # type: ignore[attr-defined]

    def clean_version(self) -> int:
        number = self.cleaned_data["version"]
        if not isinstance(number, int) or number < 1:
            raise forms.ValidationError(_("A version is a whole number."), code="invalid")
        return number

    @property
    def wish(self) -> CloneWish:
        cleaned = self.cleaned_data
        return CloneWish(
            cluster=cleaned["cluster"],
            name=cleaned["name"],
            service=cleaned["service"],
            product_line=cleaned["product_line"],
            version=cleaned["version"],
            autoscaling=cleaned["autoscaling"],
        )
