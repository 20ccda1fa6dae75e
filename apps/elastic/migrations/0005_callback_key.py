from django.db import migrations, models

import apps.elastic.falcon.signing


class Migration(migrations.Migration):
    """Policies from before have no key, and their Falcons call without one until somebody renews the signature."""

    dependencies = [
        ("elastic", "0004_schedule_rung"),
    ]

    operations = [
        migrations.AddField(
            model_name="scalingpolicy",
            name="callback_key",
            field=models.CharField(
                blank=True, default="", max_length=32, verbose_name="key in the callback's address"
            ),
        ),
        migrations.AlterField(
            model_name="scalingpolicy",
            name="callback_key",
            field=models.CharField(
                blank=True,
                default=apps.elastic.falcon.signing.new_key,
                max_length=32,
                verbose_name="key in the callback's address",
            ),
        ),
        migrations.AddField(
            model_name="falconentry",
            name="callback_key",
            field=models.CharField(
                default="", max_length=32, null=True, verbose_name="key in the callback's address"
            ),
        ),
        migrations.AlterField(
            model_name="falconentry",
            name="callback_key",
            field=models.CharField(max_length=32, null=True, verbose_name="key in the callback's address"),
        ),
    ]
