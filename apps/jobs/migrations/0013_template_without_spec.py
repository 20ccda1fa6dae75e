"""A template's spec is its latest version's."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("jobs", "0012_template_first_versions")]
    operations = [migrations.RemoveField("jobtemplate", "spec")]
