"""Pages of lists: `?page=` and `?page_size=`."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from apps.core.errors import FieldError, InvalidInput
from apps.core.paging import DeepPaginator


class Pagination(PageNumberPagination):
    """`{"count", "next", "previous", "results"}`; a size out of range is an error rather than another size."""

    django_paginator_class = DeepPaginator
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_page_size(self, request: Request) -> int | None:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        # isascii: "²".isdigit() is true, and int("²") fails.
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= self.max_page_size):
            message = _("Ask for 1 to %(max)s rows a page.") % {"max": self.max_page_size}
            raise InvalidInput(FieldError(self.page_size_query_param, "out_of_range", message))
        return int(text)
