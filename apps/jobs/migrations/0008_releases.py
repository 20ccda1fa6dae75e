import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_operation_controls"),
        ("jobs", "0007_problems_help"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Release",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("publish", "publish"),
                            ("restart", "restart"),
                            ("stop", "stop"),
                            ("start", "start"),
                        ],
                        max_length=16,
                        verbose_name="action",
                    ),
                ),
                (
                    "on_failure",
                    models.CharField(
                        choices=[("undo", "all go back to what ran before"), ("leave", "what is done stays")],
                        default="undo",
                        max_length=8,
                        verbose_name="if one fails",
                    ),
                ),
                ("parallel", models.PositiveSmallIntegerField(verbose_name="at once, at most")),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "under way"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("undone", "undone"),
                            ("cancelled", "cancelled"),
                        ],
                        default="running",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("asked", models.JSONField(default=dict, editable=False)),
                ("idempotency_key", models.CharField(blank=True, editable=False, max_length=255)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                (
                    "operation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="core.operation",
                        verbose_name="operation",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
            ],
            options={
                "verbose_name": "release",
                "verbose_name_plural": "releases",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ReleaseItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(blank=True, max_length=500)),
                ("values", models.JSONField(blank=True, default=dict)),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                ("stage", models.PositiveSmallIntegerField(verbose_name="stage")),
                ("after", models.JSONField(default=list, verbose_name="after")),
                ("version", models.PositiveIntegerField(null=True, verbose_name="version")),
                ("strategy", models.JSONField(null=True, verbose_name="strategy")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "not begun"),
                            ("running", "under way"),
                            ("done", "done"),
                            ("failed", "failed"),
                            ("skipped", "left as it was"),
                            ("undoing", "going back"),
                            ("undone", "back as before"),
                            ("kept", "stays"),
                            ("stuck", "could not go back"),
                        ],
                        default="waiting",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("previous_version", models.PositiveIntegerField(null=True, verbose_name="version before")),
                ("previous_wanted", models.PositiveIntegerField(null=True, verbose_name="instances before")),
                (
                    "busy_since",
                    models.DateTimeField(null=True, verbose_name="held up by another operation since"),
                ),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="jobs.job",
                        verbose_name="job",
                    ),
                ),
                (
                    "operation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="core.operation",
                        verbose_name="operation",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="jobs.release",
                        verbose_name="release",
                    ),
                ),
                (
                    "undo_operation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="core.operation",
                        verbose_name="operation that goes back",
                    ),
                ),
            ],
            options={
                "verbose_name": "job of a release",
                "verbose_name_plural": "jobs of a release",
                "ordering": ["release", "position"],
            },
        ),
        migrations.AddIndex(
            model_name="release",
            index=models.Index(fields=["state", "-id"], name="release_by_state"),
        ),
        migrations.AddIndex(
            model_name="release",
            index=models.Index(fields=["finished_at"], name="release_finished"),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key", ""), _negated=True),
                fields=("idempotency_key",),
                name="release_idempotency_key_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(
                condition=models.Q(("parallel__gte", 1)), name="release_parallel_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="releaseitem",
            constraint=models.UniqueConstraint(fields=("release", "job"), name="release_item_job_once"),
        ),
        migrations.AddConstraint(
            model_name="releaseitem",
            constraint=models.UniqueConstraint(
                fields=("release", "position"), name="release_item_position_once"
            ),
        ),
    ]
