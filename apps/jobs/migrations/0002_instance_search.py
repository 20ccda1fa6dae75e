"""Instances are found by the beginning of their IP, and of what is their own in a task id."""

from __future__ import annotations

import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(fields=["ip"], name="instance_by_ip", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                django.db.models.functions.comparison.Collate(
                    models.Func(
                        models.F("task_id"),
                        models.Value("^[^.]*[.](instance-|marathon-)?"),
                        models.Value(""),
                        function="regexp_replace",
                        output_field=models.CharField(),
                    ),
                    "C",
                ),
                name="instance_by_unit",
            ),
        ),
    ]
