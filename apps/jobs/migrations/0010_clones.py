import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0009_line_usage"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="cloned_from",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="clones",
                to="jobs.job",
                verbose_name="cloned from",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="moved_to",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="moved_from",
                to="jobs.job",
                verbose_name="moved to",
            ),
        ),
    ]
