"""What a Falcon has of Ocean's things."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from apps.elastic.falcon.names import Names
from apps.elastic.falcon.planning import Found, FoundGroup
from clients.errors import NotFound
from clients.falcon import FalconPortal


@dataclass(frozen=True, slots=True)
class Listing:
    """Names and ids of all of Ocean's templates and groups there: two calls, however many."""

    templates: dict[str, int]
    groups: dict[str, int]


def listing(portal: FalconPortal, names: Names) -> Listing:
    prefix = f"{names.prefix}:"
    return Listing(
        templates=portal.templates(prefix=prefix),
        groups={group.name: group.id for group in portal.groups(prefix=prefix)},
    )


def details(
    portal: FalconPortal, known: Listing, *, templates: Collection[str], groups: Collection[str]
) -> Found:
    """With the content of these: up to three calls for each job. What is gone by now counts as missing."""
    template_ids = dict(known.templates)
    found_templates = {}
    for name in templates:
        if name in template_ids:
            try:
                found_templates[name] = portal.template(template_ids[name])
            except NotFound:
                del template_ids[name]
    found_groups = {}
    for name in groups:
        if name in known.groups:
            group_id = known.groups[name]
            try:
                found_groups[name] = FoundGroup(
                    group_id, portal.group_hosts(group_id), portal.group_templates(group_id)
                )
            except NotFound:
                continue
    return Found(template_ids, found_templates, found_groups)
