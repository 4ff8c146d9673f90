"""`python -m gui --config FILE`: serves the panel until it is told to stop. Started by `terrace panel`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="terrace panel", description="Serves the control panel.")
    parser.add_argument("--config", default="", help="config file; default: TERRACE_CONFIG, else config.yaml")
    given = parser.parse_args(arguments)
    # Gradio reads these on import. It must not speak to anybody outside.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"

    from control.client import Client, ConfigFault, TargetFlags, find_target, read_config

    try:
        config = read_config(given.config or None, os.environ)
        target = find_target(TargetFlags(config=given.config))
        refresh_ms = config.whole("panel.refresh_ms", 500)
    except ConfigFault as fault:
        print(f"terrace panel: {fault}", file=sys.stderr)
        return 2
    host, _, port = config.text("panel.address", "127.0.0.1:8462").rpartition(":")

    from gui.app import CSS, build

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Client(target) as client:
        page = build(client, refresh_ms=refresh_ms)
        try:
            page.launch(
                server_name=host,
                server_port=int(port),
                css=CSS,
                footer_links=[],
                ssr_mode=False,
                prevent_thread_lock=True,
                quiet=True,
            )
        except OSError as error:
            print(f"terrace panel: {host}:{port}: {error}", file=sys.stderr)
            return 1
        print(f"panel at http://{host}:{port}", file=sys.stderr)
        stop.wait()
        page.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
