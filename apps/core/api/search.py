"""`GET search/?q=`: everything at once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.base import ApiView
from apps.core.search import MAX_LENGTH, search
from apps.core.serializers import Strict, checked


class SearchQuery(Strict):
    """What is looked for: a name or a part of one, a tag, an IP, a task id, an operation's number."""

    q = serializers.CharField(max_length=MAX_LENGTH)


class SearchHitSerializer(serializers.Serializer[Any]):
    """One thing found. `url` is its page, `api` its address here; `state` is empty for what has none."""

    kind = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    url = serializers.CharField()
    api = serializers.CharField()


class SearchView(ApiView):
    """What the person may know of and answers best, at most six of each kind."""

    @extend_schema(
        parameters=[SearchQuery],
        responses=inline_serializer("SearchResults", {"results": SearchHitSerializer(many=True)}),
        operation_id="search",
        summary="Find jobs, instances, hosts, operations, product lines and templates; the best first.",
    )
    def get(self, request: Request) -> Response:
        query = checked(SearchQuery(data=request.query_params.dict()))
        hits = [hit for group in search(self.person, query["q"]) for hit in group.hits]
        return Response({"results": SearchHitSerializer(hits, many=True).data})
