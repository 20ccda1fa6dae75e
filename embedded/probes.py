"""Asking a local HTTP server how it is, with nothing but the standard library."""

import http.client


def http_get(port: int, path: str) -> tuple[int, str]:
    """Status and text of `GET http://127.0.0.1:port/path`; 0 and nothing while nobody answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(65536).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def http_status(port: int, path: str) -> int:
    """Only the status."""
    return http_get(port, path)[0]
