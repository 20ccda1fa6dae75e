"""Writing templates. Every save of spec or parameters is a new version; nothing here touches a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import ProductLine, validate_name
from apps.accounts.rights import Right, require, require_sre
from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput, StaleVersion
from apps.core.live import announce
from apps.jobs.models import JobOrigin, JobTemplate, JobTemplateVersion
from apps.jobs.spec import spec_validate
from apps.jobs.templating.parameters import Parameter, parameters_validate, sample_values
from apps.jobs.templating.placeholders import fill, names_in

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A template as people write it, not yet checked. `product_line` None: everybody's."""

    name: str
    title: str
    spec: Mapping[str, Any]
    title_zh: str = ""
    parameters: Sequence[Any] = field(default_factory=list)
    product_line: ProductLine | None = None
    note: str = ""


def template_create(*, new: NewTemplate, by: User) -> JobTemplate:
    """Raises InvalidInput with every bad field, Forbidden without the right to keep templates there."""
    _require_keeper(by, new.product_line)
    errors: list[FieldError] = []
    try:
        validate_name(new.name)
    except ValidationError as exc:
        errors.append(FieldError("name", exc.code or "invalid", " ".join(exc.messages)))
    if new.name == "new":  # the address of the form
        errors.append(FieldError("name", "reserved", _("This name is Ocean's own.")))
    if not new.title.strip():
        errors.append(FieldError("title", "required", _("Give it a title.")))
    try:
        spec, parameters = template_check(new.spec, new.parameters)
    except InvalidInput as exc:
        raise InvalidInput(*errors, *exc.errors) from exc
    if errors:
        raise InvalidInput(*errors)
    try:
        with transaction.atomic():
            template = JobTemplate.objects.create(
                name=new.name,
                title=new.title,
                title_zh=new.title_zh,
                product_line=new.product_line,
                latest_version=1,
                created_by=by,
            )
            JobTemplateVersion.objects.create(
                template=template, number=1, spec=spec, parameters=parameters, note=new.note, author=by
            )
            audit(by=by, action="template.create", object=new.name, product_line=new.product_line)
            transaction.on_commit(lambda: announce("templates"), robust=True)
    except IntegrityError as exc:
        text = _("There is already a template %(name)s.") % {"name": new.name}
        raise InvalidInput(FieldError("name", "unique", text)) from exc
    return template


@transaction.atomic
def template_edit(
    *,
    template: JobTemplate,
    by: User,
    spec: Mapping[str, Any] | None = None,
    parameters: Sequence[Any] | None = None,
    titles: Mapping[str, str] | None = None,
    edited_version: int | None = None,
    note: str = "",
) -> JobTemplateVersion:
    """Change the titles at once; spec and parameters become the next version, where they differ from the latest.

    Raises StaleVersion when somebody saved since `edited_version`, InvalidInput, Forbidden.
    """
    _require_keeper(by, template.product_line)
    locked = JobTemplate.objects.select_for_update().get(pk=template.pk)
    if edited_version is not None and edited_version != locked.latest_version:
        raise StaleVersion(given=edited_version, latest=locked.latest_version)
    latest = JobTemplateVersion.objects.get(template=locked, number=locked.latest_version)
    new_spec, new_parameters = template_check(
        latest.spec if spec is None else spec, latest.parameters if parameters is None else parameters
    )
    if titles:
        _retitle(template, titles)
    version = latest
    if (new_spec, new_parameters) != (latest.spec, latest.parameters):
        version = JobTemplateVersion.objects.create(
            template=template,
            number=latest.number + 1,
            spec=new_spec,
            parameters=new_parameters,
            note=note,
            author=by,
        )
        template.latest_version = version.number
        template.save(update_fields=["latest_version"])
    audit(
        by=by,
        action="template.save",
        object=template.name,
        product_line=template.product_line,
        version=version.number,
    )
    transaction.on_commit(lambda: announce("templates"), robust=True)
    return version


@transaction.atomic
def template_delete(*, template: JobTemplate, by: User) -> None:
    """Forget a template. Raises InvalidInput while jobs follow it."""
    _require_keeper(by, template.product_line)
    used = JobOrigin.objects.filter(version__template=template, job__deleted_at__isnull=True).count()
    if used:
        text = ngettext(
            "%(count)s job follows this template: it stays as long as that does.",
            "%(count)s jobs follow this template: it stays as long as they do.",
            used,
        ) % {"count": used}
        raise InvalidInput(FieldError("", "in_use", text))
    audit(by=by, action="template.delete", object=template.name, product_line=template.product_line)
    template.delete()
    transaction.on_commit(lambda: announce("templates"), robust=True)


def template_check(spec: Any, parameters: Any) -> tuple[dict[str, Any], list[Parameter]]:
    """Spec and parameters, complete. Raises InvalidInput (`spec.…`, `parameters[0].…`).

    With its defaults, or samples for what has none, the spec must be one; what is required there may be missing, for
    the job to say, and a sample may be of the wrong sort, which the job's own value is judged by.
    """
    checked = parameters_validate(parameters)
    if not isinstance(spec, Mapping):
        raise InvalidInput(FieldError("spec", "not_a_dict", _("Write the spec's fields here.")))
    filled = fill(spec, sample_values(checked))
    try:
        spec_validate(filled)
    except InvalidInput as exc:
        undecided = {parameter["name"] for parameter in checked if "default" not in parameter}
        errors = [e for e in exc.errors if e.code != "required" and not _depends(spec, e.field, undecided)]
        if errors:
            raise InvalidInput(*errors) from exc
    return dict(spec), checked


def _depends(spec: Mapping[str, Any], path: str, undecided: set[str]) -> bool:
    """Whether a field's value comes from a parameter that has none yet; of an error of several fields, any of them."""
    key = path.removeprefix("spec.").split(".")[0].split("[")[0]
    return not undecided.isdisjoint(names_in(spec.get(key)))


def _retitle(template: JobTemplate, titles: Mapping[str, str]) -> None:
    if not titles.get("title", template.title).strip():
        raise InvalidInput(FieldError("title", "required", _("Give it a title.")))
    for name in ("title", "title_zh"):
        setattr(template, name, titles.get(name, getattr(template, name)))
    template.save(update_fields=["title", "title_zh"])


def _require_keeper(by: User, product_line: ProductLine | None) -> None:
    """Raises Forbidden: developers keep their product line's templates, SREs everybody's."""
    if product_line is None:
        require_sre(by)
    else:
        require(by, Right.CHANGE, product_line)
