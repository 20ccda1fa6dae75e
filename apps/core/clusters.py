"""Clusters' rows: from the setting OCEAN_CLUSTERS, and from SREs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.validators import RegexValidator
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Cluster
from apps.core.serializers import Strict, checked
from clients.addresses import Addresses
from engines.metrics.prometheus import LABEL, check_label, check_query

if TYPE_CHECKING:
    from apps.accounts.models import User

_COLUMNS = {"marathon": "marathon_urls", "mesos": "mesos_urls", "chronos": "chronos_urls"}
"""The setting's and the API's words beside the columns'; the others are the same."""

MAX_QUERY = 2_000

validate_segment = RegexValidator(
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z",
    gettext_lazy("Use lower-case letters, digits and inner hyphens: it becomes part of jobs' names."),
    code="invalid_name",
)


class AddressField(serializers.CharField):
    """One server's `http(s)://host:port`, without credentials."""

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data).rstrip("/")
        try:
            Addresses([url])
        except ValueError as exc:
            raise serializers.ValidationError(str(exc), code="invalid_address") from exc
        return url


class QueryField(serializers.CharField):
    """An expression of Prometheus, in which `$label`, `$match` and `$window` stand for what each question asks for."""

    default_error_messages = {
        "invalid_query": gettext_lazy(
            "Write an expression with $match in it, for the tasks that are asked for; $label and $window may stand "
            "there too, and $$ is a dollar sign."
        )
    }

    def to_internal_value(self, data: Any) -> str:
        query = " ".join(super().to_internal_value(data).split())
        try:
            check_query(query)
        except ValueError:
            self.fail("invalid_query")
        return query


class QueriesFields(Strict):
    """The expressions of a Prometheus that are others than the usual ones, by metric."""

    cpu = QueryField(required=False, max_length=MAX_QUERY)
    memory = QueryField(required=False, max_length=MAX_QUERY)
    qps = QueryField(required=False, max_length=MAX_QUERY)
    latency = QueryField(required=False, max_length=MAX_QUERY)


class LabelField(serializers.CharField):
    """The name of one of Prometheus' labels."""

    default_error_messages = {
        "invalid_label": gettext_lazy("Use letters, digits and underscores, not starting with a digit.")
    }

    def to_internal_value(self, data: Any) -> str:
        label = super().to_internal_value(data)
        try:
            check_label(label)
        except ValueError:
            self.fail("invalid_label")
        return label


class ClusterFields(Strict):
    """A cluster as an entry of OCEAN_CLUSTERS and a body of the API write it. Several addresses are several masters."""

    name = serializers.CharField(max_length=63, validators=[validate_segment])
    idc = serializers.CharField(max_length=32, validators=[validate_segment])
    environment = serializers.CharField(max_length=63, validators=[validate_segment])
    marathon = serializers.ListField(child=AddressField(), allow_empty=False)
    mesos = serializers.ListField(child=AddressField(), allow_empty=False)
    chronos = serializers.ListField(child=AddressField(), default=list)
    username = serializers.CharField(max_length=150, allow_blank=True, default="")
    password = serializers.CharField(allow_blank=True, trim_whitespace=False, default="", write_only=True)
    metrics = serializers.ChoiceField(choices=Cluster.Monitoring.choices, allow_blank=True, default="")
    metrics_url = AddressField(allow_blank=True, default="", help_text="Open-Falcon's API, or Prometheus.")
    metrics_username = serializers.CharField(max_length=150, allow_blank=True, default="")
    metrics_password = serializers.CharField(
        allow_blank=True, trim_whitespace=False, default="", write_only=True
    )
    metrics_label = LabelField(max_length=100, default=LABEL, help_text="Prometheus': holds the task's id.")
    metrics_queries = QueriesFields(default=dict, help_text="Prometheus': others than the usual, by metric.")
    enabled = serializers.BooleanField(default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("metrics") and not attrs.get("metrics_url", "-"):
            text = _("Say where the monitoring is.")
            raise serializers.ValidationError(
                {"metrics_url": [serializers.ErrorDetail(text, code="required")]}
            )
        return attrs


@dataclass(slots=True)
class SyncReport:
    """The names of the clusters by what became of their rows."""

    created: list[str]
    changed: list[str]
    disabled: list[str]


@transaction.atomic
def clusters_sync(entries: Any) -> SyncReport:
    """Make the rows say what OCEAN_CLUSTERS says; a cluster that it no longer lists is disabled, not deleted, since
    jobs and their history hang on it. An empty list changes nothing: then SREs keep the clusters themselves.

    Raises InvalidInput with every malformed entry (`[1].marathon`).
    """
    report = SyncReport([], [], [])
    for columns in _parse(entries):
        cluster = Cluster.objects.select_for_update().filter(name=columns["name"]).first()
        if cluster is None:
            Cluster.objects.create(**columns)
            report.created.append(columns["name"])
        elif _assign(cluster, columns):
            report.changed.append(cluster.name)
    if entries:
        gone = Cluster.objects.filter(enabled=True).exclude(name__in=[entry["name"] for entry in entries])
        report.disabled = list(gone.values_list("name", flat=True))
        gone.update(enabled=False)
    for action in ("created", "changed", "disabled"):
        for name in getattr(report, action):
            audit(by=None, action=f"cluster.{action}", object=name)
    return report


@transaction.atomic
def cluster_save(*, cluster: Cluster, fields: Any, by: User) -> Cluster:
    """Add a cluster (a new, empty `Cluster()`), or change what `fields` names, as ClusterFields takes them. The caller
    has seen to it that `by` is an SRE.

    Raises InvalidInput for bad fields, for a name that is taken, and for another name: it is part of jobs' names.
    """
    is_new = cluster.pk is None
    columns = _columns(checked(ClusterFields(data=fields, partial=not is_new)))
    name = columns.get("name", cluster.name)
    if is_new and Cluster.objects.filter(name=name).exists():
        text = _("There is already a cluster %(name)s.") % {"name": name}
        raise InvalidInput(FieldError("name", "unique", text))
    if not is_new and name != cluster.name:
        text = _("A cluster's name is part of its jobs' names and cannot be changed.")
        raise InvalidInput(FieldError("name", "immutable", text))
    changed = _assign(cluster, columns)
    if is_new:
        audit(by=by, action="cluster.created", object=name)
    elif changed:
        audit(by=by, action="cluster.changed", object=name, fields=changed)
    return cluster


def _parse(entries: Any) -> list[dict[str, Any]]:
    if not isinstance(entries, list):
        raise InvalidInput(FieldError("", "not_a_list", _("OCEAN_CLUSTERS must be a list of clusters.")))
    errors: list[FieldError] = []
    parsed: list[dict[str, Any]] = []
    for index, entry in enumerate(entries):
        try:
            parsed.append(_columns(checked(ClusterFields(data=entry), path=f"[{index}]")))
        except InvalidInput as exc:
            errors += exc.errors
            continue
        if any(parsed[-1]["name"] == earlier["name"] for earlier in parsed[:-1]):
            text = _("The cluster %(name)s is listed twice.") % {"name": parsed[-1]["name"]}
            errors.append(FieldError(f"[{index}].name", "unique", text))
    if errors:
        raise InvalidInput(*errors)
    return parsed


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_COLUMNS.get(name, name): value for name, value in fields.items()}


def _assign(cluster: Cluster, columns: Mapping[str, Any]) -> list[str]:
    """Save the columns that differ; returns their names."""
    changed = [name for name, value in columns.items() if getattr(cluster, name) != value]
    for name in changed:
        setattr(cluster, name, columns[name])
    if changed:
        cluster.save(update_fields=changed if cluster.pk else None)
    return changed
