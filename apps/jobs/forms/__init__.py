"""The job form, as three tabs of plain fields and rows, and the forms of a job's actions.

A field holds the text that was typed: what is right is said by `apps.jobs.spec` through the services, for the form
and the API alike, and each error is put back at the field that caused it (`JobForm.put_errors`).
"""

from apps.jobs.forms.actions import ActionForm, Asked, ConfirmForm, KillForm, ScaleForm
from apps.jobs.forms.job import JobForm
from apps.jobs.forms.tabs import PlaceForm, StrategyForm

__all__ = [
    "ActionForm",
    "Asked",
    "ConfirmForm",
    "JobForm",
    "KillForm",
    "PlaceForm",
    "ScaleForm",
    "StrategyForm",
]
