"""`make status`: what of this copy runs, and where."""

from embedded.folder import Folder
from embedded.ports import Ports
from embedded.probes import http_status
from embedded.supervision import Supervisor


def status(folder: Folder) -> str:
    """A line for each program, then the web address and whether it is healthy.

    Raises EmbeddedError when this copy does not run.
    """
    lines = [f"{state.name:10} {state.state:10} {state.description}" for state in Supervisor(folder).states()]
    ports = Ports.read(folder.ports_file)
    if ports is not None:
        healthy = "healthy" if http_status(ports.web, "/healthz") == 200 else "not healthy: see /healthz"
        lines.append(f"http://127.0.0.1:{ports.web}/ is {healthy}")
    return "\n".join(lines)
