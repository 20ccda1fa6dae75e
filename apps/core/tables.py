"""The base of all tables: what `tables/table.html` needs to know, and pages that do not overlap.

Columns, order and pages are django-tables2's. The cells are not: it inspects a signature for each of them, and runs the
context processors for each that is a template (0.2 ms, 50 ms a page). Here a cell is, in this order, what the table's
`cell_<column>(record)` returns; its `TemplateColumn`'s template, which sees `record`, `table` and all that the page's
own templates see; or django-tables2's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import django_tables2 as tables
from django.db.models import QuerySet
from django.forms import BoundField
from django.middleware.csrf import get_token
from django.template import Context, Template
from django.template.loader import get_template
from django.utils.html import conditional_escape, format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django_tables2.columns import BoundColumn
from django_tables2.data import TableQuerysetData
from django_tables2.rows import BoundRow
from django_tables2.templatetags.django_tables2 import table_page_range

from apps.core.paging import page_of

PAGE_SIZES = (10, 25, 50, 100)
DEFAULT_PAGE_SIZE = 25
NUMBER: dict[str, dict[str, str]] = {"th": {"class": "ocean-number"}, "td": {"class": "ocean-number"}}
"""`attrs` of a column of numbers."""
NOTHING = mark_safe('<span class="text-secondary ocean-none">–</span>')  # no value in it
"""In a cell without a value; on a phone such a cell is left out."""
SHORT: dict[str, dict[str, str]] = {"td": {"class": "text-nowrap"}}
"""`attrs` of a column whose text stays on one line."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading. `order` is how the rows are sorted by it now (`ascending`, `descending` or not), `href`
    sorts by it, the other way round if they are already; empty where it cannot be sorted by."""

    name: str
    label: str
    css: str
    order: str
    href: str


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
        super().__init__(rows, *args, **{"default": NOTHING, **kwargs})

    def paginate(self, *args: Any, per_page: int | None = None, **kwargs: Any) -> None:
        """Pages of an allowed size, in a total order: a column alone leaves ties, and pages would overlap."""
        rows = self.data.data
        if isinstance(rows, QuerySet) and rows.query.order_by:
            self.data.data = rows.order_by(*rows.query.order_by, "pk")
        size = per_page if per_page in self.page_sizes else self.page_size
        super().paginate(*args, per_page=size, **kwargs)

    @cached_property
    def records(self) -> list[Any]:
        """What the rows of this page are made of."""
        return [row.record for row in self.paginated_rows]

    @cached_property
    def heads(self) -> list[Head]:
        return [self._head(column) for column in self.columns]

    def body(self, context: Context) -> SafeString:
        """The rows of this page, as `<tr>`s."""
        columns = [
            (_opening(column, head.label), self._cell(column, context))
            for column, head in zip(self.columns, self.heads, strict=True)
        ]
        made = []
        for record in self.records:
            key = getattr(record, "pk", None)
            made.append(f'<tr id="{self.region}-{conditional_escape(key)}">' if key else "<tr>")
            made += [f"{opening}{conditional_escape(cell(record))}</td>" for opening, cell in columns]
            made.append("</tr>\n")
        return SafeString("".join(made))

    @property
    def page_links(self) -> list[tuple[int, str]]:
        """The pages to go to, with their addresses; number 0 stands where some are left out."""
        numbers = table_page_range(self.page, self.paginator)
        return [
            (0, "") if number == "..." else (number, self._address(self.prefixed_page_field, number))
            for number in numbers
        ]

    @cached_property
    def csrf_input(self) -> SafeString:
        """For forms in cells."""
        return format_html(
            '<input type="hidden" name="csrfmiddlewaretoken" value="{}">', get_token(self.request)
        )

    def _address(self, name: str, value: object) -> str:
        """This page's query with another `name`."""
        return f"?{urlencode({**dict(self.request.GET.lists()), name: value}, doseq=True)}"

    def _head(self, column: BoundColumn) -> Head:
        order = ""
        if column.is_ordered:
            order = "descending" if column.order_by_alias.is_descending else "ascending"
        href = ""
        if column.orderable:
            href = self._address(self.prefixed_order_by_field, column.order_by_alias.next)
        return Head(column.name, str(column.header or ""), column.attrs["th"]["class"] or "", order, href)

    def _cell(self, column: BoundColumn, context: Context) -> Callable[[Any], Any]:
        made: Callable[[Any], Any] | None = getattr(self, f"cell_{column.name}", None)
        if made is not None:
            return made
        if isinstance(column.column, tables.TemplateColumn):
            return self._by_template(column.column, context)
        return lambda record: BoundRow(record, table=self).get_cell(column.name)

    def _by_template(self, column: tables.TemplateColumn, context: Context) -> Callable[[Any], Any]:
        template = _template_of(column)

        def cell(record: Any) -> SafeString:
            with context.push(record=record, table=self):
                return template.render(context)

        return cell


def _template_of(column: tables.TemplateColumn) -> Template:
    if column.template_name:
        found: Template = get_template(column.template_name).template  # type: ignore[attr-defined] # Django's own
        return found
    return _written_here(column.template_code)


@cache
def _written_here(code: str) -> Template:
    """The template of a column that has its text in the table itself."""
    return Template(code)


def _opening(column: BoundColumn, label: str) -> SafeString:
    """A cell's `<td>`; on a phone the label stands beside what is in the cell."""
    css = column.attrs["td"]["class"]
    return format_html(
        "<td{}{}>",
        format_html(' class="{}"', css) if css else "",
        format_html(' data-label="{}"', label) if label else "",
    )
