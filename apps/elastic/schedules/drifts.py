"""The drift of a schedule's Chronos job: what Ocean cannot put right by itself. (What somebody changes or deletes there
is put right at the next look, within half a minute.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.core.drift import Action, DriftKind, drift_clear, drift_record
from apps.core.models import Cluster, Drift
from apps.core.operations.dispatch import send
from apps.elastic.models import ScalingSchedule
from apps.elastic.schedules.services import RECONCILE_TASK

KIND = "chronos.schedule"
_LASTING = {ScalingSchedule.Chronos.FAILING, ScalingSchedule.Chronos.REFUSED}


def drifts_note(
    cluster: Cluster, rows: Sequence[ScalingSchedule], states: Mapping[int, tuple[str, str]]
) -> None:
    """Jobs that Chronos refuses, or whose calls fail, are drifts; all others agree. One query where nothing changed."""
    rows_known = Drift.objects.filter(kind=KIND, cluster=cluster).values_list("object", "wanted", "found")
    known = {name: [wanted, found] for name, wanted, found in rows_known}
    lasting: set[str] = set()
    for row in rows:
        state, error = states.get(row.pk, ("", ""))
        if state in _LASTING:
            name = f"{row.job.tag} #{row.pk}"
            lasting.add(name)
            wanted, found = [f"{row.start} {row.time_zone} {row.interval}".strip()], [state, error]
            if known.get(name) != [wanted, found]:
                drift_record(kind=KIND, cluster=cluster, object=name, wanted=wanted, found=found)
    if gone := known.keys() - lasting:
        drift_clear(kind=KIND, cluster=cluster, objects=gone)


def fix(drift: Drift, action: Action) -> None:
    """Have a worker look at that Chronos now."""
    cluster_id = drift.cluster_id
    if cluster_id is not None:
        transaction.on_commit(lambda: send(RECONCILE_TASK, cluster_id, queue="background"), robust=True)


CHRONOS_DRIFT = DriftKind(KIND, _("Schedule on Chronos"), ("reapply",), fix)
