"""Filters and order of lists. A parameter that a list does not know is an error: a misspelt filter must not
return everything."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.core.api.pagination import Pagination
from apps.core.errors import FieldError, InvalidInput

ORDERING = "ordering"
_PAGING = {Pagination.page_query_param, Pagination.page_size_query_param}


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc] # django-filter is untyped
    """The view's `filterset_class`. Raises InvalidInput for unknown parameters and bad values."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        known = {*_PAGING, *(filterset.filters if filterset else ())}
        if getattr(view, "ordering_fields", None):
            known.add(ORDERING)
        text = _("There is no such filter. Known here: %(known)s.") % {"known": ", ".join(sorted(known))}
        errors = [
            FieldError(name, "unknown_parameter", text) for name in request.query_params if name not in known
        ]
        if filterset and not filterset.is_valid():
            errors += [
                FieldError(name, error.code or "invalid", " ".join(error.messages))
                for name, field_errors in filterset.form.errors.as_data().items()
                for error in field_errors
            ]
        if errors:
            raise InvalidInput(*errors)
        return filterset.qs if filterset else queryset


class TotalOrderingFilter(BaseFilterBackend):
    """`?ordering=name,-created`, by the public names in the view's `ordering_fields: dict[name, column]`.

    The primary key comes last, so that the order is total and no row is on two pages. Without the parameter the
    queryset's own order stays, if it has one.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        columns: dict[str, str] = getattr(view, "ordering_fields", {})
        text = request.query_params.get(ORDERING, "") if columns else ""
        names = [name.strip() for name in text.split(",") if name.strip()]
        if unknown := [name for name in names if name.removeprefix("-") not in columns]:
            message = _("Cannot order by %(name)s. Known here: %(known)s.")
            values = {"name": ", ".join(unknown), "known": ", ".join(columns)}
            raise InvalidInput(FieldError(ORDERING, "unknown_ordering", message % values))
        order: list[Any] = [
            ("-" if name.startswith("-") else "") + columns[name.removeprefix("-")] for name in names
        ]
        order = order or list(queryset.query.order_by or queryset.model._meta.ordering or ())
        if not {"pk", "-pk", "id", "-id"}.intersection(order):
            order.append("pk")
        return queryset.order_by(*order)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        columns: dict[str, str] = getattr(view, "ordering_fields", {})
        if not columns:
            return []
        names = [sign + name for name in columns for sign in ("", "-")]
        return [
            {
                "name": ORDERING,
                "required": False,
                "in": "query",
                "description": "Several names with commas between; - in front is downwards.",
                "explode": False,
                "schema": {"type": "array", "items": {"type": "string", "enum": names}},
            }
        ]
