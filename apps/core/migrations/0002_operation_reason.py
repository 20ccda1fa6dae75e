from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="operation",
            name="reason",
            field=models.CharField(
                blank=True,
                help_text="Why, in the words of who asked.",
                max_length=300,
                verbose_name="reason",
            ),
        ),
    ]
