from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.accounts.views import login, profile

app_name = "accounts"
urlpatterns = [
    path("login/", login.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("profile/", profile.profile, name="profile"),
    path("profile/password/", profile.password, name="password"),
    path("profile/tokens/", profile.token_new, name="token_new"),
    path("profile/tokens/<int:token_id>/replace/", profile.token_replace, name="token_replace"),
    path("profile/tokens/<int:token_id>/revoke/", profile.token_end, name="token_revoke"),
]
