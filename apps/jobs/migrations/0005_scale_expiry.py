import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_operation_reason"),
        ("jobs", "0004_gone_instances"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScaleExpiry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True, verbose_name="expires")),
                ("during", models.PositiveIntegerField(verbose_name="instances until then")),
                ("instances", models.PositiveIntegerField(verbose_name="instances afterwards")),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="expiry",
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
            ],
            options={
                "verbose_name": "scaling that expires",
                "verbose_name_plural": "scalings that expire",
                "ordering": ["at", "id"],
            },
        ),
    ]
