"""A job as text: its spec as YAML, and the definition that its scheduler has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import FieldError, InvalidInput
from apps.jobs.api.base import OfJob, describe_tag
from apps.jobs.definitions import engine_definition
from apps.jobs.documents import job_document, read_document
from apps.jobs.models import Job
from apps.jobs.selectors import with_latest_spec
from apps.jobs.services import job_version_add
from apps.jobs.services.drafts import require_editable
from apps.jobs.spec import spec_validate
from apps.jobs.spec.yaml_text import MAX_BYTES

YAML = "application/yaml"
"""RFC 9512."""


class TextParser(BaseParser):
    """The body as text: JSON is YAML, and what others call YAML is taken too."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > min(MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE or MAX_BYTES):
            raise RequestDataTooBig
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise exceptions.ParseError(_("The body is not UTF-8.")) from exc


class YamlRenderer(BaseRenderer):
    """A text as it is; a problem as JSON, as everywhere."""

    media_type = YAML
    format = "yaml"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if isinstance(data, str):
            return data.encode()
        rendered: bytes = JSONRenderer().render(data, renderer_context=renderer_context)
        return rendered


@describe_tag
class JobYamlView(OfJob):
    """The job's latest version as a document of YAML: what the form's YAML view shows, and `ocean publish -f` takes."""

    parser_classes = [TextParser]
    renderer_classes = [YamlRenderer, JSONRenderer]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """YAML, whatever is accepted: there is nothing else here."""
        return YamlRenderer(), YAML

    @extend_schema(
        operation_id="jobs_yaml_retrieve",
        responses={(200, YAML): OpenApiResponse(OpenApiTypes.STR, "`ETag` holds the version.")},
        summary="The job as YAML: product_line, service, cluster, name, spec.",
    )
    def get(self, request: Request, tag: str) -> Response:
        return _answer(self.job)

    @extend_schema(
        operation_id="jobs_yaml_update",
        request={YAML: OpenApiTypes.STR},
        responses={(200, YAML): OpenApiTypes.STR},
        parameters=[
            OpenApiParameter(
                "If-Match",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The version that was edited, as `ETag` gave it; 409 when somebody saved since.",
            )
        ],
        summary="Save the document as the next version. What its spec leaves out gets the default; errors name lines.",
    )
    def put(self, request: Request, tag: str) -> Response:
        job = self.job
        require_editable(job, by=self.person)
        document = read_document(_text(request))
        if errors := document.errors_of_place(job):
            raise InvalidInput(*document.located(errors))
        try:
            job_version_add(
                job=job,
                patch=spec_validate(document.spec),
                by=self.person,
                edited_version=_edited_version(request),
                note=document.note,
            )
        except InvalidInput as exc:
            raise InvalidInput(*document.located(exc.errors)) from exc
        return _answer(job)


@describe_tag
class JobEngineView(OfJob):
    """The scheduler's own definition of the job."""

    @extend_schema(
        operation_id="jobs_engine_retrieve",
        responses=OpenApiTypes.OBJECT,
        summary="What the scheduler has, in its own words (Marathon's app), asked for now; secrets are masked.",
    )
    def get(self, request: Request, tag: str) -> Response:
        found = engine_definition(self.job)
        if found is None:
            raise Http404
        return Response(found)


def _text(request: Request) -> str:
    """The body; DRF does not parse one that is empty."""
    body: Any = request.data
    return body if isinstance(body, str) else ""


def _answer(job: Job) -> Response:
    with transaction.atomic():
        shown = with_latest_spec(Job.objects.select_related("product_line", "cluster")).get(pk=job.pk)
    text = job_document(shown, getattr(shown, "latest_spec"))  # noqa: B009 - an annotation of the query
    return Response(text, headers={"ETag": f'"{shown.latest_version}"'})


def _edited_version(request: Request) -> int | None:
    """The version in If-Match, None without one. Raises InvalidInput for what is no version."""
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if given in ("", "*"):
        return None
    if given.isdecimal() and len(given) < 10:
        return int(given)
    raise InvalidInput(
        FieldError("If-Match", "invalid", _("Send the version that was edited, as ETag gave it."))
    )
