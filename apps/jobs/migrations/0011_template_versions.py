"""Templates get versions, parameters and owners; jobs know which of them they follow."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("jobs", "0010_clones"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "jobtemplate",
            "product_line",
            models.ForeignKey(
                blank=True,
                help_text="Whose it is; without one it is everybody's, and SREs keep it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="job_templates",
                to="accounts.productline",
                verbose_name="product line",
            ),
        ),
        migrations.AddField(
            "jobtemplate",
            "latest_version",
            models.PositiveIntegerField(default=0, verbose_name="latest version"),
        ),
        migrations.AddField(
            "jobtemplate",
            "created_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="created by",
            ),
        ),
        migrations.CreateModel(
            name="JobTemplateVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("spec", models.JSONField(verbose_name="spec")),
                ("parameters", models.JSONField(default=list, verbose_name="parameters")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="jobs.jobtemplate",
                        verbose_name="template",
                    ),
                ),
            ],
            options={
                "verbose_name": "template version",
                "verbose_name_plural": "template versions",
                "ordering": ["template", "-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("template", "number"), name="template_version_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="JobOrigin",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("parameters", models.JSONField(default=dict, verbose_name="parameters")),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="origin",
                        to="jobs.job",
                        verbose_name="job",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="origins",
                        to="jobs.jobtemplateversion",
                        verbose_name="template version",
                    ),
                ),
            ],
            options={
                "verbose_name": "job's template",
                "verbose_name_plural": "jobs' templates",
                "ordering": ["job"],
            },
        ),
    ]
