#!/usr/bin/env python3
"""Prints `benches/results/*.json` as one Markdown table, for the README."""

import json
import pathlib
import sys

from plot import number
from scenarios import SCENARIOS

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results"
NAMES = ["ringward", "ringward-2", "livekit", "janus"]


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    print("| Scenario | Load | " + " | ".join(NAMES) + " | Best peer ÷ Ringward | Unit | Goal |")
    print("|---" * (len(NAMES) + 5) + "|")
    for name, scenario in SCENARIOS.items():
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        document = json.loads(path.read_text())
        for entry in document["points"]:
            cells = [cell(entry["servers"].get(server)) for server in NAMES]
            ratio = entry.get("best_peer_over_ringward")
            ratio = f"{ratio:.2f}" if ratio else ""
            row = [f"`{name}`", entry["label"], *cells, ratio, scenario.unit, scenario.goal]
            print("| " + " | ".join(row) + " |")
        for server, most in document.get("most_clean_per_second", {}).items():
            print(f"| `{name}` | most without loss: {server} | {number(most)} |")


def cell(measured):
    """The median; a star where a run of it lost or withheld packets."""
    if not measured:
        return ""
    if "median" not in measured:
        return "failed"
    return number(measured["median"]) + ("" if all(measured["clean"]) else " *")


if __name__ == "__main__":
    main()
