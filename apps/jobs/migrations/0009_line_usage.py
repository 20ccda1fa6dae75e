"""What product lines' instances were promised over time."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("jobs", "0008_releases"),
    ]

    operations = [
        migrations.CreateModel(
            name="LineUsage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField(verbose_name="hour")),
                ("cpu_h", models.FloatField(verbose_name="CPU·h")),
                ("memory_gib_h", models.FloatField(verbose_name="GiB·h")),
                ("instance_h", models.FloatField(verbose_name="instance hours")),
                ("counted_at", models.DateTimeField(verbose_name="last slot counted")),
                (
                    "product_line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.productline",
                        verbose_name="product line",
                    ),
                ),
            ],
            options={
                "verbose_name": "usage of a product line",
                "verbose_name_plural": "usage of product lines",
                "ordering": ["-hour", "product_line"],
                "constraints": [
                    models.UniqueConstraint(fields=("product_line", "hour"), name="line_usage_once")
                ],
                "indexes": [models.Index(fields=["hour"], name="line_usage_hour")],
            },
        ),
    ]
