"""What templates held becomes their version 1, with `{{` written so that it stays what it was."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F

_OPEN, _WRITTEN = "{{", "{{ '{{' }}"


def to_versions(apps: Any, schema_editor: Any) -> None:
    template_model = apps.get_model("jobs", "JobTemplate")
    version_model = apps.get_model("jobs", "JobTemplateVersion")
    for template in template_model.objects.filter(latest_version=0):
        spec = _with_texts(template.spec, _OPEN, _WRITTEN)
        version_model.objects.create(template=template, number=1, spec=spec, created_at=template.created_at)
    template_model.objects.filter(latest_version=0).update(latest_version=1)


def to_specs(apps: Any, schema_editor: Any) -> None:
    """The latest version's spec; parameters, and the versions before it, are lost."""
    latest = apps.get_model("jobs", "JobTemplateVersion").objects.filter(number=F("template__latest_version"))
    for version in latest.select_related("template"):
        version.template.spec = _with_texts(version.spec, _WRITTEN, _OPEN)
        version.template.latest_version = 0
        version.template.save(update_fields=["spec", "latest_version"])
    apps.get_model("jobs", "JobTemplateVersion").objects.all().delete()


def _with_texts(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _with_texts(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item, old, new) for item in value]
    return value


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_template_versions")]
    operations = [migrations.RunPython(to_versions, to_specs)]
