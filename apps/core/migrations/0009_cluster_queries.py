from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_drift"),
    ]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="metrics_label",
            field=models.CharField(default="task_id", max_length=100, verbose_name="label of the task's id"),
        ),
        migrations.AddField(
            model_name="cluster",
            name="metrics_queries",
            field=models.JSONField(blank=True, default=dict, verbose_name="Prometheus' expressions"),
        ),
    ]
