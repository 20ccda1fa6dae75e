"""One thing of each kind that belongs to a product line or a person, for tests that go through all addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.serializers import serialize

from apps.accounts.models import ApiToken, Membership, ProductLine, User
from apps.accounts.tests.factories import make_member, make_product_line, make_token
from apps.core.models import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationGroup,
    Operation,
)
from apps.core.tests.factories import make_channel, make_delivery, make_group
from apps.elastic.models import ScalingPolicy, ScalingSchedule, ScalingState, ScheduleRun
from apps.elastic.tests.factories import make_policy, make_schedule
from apps.jobs.models import (
    Favourite,
    Instance,
    Job,
    JobEvent,
    JobOrigin,
    JobTemplate,
    JobTemplateVersion,
    JobVersion,
    Release,
    ReleaseItem,
    SavedView,
    ScaleExpiry,
    Secret,
)
from apps.jobs.services import secret_set
from apps.jobs.tests.factories import make_job_operation, make_release, make_running_job, make_template

WRITTEN = (
    Favourite, Instance, Job, JobEvent, JobOrigin, JobTemplate, JobTemplateVersion, JobVersion, Membership,
    Notification, NotificationChannel, NotificationDelivery, NotificationGroup,
    Operation, ProductLine, Release, ReleaseItem, SavedView, ScaleExpiry, ScalingPolicy, ScalingSchedule,
    ScalingState, ScheduleRun, Secret,
)  # fmt: skip
"""All that a call about any of them could write."""
NUMBER = 999_999_999


def written() -> str:
    rows = [serialize("json", model.objects.order_by("pk")) for model in WRITTEN]
    tokens = ApiToken.objects.order_by("pk").values_list(
        "pk", "name"
    )  # when one was used last is always written
    return "".join(rows) + repr(list(tokens))


@dataclass(frozen=True, slots=True)
class Things:
    """`line` has them all, but for the `token`, which is its `owner`'s."""

    line: ProductLine
    owner: User
    job: Job
    release: Release
    template: JobTemplate
    operation: Operation
    view: SavedView
    secret: Secret
    schedule: ScalingSchedule
    delivery: NotificationDelivery
    token: ApiToken

    @classmethod
    def make(cls) -> Things:
        line = make_product_line()
        owner = make_member(line)
        job = make_running_job(product_line=line)
        make_policy(job=job)
        operation = make_job_operation(job)
        secret_set(product_line=line, name="key", value="hunter2", by=owner)
        make_token(owner)
        return cls(
            line=line,
            owner=owner,
            job=job,
            release=make_release(job, operation=operation),
            template=make_template(product_line=line),
            operation=operation,
            view=SavedView.objects.create(name="v", query="state=running", author=owner, product_line=line),
            secret=Secret.objects.get(),
            schedule=make_schedule(job=job),
            delivery=make_delivery(make_channel(make_group(product_line=line))),
            token=ApiToken.objects.get(user=owner),
        )

    def words(self) -> list[str]:
        """What no answer about them may say to somebody who may not know of them."""
        return [self.line.title or self.line.tag, self.job.name, self.template.title, self.owner.username]

    def of_api(self, family: str) -> dict[str, Any]:
        """The values of an API address's parameters; `family` is how its routes' names begin."""
        number = {"number": 1, "other": 1}
        values: dict[str, dict[str, Any]] = {
            "job": {
                "tag": self.job.tag,
                **number,
                "task_id": self.job.instances.all()[0].task_id,
                "pk": self.schedule.pk,
            },
            "favourite": {"tag": self.job.tag},
            "product-line": {"tag": self.line.tag, "line": self.line.tag},
            "member": {"line": self.line.tag, "username": self.owner.username},
            "secret": {"line": self.line.tag, "name": self.secret.name},
            "release": {"pk": self.release.pk},
            "template": {"name": self.template.name, "template": self.template.name, **number},
            "operation": {"pk": self.operation.pk},
            "view": {"pk": self.view.pk},
            "notification-group": {"name": self.delivery.channel.group.name},
            "notification-channel": {
                "group": self.delivery.channel.group.name,
                "pk": self.delivery.channel.pk,
            },
            "notification": {"pk": self.delivery.notification.pk},
            "token": {"pk": self.token.pk},
            "drift": {"pk": NUMBER},  # of SREs alone (apps/core/tests/test_drift.py)
        }
        return values[family]

    def of_page(self) -> dict[str, Any]:
        """The values of the pages' addresses, by the parameter's name; `tag` is the job's."""
        return {
            "tag": self.job.tag,
            "task_id": self.job.instances.all()[0].task_id,
            "number": 1,
            "release_id": self.release.pk,
            "name": self.template.name,
            "operation_id": self.operation.pk,
            "control": "pause",
            "view_id": self.view.pk,
            "token_id": self.token.pk,
            "membership_id": self.line.memberships.all()[0].pk,
            "secret_id": self.secret.pk,
            "channel_id": self.delivery.channel.pk,
            "notification_id": self.delivery.notification.pk,
            "user_id": self.owner.pk,
            "kind": "mail",
            "drift_id": NUMBER,  # of SREs alone
        }
