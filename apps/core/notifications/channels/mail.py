"""By mail: to the group's members, each in their language, and to further addresses."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import translation
from rest_framework import serializers

from apps.core.models import NotificationChannel
from apps.core.notifications.channels.base import Outgoing
from apps.core.notifications.people import Reader, readers_of, reading
from apps.core.notifications.rendering import render
from apps.core.serializers import Strict
from clients.errors import Call, Refused, Unavailable

CALL: Call = {"remote": "mail", "operation": "notify"}
MAX_ADDRESSES = 20


class MailFields(Strict):
    """Addresses besides the members' own."""

    addresses = serializers.ListField(child=serializers.EmailField(), max_length=MAX_ADDRESSES, default=list)


class Mail:
    kind = NotificationChannel.Kind.MAIL
    fields: type[Strict] = MailFields
    secrets: frozenset[str] = frozenset()

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"addresses": list(config.get("addresses", []))}

    def needs_sre(self, config: Mapping[str, Any]) -> bool:
        return False

    def deliver(self, outgoing: Outgoing) -> Iterator[str]:
        if not settings.OCEAN_MAIL:
            raise Refused("no mail server is configured (OCEAN_SMTP_URL)", **CALL)
        readers = {reader.email: reader for reader in readers_of(outgoing.notification.group) if reader.email}
        further = Reader(language=outgoing.notification.group.language)
        everybody = {**dict.fromkeys(outgoing.config.get("addresses", []), further), **readers}
        if not everybody:
            raise Refused("nobody in the group has a mail address", **CALL)
        refused: list[str] = []
        try:
            with get_connection() as connection:
                for address, reader in everybody.items():
                    if address in outgoing.reached:
                        continue
                    try:
                        with reading(reader):
                            _message(outgoing, address, connection).send()
                    except smtplib.SMTPRecipientsRefused as exc:
                        refused += [_words(code, said) for code, said in exc.recipients.values()]
                        if any(code < 500 for code, _said in exc.recipients.values()):
                            raise
                        continue
                    yield address
        except smtplib.SMTPRecipientsRefused as exc:
            raise Unavailable(" ".join(refused), **CALL) from exc
        except smtplib.SMTPResponseException as exc:
            words = _words(exc.smtp_code, exc.smtp_error)
            final = exc.smtp_code >= 500 and not isinstance(exc, smtplib.SMTPAuthenticationError)
            raise (Refused if final else Unavailable)(words, **CALL) from exc
        except (smtplib.SMTPException, OSError) as exc:
            raise Unavailable(str(exc), **CALL) from exc
        if refused:
            raise Refused(" ".join(refused), **CALL)


def _message(outgoing: Outgoing, address: str, connection: Any) -> EmailMessage:
    message = render(outgoing.notification)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "ocean"
    local = outgoing.repeat_key(address.replace("@", "=")).replace(" ", "")
    return EmailMessage(
        subject=message.subject,
        body=message.body,
        to=[address],
        connection=connection,
        headers={
            # The same for each attempt: a mail that came twice is shown once.
            "Message-ID": f"<notification-{local}@{domain}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": translation.get_language() or "en",
        },
    )


def _words(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {text}"
