"""What is a person's own: favourites, and named filters of the list of jobs."""

from __future__ import annotations

from http import HTTPStatus

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import ApiView
from apps.core.api.serializers import UtcDateTimeField
from apps.core.serializers import Strict
from apps.jobs.api.base import TAG, describe_tag, named_line
from apps.jobs.models import Favourite, Job, SavedView
from apps.jobs.personal import views_of
from apps.jobs.selectors import jobs_visible
from apps.jobs.services.personal import favourite_set, view_delete, view_save


class FavouriteSerializer(serializers.ModelSerializer[Favourite]):
    """A starred job, and how it is."""

    tag = serializers.CharField(source="job.tag")
    name = serializers.CharField(source="job.name")
    state = serializers.CharField(source="job.state")
    created = UtcDateTimeField(source="created_at")

    class Meta:
        model = Favourite
        fields = ["tag", "name", "state", "created"]
        read_only_fields = fields


class SavedViewSerializer(serializers.ModelSerializer[SavedView]):
    """`query` goes behind `jobs/?`; `product_line` is null for one's own, `url` the page to share."""

    product_line = serializers.CharField(source="product_line.tag", allow_null=True, default=None)
    author = serializers.CharField(source="author.username")
    created = UtcDateTimeField(source="created_at")
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = SavedView
        fields = ["id", "name", "query", "product_line", "author", "created", "url"]
        read_only_fields = fields


class SavedViewFields(Strict):
    """A name, and the filters as they stand in the list's address: `state=degraded&cluster=staging`."""

    name = serializers.CharField(max_length=60)
    query = serializers.CharField(max_length=1000)
    product_line = serializers.CharField(max_length=220, required=False, allow_null=True, default=None)


@describe_tag
class FavouriteViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[Favourite]):
    """One's own favourites; `jobs/?favourite=true` lists them with all that a job has."""

    serializer_class = FavouriteSerializer
    lookup_field = "tag"
    lookup_value_regex = TAG
    ordering_fields = {"tag": "job__tag", "created": "created_at", "state": "job__state"}
    queryset = Favourite.objects.none()

    def get_queryset(self) -> QuerySet[Favourite]:
        visible = jobs_visible(self.person)
        return Favourite.objects.filter(user=self.person.pk, job__in=visible.values("pk")).select_related(
            "job"
        )

    @extend_schema(request=None, responses=FavouriteSerializer, summary="Star a job.")
    def update(self, request: Request, tag: str) -> Response:
        favourite_set(job=self._job(tag), by=self.person, starred=True)
        return Response(FavouriteSerializer(self.get_queryset().get(job__tag=tag)).data)

    @extend_schema(summary="Take a job's star away.")
    def destroy(self, request: Request, tag: str) -> Response:
        favourite_set(job=self._job(tag), by=self.person, starred=False)
        return Response(status=HTTPStatus.NO_CONTENT)

    def _job(self, tag: str) -> Job:
        return get_object_or_404(jobs_visible(self.person), tag=tag)


class SavedViewViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[SavedView]):
    """Named filters of the list of jobs: one's own, and those of one's product lines."""

    serializer_class = SavedViewSerializer
    lookup_value_regex = "[0-9]{1,18}"
    ordering_fields = {"name": "name", "created": "created_at"}
    queryset = SavedView.objects.none()

    def get_queryset(self) -> QuerySet[SavedView]:
        return views_of(self.person)

    @extend_schema(
        request=SavedViewFields,
        responses={201: SavedViewSerializer},
        summary="Keep a filter of jobs under a name; the same name again replaces it.",
    )
    def create(self, request: Request) -> Response:
        fields = self.body(SavedViewFields)
        tag = fields["product_line"]
        line = named_line(tag, by=self.person) if tag is not None else None
        view = view_save(name=fields["name"], query=fields["query"], by=self.person, product_line=line)
        return Response(SavedViewSerializer(view).data, HTTPStatus.CREATED)

    @extend_schema(summary="Forget a view.")
    def destroy(self, request: Request, pk: str) -> Response:
        view_delete(view=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)
