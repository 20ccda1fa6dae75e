"""A person's own page: preferences, password, API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts.forms import OwnPasswordForm, ProfileForm, TokenForm
from apps.accounts.models import ApiToken
from apps.accounts.services import NewToken, token_create, token_revoke, token_rotate
from apps.core.audit import audit
from apps.core.views.pages import PageRequest, render_page

PARTS = {"tokens": "accounts/_tokens.html"}


def profile(request: PageRequest) -> HttpResponse:
    """Show the page, or save the preferences."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        # The answer is already in the language that was just chosen.
        with translation.override(request.user.language or translation.get_language()):
            messages.success(request, _("Your preferences are saved."))
        return redirect("accounts:profile")
    return _page(request, form=form)


@require_POST
def password(request: PageRequest) -> HttpResponse:
    form = OwnPasswordForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, password_form=form)
    form.save()
    update_session_auth_hash(request, request.user)
    audit(by=request.user, action="password.change", object=request.user.get_username())
    messages.success(request, _("Your password is changed. Other sessions of yours have ended."))
    return redirect("accounts:profile")


@never_cache
@require_POST
def token_new(request: PageRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, token_form=form)
    made = token_create(user=request.user, name=form.cleaned_data["name"], expires_at=form.expires_at())
    return _page(request, new_token=made)


@never_cache
@require_POST
def token_replace(request: PageRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user)
    return _page(request, new_token=token_rotate(token=token, by=request.user))


@require_POST
def token_end(request: PageRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user)
    token_revoke(token=token, by=request.user)
    messages.success(request, _("The token “%(name)s” no longer works.") % {"name": token.name})
    return HttpResponseRedirect(f"{reverse('accounts:profile')}#tokens")


def _page(request: PageRequest, new_token: NewToken | None = None, **forms: Any) -> HttpResponse:
    """The whole page around whichever form came back. A new key is in this answer only, and nowhere else."""
    context = {
        "form": ProfileForm(instance=request.user),
        "password_form": OwnPasswordForm(request.user),
        "token_form": TokenForm(),
        "tokens": request.user.api_tokens.all(),
        "new_token": new_token,
        **forms,
    }
    has_errors = any(form.errors for form in forms.values())
    return render_page(
        request, "accounts/profile.html", context, parts=PARTS, status=422 if has_errors else 200
    )
