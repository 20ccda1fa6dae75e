"""Templates of jobs: their versions, the jobs that follow them, and bringing those to the newest version."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import ApiView
from apps.core.api.serializers import UtcDateTimeField
from apps.core.errors import FieldError, InvalidInput
from apps.core.serializers import Strict
from apps.jobs.api.base import named_line, versions_diff, versions_diff_schema
from apps.jobs.api.serializers import ChangeSerializer
from apps.jobs.filters import JobOriginFilter, JobTemplateFilter
from apps.jobs.models import JobOrigin, JobTemplate, JobTemplateVersion
from apps.jobs.selectors import jobs_visible
from apps.jobs.templating.parameters import MAX_PARAMETERS, ParameterFields
from apps.jobs.templating.selectors import (
    Use,
    comparable,
    latest_of,
    origins_of,
    template_versions,
    templates_visible,
    uses_of,
    with_latest,
    with_uses,
)
from apps.jobs.templating.services import NewTemplate, template_create, template_delete, template_edit
from apps.jobs.templating.updates import MAX_JOBS, Choice, JobUpdate, Outcome, update_apply, update_plan
from apps.jobs.templating.use import Turned, job_save_as_template

TEMPLATE = "(?P<template>[a-zA-Z0-9_-]+)"


@extend_schema_field(ParameterFields(many=True))
class ParametersField(serializers.ListField):
    """A template's parameters as people write them; the services check them."""


class ValuesField(serializers.DictField):
    """Values of parameters, by name."""


class TemplateSerializer(serializers.ModelSerializer[JobTemplate]):
    """A spec with placeholders, and the parameters that fill them; `title` is in the reader's language. `product_line`
    null: everybody's. `jobs`: how many follow it."""

    title = serializers.CharField(source="shown_title")
    product_line = serializers.CharField(source="product_line.tag", allow_null=True, default=None)
    version = serializers.IntegerField(source="latest_version")
    jobs = serializers.IntegerField(source="jobs_count")
    parameters = serializers.SerializerMethodField()
    spec = serializers.SerializerMethodField()

    class Meta:
        model = JobTemplate
        fields = ["name", "kind", "title", "product_line", "version", "jobs", "parameters", "spec"]
        read_only_fields = fields

    @extend_schema_field(ParameterFields(many=True))
    def get_parameters(self, template: JobTemplate) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = latest_of(template).parameters
        return parameters

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_spec(self, template: JobTemplate) -> dict[str, Any]:
        spec: dict[str, Any] = latest_of(template).spec
        return spec


class TemplateVersionSerializer(serializers.ModelSerializer[JobTemplateVersion]):
    """What somebody saved once; never changed."""

    version = serializers.IntegerField(source="number")
    author = serializers.CharField(source="author.username", allow_null=True, default=None)
    created = UtcDateTimeField(source="created_at")
    parameters = ParametersField()
    spec = serializers.DictField()

    class Meta:
        model = JobTemplateVersion
        fields = ["version", "note", "author", "created", "parameters", "spec"]
        read_only_fields = fields


class UseSerializer(serializers.Serializer[Use]):
    """A job that follows the template: `version` is the template's that it was made by, `behind` whether there is a
    newer one, `changed` whether its latest version differs from what that made of `parameters`."""

    job = serializers.CharField(source="job.tag")
    state = serializers.CharField(source="job.state")
    version = serializers.IntegerField()
    behind = serializers.BooleanField(source="is_behind")
    changed = serializers.BooleanField(source="is_changed")
    parameters = ValuesField(source="origin.parameters")


class ConflictSerializer(serializers.Serializer[Any]):
    """A field that both the job and the template changed: what it was, and what each made of it."""

    field = serializers.CharField()
    base = serializers.JSONField(allow_null=True)
    job = serializers.JSONField(allow_null=True)
    template = serializers.JSONField(allow_null=True)


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class JobUpdateSerializer(serializers.Serializer[JobUpdate]):
    """One job's part of an update. `version` is the job's: the one that was looked at, or saved."""

    job = serializers.CharField(source="job.tag")
    outcome = serializers.ChoiceField(choices=[each.value for each in Outcome])
    from_version = serializers.IntegerField()
    version = serializers.IntegerField()
    parameters = ValuesField()
    changes = ChangeSerializer(many=True)
    conflicts = ConflictSerializer(many=True)
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment] # the metaclass takes it out


class UpdateSerializer(serializers.Serializer[Any]):
    """`publish`: the jobs of which a new version was saved, for `POST releases/`."""

    template = serializers.CharField()
    version = serializers.IntegerField()
    jobs = JobUpdateSerializer(many=True)
    publish = serializers.ListField(child=serializers.CharField())


class NewTemplateFields(Strict):
    """With `from_job`, the job's values become the spec (of its `job_version`, else the latest), and each of
    `parameters` names the `field` that becomes one (`env.LEVEL`); its type and default are the value's unless given."""

    name = serializers.CharField(max_length=63)
    title = serializers.CharField(max_length=120)
    title_zh = serializers.CharField(max_length=120, allow_blank=True, default="")
    product_line = serializers.CharField(max_length=220, allow_null=True, default=None)
    parameters = ParametersField(default=list, max_length=MAX_PARAMETERS)
    spec = serializers.DictField(required=False)
    from_job = serializers.CharField(max_length=400, required=False)
    job_version = serializers.IntegerField(min_value=1, required=False)
    note = serializers.CharField(max_length=300, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("spec" in attrs) == ("from_job" in attrs):
            text = _("Give a spec, or the job to take it from.")
            raise serializers.ValidationError({"spec": [serializers.ErrorDetail(text, code="required")]})
        return attrs


class TemplatePatchFields(Strict):
    """`spec` and `parameters` replace the whole; together they make the next version. `version`: the one that was
    edited, to notice a rival."""

    title = serializers.CharField(max_length=120, required=False)
    title_zh = serializers.CharField(max_length=120, allow_blank=True, required=False)
    parameters = ParametersField(required=False, max_length=MAX_PARAMETERS)
    spec = serializers.DictField(required=False)
    version = serializers.IntegerField(min_value=1, required=False)
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class ChoiceFields(Strict):
    """`version`: the job's, as it was looked at. `take`: who wins which conflict, by its field."""

    job = serializers.CharField(max_length=400)
    version = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    take = serializers.DictField(child=serializers.ChoiceField(choices=["job", "template"]), default=dict)


class UpdatePlanFields(Strict):
    """Without `jobs`, those on older versions. `parameters`: values for all, on top of each job's own."""

    jobs = serializers.ListField(child=ChoiceFields(), required=False, max_length=MAX_JOBS)
    parameters = ValuesField(default=dict)


class UpdateFields(UpdatePlanFields):
    jobs = serializers.ListField(child=ChoiceFields(), min_length=1, max_length=MAX_JOBS)
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class TemplateViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[JobTemplate]):
    """Everybody's templates and those of one's product lines, by `kind`: `job`."""

    serializer_class = TemplateSerializer
    lookup_field = "name"
    lookup_value_regex = "[a-zA-Z0-9_-]+"
    filterset_class = JobTemplateFilter
    ordering_fields = {"name": "name", "kind": "kind"}
    queryset = JobTemplate.objects.none()

    def get_queryset(self) -> QuerySet[JobTemplate]:
        return with_latest(with_uses(templates_visible(self.person)))

    @extend_schema(
        request=NewTemplateFields,
        responses={201: TemplateSerializer},
        summary="Create a template from a spec, or from a job.",
    )
    def create(self, request: Request) -> Response:
        fields = self.body(NewTemplateFields)
        tag = fields["product_line"]
        new = NewTemplate(
            name=fields["name"],
            title=fields["title"],
            title_zh=fields["title_zh"],
            product_line=named_line(tag, by=self.person) if tag is not None else None,
            parameters=fields["parameters"],
            spec=fields.get("spec", {}),
            note=fields["note"],
        )
        template = (
            self._from_job(new, fields) if "from_job" in fields else template_create(new=new, by=self.person)
        )
        url = reverse("template-detail", args=[template.name], request=request)
        return Response(self._described(template), HTTPStatus.CREATED, headers={"Location": url})

    @extend_schema(
        request=TemplatePatchFields,
        responses=TemplateSerializer,
        summary="Save the next version; jobs are not touched until they are updated.",
    )
    def partial_update(self, request: Request, name: str) -> Response:
        template = self.get_object()
        fields = self.body(TemplatePatchFields)
        template_edit(
            template=template,
            by=self.person,
            spec=fields.get("spec"),
            parameters=fields.get("parameters"),
            titles={key: fields[key] for key in ("title", "title_zh") if key in fields},
            edited_version=fields.get("version"),
            note=fields["note"],
        )
        return Response(self._described(template))

    @extend_schema(summary="Forget a template that no job follows.")
    def destroy(self, request: Request, name: str) -> Response:
        template_delete(template=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)

    def _from_job(self, new: NewTemplate, fields: dict[str, Any]) -> JobTemplate:
        job = jobs_visible(self.person).filter(tag=fields["from_job"]).first()
        if job is None:
            text = _("There is no job %(tag)s, or none that you may know of.") % {"tag": fields["from_job"]}
            raise InvalidInput(FieldError("from_job", "unknown_job", text))
        turned = []
        for index, row in enumerate(fields["parameters"]):
            if not isinstance(row, dict) or not isinstance(row.get("field"), str):
                text = _("Name the job's field that becomes this parameter.")
                raise InvalidInput(FieldError(f"parameters[{index}].field", "required", text))
            shape = {key: value for key, value in row.items() if key != "field"}
            turned.append(Turned(row["field"], shape))
        return job_save_as_template(
            job=job, new=new, turned=turned, by=self.person, version=fields.get("job_version")
        )

    def _described(self, template: JobTemplate) -> dict[str, Any]:
        return dict(TemplateSerializer(self.get_queryset().get(pk=template.pk)).data)


class OfTemplate(ApiView):
    """What belongs to a template; unknown and invisible are the same 404."""

    kwargs: dict[str, Any]

    @cached_property
    def template(self) -> JobTemplate:
        return get_object_or_404(templates_visible(self.person), name=self.kwargs["template"])


describe_template = extend_schema(
    parameters=[
        OpenApiParameter("template", OpenApiTypes.STR, OpenApiParameter.PATH, description="Its name.")
    ]
)


@describe_template
class TemplateVersionViewSet(
    OfTemplate, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[JobTemplateVersion]
):
    """A template's versions, the latest first."""

    serializer_class = TemplateVersionSerializer
    lookup_field = "number"
    lookup_value_regex = "[0-9]{1,9}"
    ordering_fields = {"version": "number"}
    queryset = JobTemplateVersion.objects.none()

    def get_queryset(self) -> QuerySet[JobTemplateVersion]:
        return template_versions(self.template)

    @versions_diff_schema(
        "TemplateVersionDiff",
        "What differs from one version to another, field by field; parameters as `parameters[name]`.",
    )
    @action(detail=True, url_path="diff/(?P<other>[0-9]{1,9})")
    def diff(self, request: Request, template: str, number: str, other: str) -> Response:
        return versions_diff(self.get_queryset(), number, other, content=comparable)


@describe_template
class TemplateJobViewSet(OfTemplate, GenericViewSet[Any]):
    """The jobs that follow a template."""

    serializer_class = UseSerializer
    filterset_class = JobOriginFilter
    ordering_fields = {"job": "job__tag", "version": "version__number"}
    queryset = JobOrigin.objects.none()

    def get_queryset(self) -> QuerySet[JobOrigin]:
        return origins_of(self.template, user=self.person)

    @extend_schema(summary="The jobs that follow it: on which version, and whether they were changed since.")
    def list(self, request: Request, template: str) -> Response:
        found = self.template
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows: Any = uses_of(found, page or [])
        return self.get_paginated_response(UseSerializer(rows, many=True).data)


class TemplateUpdatePlanView(OfTemplate):
    """What an update would mean for the jobs that follow a template."""

    @extend_schema(
        request=UpdatePlanFields,
        responses=UpdateSerializer,
        operation_id="templates_update_plan",
        summary="Job by job: what would change, and what both changed. Writes nothing.",
    )
    @describe_template
    def post(self, request: Request, template: str) -> Response:
        found = self.template
        fields = self.body(UpdatePlanFields)
        choices = _choices(fields["jobs"]) if "jobs" in fields else None
        plans = update_plan(found, by=self.person, choices=choices, given=fields["parameters"])
        return Response(_update_json(found, plans))


class TemplateUpdateView(OfTemplate):
    """Bringing jobs to their template's newest version."""

    @extend_schema(
        request=UpdateFields,
        responses=UpdateSerializer,
        operation_id="templates_update_apply",
        summary="Save a new version of each of these jobs that can have one. Nothing is published.",
    )
    @describe_template
    def post(self, request: Request, template: str) -> Response:
        found = self.template
        fields = self.body(UpdateFields)
        done = update_apply(
            found,
            by=self.person,
            choices=_choices(fields["jobs"]),
            given=fields["parameters"],
            note=fields["note"],
        )
        return Response(_update_json(found, done))


def _choices(rows: list[dict[str, Any]]) -> list[Choice]:
    return [Choice(row["job"], row["version"], row["take"]) for row in rows]


def _update_json(template: JobTemplate, updates: list[JobUpdate]) -> dict[str, Any]:
    publish = [update.job.tag for update in updates if update.outcome == Outcome.SAVED]
    body = {
        "template": template.name,
        "version": template.latest_version,
        "jobs": updates,
        "publish": publish,
    }
    return dict(UpdateSerializer(body).data)
