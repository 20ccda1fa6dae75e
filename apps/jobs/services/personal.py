"""Stars, and named filters of the list of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.accounts.rights import Right, is_sre, require
from apps.core.audit import audit
from apps.core.errors import FieldError, Forbidden, InvalidInput
from apps.jobs.filters import JobFilter
from apps.jobs.models import Favourite, Job, SavedView

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine, User

MAX_QUERY = 1000
"""Characters."""
MAX_VIEWS = 50
"""Of a person, and of a product line."""
_KEPT_BESIDE_FILTERS = {"sort"}


def favourite_set(*, job: Job, by: User, starred: bool) -> None:
    """Star a job, or take the star away; either twice is once."""
    if starred:
        Favourite.objects.get_or_create(user=by, job=job)
    else:
        Favourite.objects.filter(user=by, job=job).delete()


@transaction.atomic
def view_save(*, name: str, query: str, by: User, product_line: ProductLine | None = None) -> SavedView:
    """Keep a filter of the list of jobs under a name: the person's own, or the product line's (which needs the right
    to change there). The same name again replaces the filter.

    Raises InvalidInput for a query that is no filter of jobs, Forbidden without the right.
    """
    if product_line is not None:
        require(by, Right.CHANGE, product_line)
    name = " ".join(name.split())
    if not name:
        raise InvalidInput(FieldError("name", "blank", _("Give the view a name.")))
    kept = view_query(query)
    owner = {"product_line": product_line} if product_line else {"product_line": None, "author": by}
    earlier = SavedView.objects.select_for_update().filter(name=name, **owner).first()
    if earlier is not None:
        earlier.query = kept
        earlier.save(update_fields=["query"])
        return earlier
    if SavedView.objects.filter(**owner).count() >= MAX_VIEWS:
        text = _("There are %(max)s views already. Delete one that nobody needs.") % {"max": MAX_VIEWS}
        raise InvalidInput(FieldError("name", "too_many", text))
    try:
        with transaction.atomic():
            view = SavedView.objects.create(name=name, query=kept, author=by, product_line=product_line)
    except IntegrityError as exc:
        raise InvalidInput(
            FieldError("name", "unique", _("Somebody just saved a view of this name."))
        ) from exc
    if product_line is not None:
        audit(by=by, action="view.save", object=name, product_line=product_line)
    return view


@transaction.atomic
def view_delete(*, view: SavedView, by: User) -> None:
    """Forget a view: one's own, or with the right to change, the product line's; SREs any, by the admin site."""
    if view.product_line is not None:
        require(by, Right.CHANGE, view.product_line)
        audit(by=by, action="view.delete", object=view.name, product_line=view.product_line)
    elif view.author_id != by.pk and not is_sre(by):
        raise Forbidden(_("This view is another person's."))
    view.delete()


def view_query(query: str) -> str:
    """The filters of a list's address, without its page and what was left empty.

    Raises InvalidInput for parameters that the list of jobs does not have, and for none at all.
    """
    given = QueryDict(query.removeprefix("?"), mutable=True)
    for name in ("page", "per_page"):
        given.pop(name, None)
    kept = QueryDict(mutable=True)
    for name, values in given.lists():
        if full := [value for value in values if value]:
            kept.setlist(name, full)
    filters = JobFilter(kept)
    unknown = [name for name in kept if name not in filters.filters and name not in _KEPT_BESIDE_FILTERS]
    if unknown or not filters.is_valid():
        text = _("This is no filter of the list of jobs: %(query)s") % {"query": query[:200]}
        raise InvalidInput(FieldError("query", "invalid", text))
    if not kept:
        raise InvalidInput(
            FieldError("query", "blank", _("Choose a filter first; a view of everything needs no name."))
        )
    encoded = kept.urlencode()
    if len(encoded) > MAX_QUERY:
        raise InvalidInput(FieldError("query", "max_length", _("This filter is too long to keep.")))
    return encoded
