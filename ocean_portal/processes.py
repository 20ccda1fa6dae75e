"""What a web process does once it is loaded, before its first request."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading

from django.conf import settings
from django.template.loader import get_template
from django.urls import get_resolver

_THRESHOLDS = (5_000, 5, 10)
"""Objects until Python looks for cycles among the new ones, and how often among those that were there before. A page
makes some thousands and leaves few behind. Of 700 to 50,000 this took the least time, and at most 15 ms at once."""


def settle() -> None:
    """Load what every page needs, and let the garbage collector forget that it is there.

    A full collection walks all of Django, the views and their forms: 120 ms, with every hundredth page or so, which is
    more than the page itself. What is frozen is never walked again.
    """
    get_resolver().reverse_dict  # noqa: B018 # imports every view
    folder = settings.BASE_DIR / "templates"
    for path in folder.rglob("*.html"):
        get_template(path.relative_to(folder).as_posix())
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def end_with_parent() -> None:
    """One of several web processes ends when the one that started them is gone, killed even: it would hold the port
    that its successor needs."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()
