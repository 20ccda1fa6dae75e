"""Where `Job.problems` is explained."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_favourites_and_views")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="problems",
            field=models.JSONField(
                default=list,
                help_text="Why it is not as wanted; see apps.jobs.explain.",
                verbose_name="problems",
            ),
        ),
    ]
