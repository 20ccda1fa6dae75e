"""Looking before saving: what a set of written-down jobs would change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.base import ApiView
from apps.core.errors import FieldError, Forbidden, InvalidInput
from apps.jobs import services
from apps.jobs.api.base import jobs_listed
from apps.jobs.api.jobs import new_job
from apps.jobs.api.serializers import JobPlanFields, JobPlansSerializer
from apps.jobs.models import job_tag


class JobPlanView(ApiView):
    """What `POST jobs/` and `PATCH jobs/{tag}/` would do with these jobs."""

    @extend_schema(
        request=JobPlanFields,
        responses=JobPlansSerializer,
        operation_id="jobs_plan_create",
        summary="What saving these jobs would change. Writes nothing; every bad field is named as `jobs[0].spec.…`.",
    )
    def post(self, request: Request) -> Response:
        rows = self.body(JobPlanFields)["jobs"]
        tags = [_tag(row) for row in rows]
        plans, errors = [], []
        for index, row in enumerate(rows):
            try:
                if tags[index] in tags[:index]:
                    raise InvalidInput(FieldError("name", "unique", _twice(tags[index])))
                plans.append(self._plan(row, beside=tags))
            except InvalidInput as exc:
                errors += [replace(error, field=f"jobs[{index}].{error.field}") for error in exc.errors]
            except Forbidden as exc:
                errors.append(FieldError(f"jobs[{index}].product_line", exc.code, str(exc)))
        if errors:
            raise InvalidInput(*errors)
        return Response(JobPlansSerializer({"jobs": self._with_jobs(plans)}).data)

    def _plan(self, row: dict[str, Any], *, beside: list[str]) -> services.JobPlan:
        return services.job_plan(
            new=new_job(row, by=self.person),
            by=self.person,
            beside=beside,
            keep_instances="instances" not in row["spec"],
        )

    def _with_jobs(self, plans: list[services.JobPlan]) -> list[dict[str, Any]]:
        """The jobs as lists show them, with the operations that work on them, by one query."""
        shown = jobs_listed(self.person)
        jobs = {job.tag: job for job in shown.filter(tag__in=[plan.tag for plan in plans])}
        return [
            {"tag": plan.tag, "job": jobs.get(plan.tag), "changes": plan.changes, "spec": plan.spec}
            for plan in plans
        ]


def _tag(row: dict[str, Any]) -> str:
    names = {name: row[name] for name in ("name", "service", "cluster", "product_line")}
    return job_tag(**names)


def _twice(tag: str) -> str:
    return _("%(tag)s is written down twice.") % {"tag": tag}
