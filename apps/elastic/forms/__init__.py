"""The forms of scaling. The job form gets its tab from here when Django starts."""

from __future__ import annotations

from apps.elastic.forms.part import ScalingPart
from apps.jobs.forms.parts import register_part

register_part(ScalingPart)
