"""Names of jobs for the shell. It waits for them, so they come quickly or not at all, and it is never disturbed."""

from __future__ import annotations

from ocean_cli.errors import CliError
from ocean_cli.names import shortest
from ocean_cli.session import Session

PATIENCE_S = 0.0
SHOWN = 100


def job_names(session: Session, incomplete: str) -> list[str]:
    session.patience_s = PATIENCE_S
    session.quiet = True
    search = incomplete.replace("/", " ").replace("@", " ")
    try:
        rows = list(session.api.pages("jobs/", limit=SHOWN, search=search))
    except CliError:
        return []
    names = sorted({shortest(row, rows) for row in rows})
    return [name for name in names if name.startswith(incomplete)]
