"""The base of all tables: what `tables/table.html` needs to know, and pages that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import django_tables2 as tables
from django.db.models import QuerySet
from django.forms import BoundField
from django.utils.safestring import mark_safe
from django_tables2.data import TableQuerysetData

from apps.core.paging import page_of

PAGE_SIZES = (10, 25, 50, 100)
DEFAULT_PAGE_SIZE = 25
NUMBER: dict[str, dict[str, str]] = {"th": {"class": "ocean-number"}, "td": {"class": "ocean-number"}}
"""`attrs` of a column of numbers."""
_NOTHING = mark_safe('<span class="text-secondary ocean-none">–</span>')  # no value in it
"""In a cell without a value; on a phone such a cell is left out."""
SHORT: dict[str, dict[str, str]] = {"td": {"class": "text-nowrap"}}
"""`attrs` of a column whose text stays on one line."""


class PagedRows(TableQuerysetData):  # type: ignore[misc]  # untyped
    """Rows of a list of which one page is read."""

    def __getitem__(self, key: Any) -> Any:
        return page_of(self.data, key) if isinstance(key, slice) else super().__getitem__(key)


class OceanTable(tables.Table):  # type: ignore[misc]  # django-tables2 is untyped
    """A table of one page.

    `region` is the id of the part that search, sorting and live news replace, `region_template` what makes it; `live`
    are the topics that refresh it; `caption` is what a screen reader says first; `empty_template` says what to do when
    there is nothing at all.
    `toolbar`, `kept_filters` and `is_filtered` are set by `apps.core.views.tables.TablePage`.
    """

    region: ClassVar[str] = "rows"
    region_template: ClassVar[str] = "tables/_region.html"
    live: ClassVar[str] = ""
    caption: ClassVar[Any] = ""
    empty_template: ClassVar[str] = ""
    page_sizes: ClassVar[tuple[int, ...]] = PAGE_SIZES
    page_size: ClassVar[int] = DEFAULT_PAGE_SIZE
    toolbar: Sequence[BoundField] = ()
    kept_filters: Sequence[BoundField] = ()
    is_filtered = False

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        rows = PagedRows(data) if isinstance(data, QuerySet) else data
        super().__init__(rows, *args, **{"default": _NOTHING, **kwargs})

    def paginate(self, *args: Any, per_page: int | None = None, **kwargs: Any) -> None:
        """Pages of an allowed size, in a total order: a column alone leaves ties, and pages would overlap."""
        rows = self.data.data
        if isinstance(rows, QuerySet) and rows.query.order_by:
            self.data.data = rows.order_by(*rows.query.order_by, "pk")
        size = per_page if per_page in self.page_sizes else self.page_size
        super().paginate(*args, per_page=size, **kwargs)
