"""`python -m gui --config FILE`: serves the panel until it is told to stop. Started by `terrace panel`."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import sys


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="terrace panel", description="Serves the control panel.")
    parser.add_argument("--config", default="", help="config file; default: TERRACE_CONFIG, else config.yaml")
    given = parser.parse_args(arguments)
    # The library reads these on import. It must not speak to anybody outside.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"

    from control.client import ConfigFault, TargetFlags, find_target, read_config
    from gui.options import read_options

    try:
        options = read_options(read_config(given.config or None, os.environ))
        target = find_target(TargetFlags(config=given.config))
    except ConfigFault as fault:
        print(f"terrace panel: {fault}", file=sys.stderr)
        return 2
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        place = f"{options.host}:{options.port}"
        words = f"terrace panel: {place}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            words = (
                f"terrace panel: {place} is taken, perhaps by a panel that runs already: end it, or set panel.address"
            )
        print(words, file=sys.stderr)
        return 1

    import uvicorn

    from gui.app import build
    from gui.protocol import Prompt

    server = uvicorn.Server(
        uvicorn.Config(
            build(target, options),
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            limit_concurrency=512,
            http=Prompt,
            ws="none",
        )
    )
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(f"panel at http://{host}:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    # The server ends in order and raises the signal once more; by then all is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
