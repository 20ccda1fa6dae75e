"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url

from apps.accounts.forms import LoginForm


class Login(LoginView):
    form_class = LoginForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True


@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin site has no door of its own, so that the limit to guessing holds there too."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return HttpResponseRedirect(f"{resolve_url('accounts:login')}?{request.META['QUERY_STRING']}")
