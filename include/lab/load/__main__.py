"""``python -m lab.load``: bounded load on the shop, by users whose sessions come and go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab.load", description=__doc__)
    parser.add_argument("--host", required=True, help="http://127.0.0.1:PORT of the edge")
    parser.add_argument("--users", type=int, default=150)
    parser.add_argument("--spawn-rate", type=float, default=30, help="users started per second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--max-requests", type=int, help="default: 400 per second of the run")
    parser.add_argument("--out", type=Path, required=True, help="directory for load.jsonl and summary.json")
    parser.add_argument("--stop-file", type=Path, help="the run ends when this file appears")
    parser.add_argument("--rate", type=float, default=0.0, help="requests in a second, of all users")
    parser.add_argument("--mix", type=json.loads, default={}, help='endpoint class -> part of 1: {"checkout": 0.3, …}')
    args, parent = parser.parse_args(), os.getppid()
    from lab.load.run import Asks, Bounds, run  # patches sockets

    most = args.max_requests or int(400 * args.seconds)
    bounds = Bounds(args.seconds, most, parent, args.stop_file)
    run(args.host, args.users, args.spawn_rate, bounds, args.out, Asks(args.rate, args.mix))
    return 0


if __name__ == "__main__":
    sys.exit(main())
