"""How jobs look in the API, and the bodies of what one can ask of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api.serializers import UtcDateTimeField
from apps.core.serializers import Reasoned, Strict
from apps.jobs.explain import render_problem
from apps.jobs.models import Instance, Job, JobEvent, JobOrigin, JobVersion, ScaleExpiry, Secret
from apps.jobs.spec.fields import SpecFields
from apps.jobs.spec.strategy import StrategyFields

# --- reading -------------------------------------------------------------------------------------------


class JobChangeSerializer(serializers.Serializer[Any]):
    """`field` is a path into the spec, such as `spec.cpus`; `to` is null for what should be left out."""

    field = serializers.CharField()
    to = serializers.JSONField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python allows."""
        return {**super().get_fields(), "from": serializers.JSONField(allow_null=True)}


class JobProblemSerializer(serializers.Serializer[Any]):
    """Why a job is not as wanted, in the reader's language: what, why, and what one can do. `code` names the rule
    that found it, `change` the smallest change of the spec that would help."""

    severity = serializers.ChoiceField(choices=JobEvent.Level.choices)
    code = serializers.CharField()
    what = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    hint = serializers.CharField(allow_blank=True)
    change = JobChangeSerializer(allow_null=True)


class InstanceCountsSerializer(serializers.ModelSerializer[Job]):
    """How many instances are wanted, and how many the scheduler has of each sort."""

    class Meta:
        model = Job
        fields = ["wanted", "running", "healthy", "staging"]
        read_only_fields = fields


class ScaleExpirySerializer(serializers.ModelSerializer[ScaleExpiry]):
    """When the job goes back to so many `instances` by itself."""

    at = UtcDateTimeField()

    class Meta:
        model = ScaleExpiry
        fields = ["at", "instances"]
        read_only_fields = fields


class JobListSerializer(serializers.ModelSerializer[Job]):
    """`version` is the latest one saved, `running_version` the one that last became healthy, `operation` the id of the
    operation that works on it now, `expiry` when its number of instances goes back by itself, `favourite` whether the
    person has starred it. `serving`: which side serves during a blue-green publish, empty where all instances do."""

    product_line = serializers.CharField(source="product_line.tag")
    cluster = serializers.CharField(source="cluster.name")
    version = serializers.IntegerField(source="latest_version")
    instances = InstanceCountsSerializer(source="*")
    since = UtcDateTimeField(source="state_since")
    operation = serializers.IntegerField(source="active_operation_id", allow_null=True)
    expiry = ScaleExpirySerializer(source="pending_expiry", allow_null=True, default=None)
    serving = serializers.CharField()
    problems = serializers.SerializerMethodField()
    favourite = serializers.BooleanField(source="is_favourite")
    created = UtcDateTimeField(source="created_at")

    class Meta:
        model = Job
        fields = [
            "tag", "product_line", "service", "cluster", "name", "state", "since", "version",
            "running_version", "instances", "serving", "expiry", "operation", "problems", "managed_by",
            "favourite", "created",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(JobProblemSerializer(many=True))
    def get_problems(self, job: Job) -> Any:
        if not job.problems:  # most: a list is spared a serializer for each of its rows
            return []
        return JobProblemSerializer([render_problem(problem) for problem in job.problems], many=True).data


class JobOriginSerializer(serializers.ModelSerializer[JobOrigin]):
    """The template that a job follows: `version` is the one that it was made by, `latest` the newest."""

    name = serializers.CharField(source="version.template.name")
    version = serializers.IntegerField(source="version.number")
    latest = serializers.IntegerField(source="version.template.latest_version")
    parameters = serializers.DictField()

    class Meta:
        model = JobOrigin
        fields = ["name", "version", "latest", "parameters"]
        read_only_fields = fields


class JobSerializer(JobListSerializer):
    """With the spec of its latest version; `workload_id` is its name on the scheduler."""

    spec = SpecFields(source="latest_spec")
    template = JobOriginSerializer(source="origin", allow_null=True, default=None)
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    cloned_from = serializers.CharField(source="cloned_from.tag", allow_null=True, default=None)

    class Meta(JobListSerializer.Meta):
        fields = [
            *JobListSerializer.Meta.fields,
            "spec",
            "template",
            "workload_id",
            "created_by",
            "cloned_from",
        ]
        read_only_fields = fields


class JobVersionSerializer(serializers.ModelSerializer[JobVersion]):
    """What somebody saved once; never changed."""

    version = serializers.IntegerField(source="number")
    author = serializers.CharField(source="author.username", allow_null=True, default=None)
    created = UtcDateTimeField(source="created_at")
    spec = SpecFields()

    class Meta:
        model = JobVersion
        fields = ["version", "note", "author", "created", "spec"]
        read_only_fields = fields


class ChangeSerializer(serializers.Serializer[Any]):
    """One field that differs; `old` or `new` is null where it was added or removed."""

    field = serializers.CharField()
    change = serializers.ChoiceField(choices=["added", "removed", "changed"])
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class InstanceSerializer(serializers.ModelSerializer[Instance]):
    """One task of the job; `version` is ours, null for a definition that Ocean did not write. `slot` is `side` for
    those that a canary or blue-green publish runs beside the job's own; `serving`: whether it is to get requests."""

    started = UtcDateTimeField(source="started_at", allow_null=True)
    ports = serializers.ListField(child=serializers.IntegerField())
    serving = serializers.BooleanField(source="is_serving")

    class Meta:
        model = Instance
        fields = [
            "task_id", "host", "ip", "ports", "state", "healthy", "version", "slot", "serving", "restarts",
            "started", "message",
        ]  # fmt: skip
        read_only_fields = fields


class JobPlanSerializer(serializers.Serializer[Any]):
    """What saving one job would do: `job` is as it is now (null: it would be created), `spec` complete, `changes` from
    its latest version (empty: nothing would be saved)."""

    tag = serializers.CharField()
    job = JobListSerializer(allow_null=True)
    changes = ChangeSerializer(many=True)
    spec = SpecFields()


class JobPlansSerializer(serializers.Serializer[Any]):
    """In the order in which they were asked."""

    jobs = JobPlanSerializer(many=True)


class LogChunkSerializer(serializers.Serializer[Any]):
    """A piece of a file: read on from `offset + length`. `size` is the file's; all three in bytes."""

    task = serializers.CharField()
    file = serializers.CharField()
    offset = serializers.IntegerField()
    length = serializers.IntegerField()
    size = serializers.IntegerField()
    text = serializers.CharField()


class SecretSerializer(serializers.ModelSerializer[Secret]):
    """That a secret is there; its value is never read back."""

    updated = UtcDateTimeField(source="updated_at")
    updated_by = serializers.CharField(source="updated_by.username", allow_null=True, default=None)

    class Meta:
        model = Secret
        fields = ["name", "updated", "updated_by"]
        read_only_fields = fields


@extend_schema_field(SpecFields)
class SpecField(serializers.DictField):
    """A spec as people write it; the services check it."""


@extend_schema_field(StrategyFields)
class StrategyField(serializers.DictField):
    """A publish strategy as people write it; the services check it."""


class AwareDateTimeField(serializers.DateTimeField):
    """A moment in ISO 8601 that says its zone: whose wall clock another one meant could only be guessed."""

    default_error_messages = {"naive": _("Name the zone too, as in %(example)s.")}

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            example = {"example": "2026-11-20T18:00:00+08:00"}
            raise serializers.ValidationError(self.error_messages["naive"] % example, code="naive")
        return value


# --- asking --------------------------------------------------------------------------------------------


class FromTemplate(Strict):
    """A spec, or a template with its `parameters`; then `spec` goes on top of what that makes."""

    template = serializers.CharField(max_length=63, required=False)
    parameters = serializers.DictField(required=False)
    spec = SpecField()

    def to_internal_value(self, data: Any) -> Any:
        """A template may be all there is to say of the spec."""
        if isinstance(data, dict) and "template" in data:
            data = {"spec": {}, **data}
        return super().to_internal_value(data)


class NewJobFields(FromTemplate):
    """Where a job belongs and what it should be. What the spec leaves out has the template's value, made with these
    `parameters`, or the default."""

    product_line = serializers.CharField(max_length=220)
    service = serializers.CharField(max_length=63)
    cluster = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=63)
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class JobPlanFields(Strict):
    """Jobs as they are written down, as for `POST jobs/`. Where `spec` says no `instances`, an existing job keeps its
    number."""

    jobs: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=NewJobFields(), allow_empty=False, max_length=100
    )


class JobPatchFields(FromTemplate):
    """`spec`: the top-level keys to replace. `version`: the one that was edited, to notice a rival. With a `template`
    also what its newest version makes of `parameters` is replaced, and the job follows it from then on."""

    version = serializers.IntegerField(min_value=1, required=False)
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


class PublishFields(Reasoned):
    """The latest version unless one is named; `strategy` on top of the version's own, for this publish. `replace`: take
    over from a publish that is under way, instead of 409."""

    version = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    strategy = StrategyField(allow_null=True, default=None)
    replace = serializers.BooleanField(default=False)


class RollbackFields(Reasoned):
    """The version that ran before the present one, unless one is named."""

    version = serializers.IntegerField(min_value=1, allow_null=True, default=None)


class ScaleFields(Reasoned):
    """0 stops the job. `until`: then it goes back to the number of before; ISO 8601 with its zone."""

    instances = serializers.IntegerField(min_value=0)
    until = AwareDateTimeField(required=False, allow_null=True, default=None)


class KillFields(Reasoned):
    """`shrink`: want one instance fewer, instead of another in its place."""

    shrink = serializers.BooleanField(default=False)


class LogQuery(Strict):
    """`offset` in bytes; without it the file's tail is read."""

    task = serializers.CharField(max_length=500)
    file = serializers.RegexField(r"^(?!\.)[\w.-]+$", max_length=120, default="stdout")
    offset = serializers.IntegerField(min_value=0, required=False, default=None, allow_null=True)
    length = serializers.IntegerField(min_value=1, max_value=256 * 1024, default=32 * 1024)


class SecretFields(Strict):
    """A secret's new value."""

    value = serializers.CharField(max_length=64 * 1024, trim_whitespace=False)
