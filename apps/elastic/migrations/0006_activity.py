from django.db import migrations, models


class Migration(migrations.Migration):
    """Small indexes for what the dashboard counts."""

    dependencies = [
        ("elastic", "0005_callback_key"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="scalingdecision",
            index=models.Index(
                condition=models.Q(("acted", True)), fields=["at"], name="scaling_decision_acts"
            ),
        ),
        migrations.AddIndex(
            model_name="scalingdecision",
            index=models.Index(
                condition=models.Q(("verdict__in", ("no_samples", "no_source", "source_away", "stale"))),
                fields=["last_at"],
                name="scaling_decision_blind",
            ),
        ),
        migrations.AddIndex(
            model_name="scalingstate",
            index=models.Index(
                condition=models.Q(("proposed__isnull", False)),
                fields=["proposed_at"],
                name="scaling_state_proposes",
            ),
        ),
    ]
