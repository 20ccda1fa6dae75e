"""Reading what is a person's own: their jobs, their favourites, their views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.rights import product_lines_visible
from apps.core.models import Operation
from apps.jobs.models import Favourite, Job, JobVersion, SavedView

if TYPE_CHECKING:
    from apps.accounts.models import User


def mine(user: User) -> Q:
    """The jobs that the person made, saved a version of, or asked an operation of."""
    saved = JobVersion.objects.filter(author=user.pk).values("job")
    asked = Operation.objects.filter(requested_by=user.pk, target_type="job").values("target_id")
    return Q(created_by=user.pk) | Q(pk__in=saved) | Q(pk__in=asked)


def favourite(user: User) -> Q:
    """The jobs that the person has starred."""
    return Q(pk__in=Favourite.objects.filter(user=user.pk).values("job"))


def with_favourite(jobs: QuerySet[Job], user: User) -> QuerySet[Job]:
    """Adds `is_favourite`: whether the person has starred the job."""
    return jobs.annotate(is_favourite=Exists(Favourite.objects.filter(user=user.pk, job=OuterRef("pk"))))


def views_of(user: User) -> QuerySet[SavedView]:
    """The person's own views, and those of their product lines."""
    own = Q(product_line__isnull=True, author=user.pk)
    views = SavedView.objects.filter(own | Q(product_line__in=product_lines_visible(user)))
    return views.select_related("product_line", "author")
