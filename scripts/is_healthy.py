"""Exit 0 when the console on this machine's OCEAN_PORT answers /healthz with 200: the container's health check."""

import http.client
import os
import sys

# Django answers only to the names it was told.
host = os.environ.get("OCEAN_ALLOWED_HOSTS", "").split(",")[0].lstrip(".*") or "localhost"
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("OCEAN_PORT", "8000")), timeout=8)
try:
    connection.request("GET", "/healthz", headers={"Host": host})
    response = connection.getresponse()
    sys.stdout.write(response.read(10_000).decode(errors="replace"))
    sys.exit(response.status != 200)
except OSError as exc:
    sys.exit(f"nobody answers: {exc}")
