"""Pages of long lists."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def page_of(rows: QuerySet[Row], part: slice) -> QuerySet[Row]:
    """`rows[part]`, where only keys are read and sorted, not whole rows with all that is joined to them: half the time
    for an order without an index, less for pages far from the start. One query, as before; the order must be total."""
    return rows.filter(pk__in=rows.values("pk")[part])


class DeepPaginator(Paginator):  # type: ignore[type-arg] # of whatever the list is of
    """Django's, by `page_of`."""

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        end = start + self.per_page
        rows = self.object_list
        assert isinstance(rows, QuerySet)
        return Page(page_of(rows, slice(start, min(end, self.count))), number, self)
