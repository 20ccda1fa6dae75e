"""An instance's stdout and stderr, read from its host through the engine, a piece at a time."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.core.views.pages import PageRequest
from apps.jobs.log_sources import LogSource, log_source, log_sources
from apps.jobs.masking import job_engine
from apps.jobs.models import Job
from apps.jobs.views.job_page import find_job, render_job
from clients.errors import NotFound, RemoteError, Unavailable
from engines.base import InstanceId

FILES = ("stdout", "stderr")
PIECE_BYTES = 64 * 1024
SKIP_BYTES = 512 * 1024
"""A log that is this far ahead of its reader is followed from its end again: nobody reads that fast."""
MAX_CHOICES = 500


@dataclass(frozen=True, slots=True)
class Piece:
    """Text from `offset` on, in bytes; read on at `next`. `skipped`: bytes that were left out before it.
    `error` in words where it could not be read."""

    text: str = ""
    next: int | None = None
    skipped: int = 0
    error: str = ""


@require_GET
def logs(request: PageRequest, tag: str) -> HttpResponse:
    """The end of a log (`?task=…&file=stderr`; without them the newest instance's stdout), then what is added."""
    job = find_job(request, tag)
    sources = log_sources(job, at_most=MAX_CHOICES)
    task = request.GET.get("task", "")
    instance = _source(job, task) if task else next(iter(sources), None)
    file = _file(request)
    context = {
        "tab": "logs",
        "sources": sources,
        "instance": instance,
        "file": file,
        "piece": _read(job, instance, file=file, offset=None) if instance else None,
    }
    return render_job(request, job, "jobs/logs.html", context)


@require_GET
def log_piece(request: PageRequest, tag: str) -> HttpResponse:
    """What a log gained since `?offset=`, with where to read on; without an offset its end (`?tail=`: in short)."""
    job = find_job(request, tag)
    instance = _source(job, request.GET.get("task", ""))
    file = _file(request)
    offset = request.GET.get("offset", "")
    after = int(offset) if offset.isdecimal() and len(offset) < 19 else None
    piece = _read(job, instance, file=file, offset=after)
    context = {"job": job, "instance": instance, "file": file, "piece": piece}
    template = "jobs/_log_tail.html" if "tail" in request.GET else "jobs/_log_piece.html"
    return render(request, template, context)


def _source(job: Job, task_id: str) -> LogSource:
    source = log_source(job, task_id)
    if source is None:
        raise Http404
    return source


def _file(request: PageRequest) -> str:
    asked = request.GET.get("file", "")
    return asked if asked in FILES else FILES[0]


def _read(job: Job, instance: LogSource, *, file: str, offset: int | None) -> Piece:
    engine = job_engine(job)
    task = InstanceId(instance.task_id)
    try:
        chunk = engine.read_log(task, host=instance.host, file=file, offset=offset, length=PIECE_BYTES)
        skipped = 0
        if offset is not None and chunk.size - offset > SKIP_BYTES:
            chunk = engine.read_log(task, host=instance.host, file=file, offset=None, length=PIECE_BYTES)
            skipped = chunk.offset - offset
    except RemoteError as exc:
        return Piece(next=offset, error=_words(exc, instance=instance, file=file))
    return Piece(text=chunk.text, next=chunk.offset + chunk.length, skipped=max(0, skipped))


def _words(error: RemoteError, *, instance: LogSource, file: str) -> str:
    """Why a log cannot be read, and what that means."""
    values = {"file": file, "host": instance.host, "error": error.message}
    if isinstance(error, NotFound):
        return (
            _("%(host)s has no %(file)s of this instance: it has not started yet, or its folder is gone.")
            % values
        )
    if isinstance(error, Unavailable):
        return _("%(host)s cannot be asked for %(file)s now (%(error)s). This page goes on trying.") % values
    return _("%(file)s could not be read on %(host)s: %(error)s") % values
