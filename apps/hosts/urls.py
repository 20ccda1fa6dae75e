from __future__ import annotations

from django.urls import path

from apps.hosts.views.hosts import HostList, HostTiles

app_name = "hosts"
urlpatterns = [
    path("", HostList.as_view(), name="list"),
    path("tiles/", HostTiles.as_view(), name="tiles"),
]
