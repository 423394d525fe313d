#!/usr/bin/env python3
"""A thousand joins offered at once while calls run; writes `benches/results/storm.json`.

What the storm costs the calls is read from the box itself (`ringward_forward_seconds`: from reading
a packet to handing it to the kernel), because on two cores the clients of the storm take the
generator's core from those of the calls.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from servers import HTTP, Ringward, binary

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results"
# A process of the generator binds 256 addresses at most.
PROCESSES, CLIENTS = 5, 200
STORM_AT, CALLS_SECONDS = 9, 15
LIMIT_SECONDS = 90


def main():
    generator = binary("RINGWARD_LOAD", "target/release/ringward-load")
    with Ringward("0") as box, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        calls = load(generator, box, folder / "calls", "calls 1 10 300 10", CALLS_SECONDS, 5)
        time.sleep(STORM_AT)
        before = histogram()
        storm = [
            load(generator, box, folder / f"storm{n}", f"storm{n} 2 99 1 1 --joining {CLIENTS}", 3, 1)
            for n in range(PROCESSES)
        ]
        for process in [*storm, calls]:
            process.wait(LIMIT_SECONDS)
        after = histogram()
        joins = [json.loads((folder / f"storm{n}").read_text()) for n in range(PROCESSES)]
        kept = json.loads((folder / "calls").read_text())
    result = {
        "scenario": "storm",
        "measured": datetime.date.today().isoformat(),
        "goal": "1,000 joins offered at once answered within 3 s, calls' p99 moves by at most 10 ms",
        "joins": PROCESSES * CLIENTS,
        "failed": sum(len(run["failures"]) for run in joins),
        "joined_p50_ms": sorted(run["join"]["p50"] for run in joins)[PROCESSES // 2] / 1_000,
        "joined_max_ms": max(run["join"]["max"] for run in joins) / 1_000,
        "forward_p99_ms_before": percentile(before, 0.99),
        "forward_p99_ms_during": percentile(difference(after, before), 0.99),
        "calls_lost": kept["missing"],
        "machine": kept["machine"],
        "others_cpu_percent": kept["others_cpu_percent"],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "storm.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 1 if result["failed"] or result["calls_lost"] else 0


def load(generator, box, report, shape, seconds, settle):
    """`shape`: room, rooms, subscribers each, packets per second, packets per frame, and more."""
    room, rooms, subscribers, rate, burst, *more = shape.split()
    command = ["taskset", "-c", "1", generator, "--url", f"ws://127.0.0.1:{HTTP}", "--room", room]
    command += ["--rooms", rooms, "--subscribers", subscribers, "--rate", rate, "--burst", burst]
    command += ["--seconds", str(seconds), "--settle", str(settle), "--json", str(report)]
    command += ["--pid", str(box.process.pid), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def histogram():
    """Upper bounds in seconds with the observations up to each."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/metrics", timeout=5).read().decode()
    rows = re.findall(r'^ringward_forward_seconds_bucket\{.*le="([^"]+)"\} (\d+)$', text, re.M)
    return {float(bound.replace("+Inf", "inf")): int(count) for bound, count in rows}


def difference(after, before):
    return {bound: count - before.get(bound, 0) for bound, count in after.items()}


def percentile(counts, share):
    """The bucket's upper bound in milliseconds: at most so much."""
    wanted = share * max(counts.values(), default=0)
    return min(bound for bound, count in counts.items() if count >= wanted) * 1_000


if __name__ == "__main__":
    sys.exit(main())
