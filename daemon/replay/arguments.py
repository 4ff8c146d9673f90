"""Arguments of `terraced replay`. Nothing else is loaded for them: every start of the daemon reads this."""

from __future__ import annotations

import argparse
from pathlib import Path

INTERRUPTED_WORDS = "interrupted; nothing was written"


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--candles",
        metavar="FILE_OR_DIR",
        type=Path,
        required=True,
        help="prices: a CSV file (.csv, .csv.gz) named like BTCUSDT-1m.csv, or a folder of them",
    )
    parser.add_argument(
        "--signals",
        metavar="FILE",
        type=Path,
        required=True,
        help='alerts, one JSON object a line: {"time": MS, "body": {...}}; also .jsonl.gz',
    )
    parser.add_argument("--out", metavar="FILE", default="", help="write the whole report there as JSON; - for stdout")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of everything that is left to chance (1)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines of the signals that are faulty")
    parser.add_argument(
        "--compare",
        metavar=("A", "B"),
        nargs=2,
        type=Path,
        help="replay two configurations over the same past and show what differs",
    )
