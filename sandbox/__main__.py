"""`python -m sandbox`: a Marathon (with Mesos and Chronos) on this machine, running real processes."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path

from sandbox.config import MARATHON_DEFAULTS, ConfigError, SandboxConfig, load_config, simple_config
from sandbox.service import AlreadyRunningError, Sandbox, SandboxAddresses

_EPILOG = """\
examples:
  python -m sandbox                                   a Marathon on http://127.0.0.1:8080, five hosts
  python -m sandbox --marathon-port 0 --hosts 20      any free port, printed when ready
  python -m sandbox --config clusters.json --data var/sandbox

Tasks are processes of this machine and user. The API runs whatever it is told to, so it listens on
loopback unless --bind says otherwise. Ctrl-C ends all tasks; after kill -9 the next start on the same
--data finds them again. The configuration file and the admin (fault) port: docs/sandbox.md.
"""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A whole cluster on one machine that speaks Marathon's, Mesos' and Chronos' wire APIs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("var/sandbox"),
        help="state and sandbox folders (default: var/sandbox)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON file with several clusters")
    simple = parser.add_argument_group("one cluster, without a file (a port of 0 is any free one)")
    simple.add_argument("--marathon-port", type=int, default=8080, metavar="PORT", help="default: 8080")
    simple.add_argument("--mesos-port", type=int, metavar="PORT", help="Mesos master (default: not opened)")
    simple.add_argument("--agent-port", type=int, metavar="PORT", help="Mesos agents (default: not opened)")
    simple.add_argument("--chronos-port", type=int, metavar="PORT", help="Chronos (default: not opened)")
    simple.add_argument("--admin-port", type=int, metavar="PORT", help="fault door (default: not opened)")
    simple.add_argument("--hosts", type=int, default=5, metavar="N", help="virtual hosts (default: 5)")
    simple.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1")
    simple.add_argument("--http-credentials", metavar="USER:PASSWORD", help="ask for basic auth")
    parser.add_argument(
        "--marathon-defaults",
        action="store_true",
        help="start instances no faster than a real Marathon does by its defaults (default: as fast as possible)",
    )
    parser.add_argument(
        "--print-addresses", action="store_true", help="when ready, print them as one JSON line"
    )
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser.parse_args(arguments)


def configuration(options: argparse.Namespace) -> SandboxConfig:
    """Raises ConfigError."""
    config = load_config(options.config) if options.config is not None else _one_cluster(options)
    return replace(config, launch_limits=MARATHON_DEFAULTS) if options.marathon_defaults else config


def _one_cluster(options: argparse.Namespace) -> SandboxConfig:
    return simple_config(
        hosts=options.hosts,
        marathon_port=options.marathon_port,
        mesos_port=options.mesos_port,
        agent_port=options.agent_port,
        chronos_port=options.chronos_port,
        admin_port=options.admin_port,
        bind=options.bind,
        http_credentials=options.http_credentials,
    )


async def run(config: SandboxConfig, data: Path, *, print_addresses: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sandbox = Sandbox(config, data)
    try:
        addresses = await sandbox.start()
        announce(addresses, as_json=print_addresses)
        await stopping.wait()
    finally:
        await sandbox.stop()


def announce(addresses: SandboxAddresses, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(addresses.as_json()) + "\n")
    else:
        for name, cluster in addresses.clusters.items():
            for label, url in (
                ("Marathon", cluster.marathon),
                ("Mesos master", cluster.mesos),
                ("Mesos agents", cluster.agent),
                ("Chronos", cluster.chronos),
            ):
                if url is not None:
                    sys.stdout.write(f"{name}: {label} on {url}\n")
        if addresses.admin is not None:
            sys.stdout.write(f"fault door on {addresses.admin}\n")
    sys.stdout.flush()


def main() -> int:
    options = parse_arguments(sys.argv[1:])
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(run(configuration(options), options.data, print_addresses=options.print_addresses))
    except (ConfigError, AlreadyRunningError, OSError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
