"""`python -m sandbox.falcon`: an Open-Falcon on this machine, with the quirks of v0.3."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from sandbox.falcon.profile import FAST, PROFILES, Profile
from sandbox.falcon.server import Access, Falcon
from sandbox.listening import Listeners


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.falcon",
        description="An Open-Falcon (agent, transfer, judge, alarm, graph, api) on one port.",
        epilog="The portal's token (any name passes with it) is in FALCON_DEFAULT_TOKEN, root's password in "
        "FALCON_ROOT_PASSWORD; default: sandbox. docs/falcon.md has more.",
    )
    parser.add_argument("--port", type=int, default=8080, help="0: any free one (default: 8080)")
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path("var/falcon"), help="default: var/falcon")
    parser.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        default=FAST.name,
        help="fast: 5 s; stock: upstream's constants",
    )
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser.parse_args(arguments)


async def run(data: Path, profile: Profile, access: Access, *, bind: str, port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    listeners = Listeners(bind)
    sockets = listeners.bind(port)
    falcon = Falcon(data, profile, access)
    try:
        await falcon.start()
        await listeners.serve(falcon.app, sockets)
        sys.stdout.write(f"{listeners.urls(sockets)[0]}\n")
        sys.stdout.flush()
        await stopping.wait()
    finally:
        await listeners.close()
        await falcon.stop()


def main() -> int:
    options = parse_arguments(sys.argv[1:])
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    access = Access(
        root_password=os.environ.get("FALCON_ROOT_PASSWORD", "sandbox"),
        default_token=os.environ.get("FALCON_DEFAULT_TOKEN", "sandbox"),
    )
    profile = PROFILES[options.profile]
    try:
        asyncio.run(run(options.data, profile, access, bind=options.bind, port=options.port))
    except OSError as error:
        sys.stderr.write(f"falcon: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
