#!/usr/bin/env python3
"""Measures servers side by side and writes `benches/results/<scenario>.json` and `.svg`.

Every point of a scenario is run several times, the servers in turn, each on a fresh process: the
figures of one file come from one stretch of one machine. The median run counts.
"""

import argparse
import datetime
import json
import os
import pathlib
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from plot import chart
from scenarios import SCENARIOS
from servers import SERVERS, Absent, binary

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What a run may take beyond what it is asked for: starting, joining, stopping.
GRACE_SECONDS = 40
# A point is clean when no more than this share was lost, and withheld for want of bandwidth.
CLEAN = 0.001
# The generator measures itself when it uses more of its core than this, unless it spins.
BUSY_GENERATOR_PERCENT = 95

# The machine was not quiet when others used more than this of one core.
BUSY_MACHINE_PERCENT = 10


def main():
    arguments = parse()
    # Ended from outside, servers and folders go with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    available = {}
    for name in dict.fromkeys(arguments.servers):
        try:
            available[name] = SERVERS[name].version()
            say(f"{name}: {available[name]}")
        except (Absent, OSError, subprocess.SubprocessError) as error:
            say(f"{name}: not measured. {error}")
    generator = binary("RINGWARD_LOAD", "target/release/ringward-load")
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in arguments.scenario:
        failed += measure(name, SCENARIOS[name], available, generator, arguments)
    return 1 if failed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    everything = list(SCENARIOS)
    parser.add_argument("--scenario", nargs="+", default=everything, choices=everything)
    parser.add_argument("--servers", nargs="+", default=list(SERVERS), choices=list(SERVERS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, help="instead of each point's own length")
    parser.add_argument("--settle", type=int, help="instead of each scenario's own")
    parser.add_argument("--points", type=int, help="only the first so many of each scenario")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "results")
    parser.add_argument("--server-core", default="0")
    parser.add_argument("--generator-core", default="1")
    parser.add_argument(
        "--sleep", action="store_true", help="the generator sleeps: waking it is the server's cost"
    )
    parser.add_argument("--list", action="store_true", help="says what would be run, and how long")
    arguments = parser.parse_args()
    if arguments.list:
        listed(arguments)
        sys.exit(0)
    return arguments


def listed(arguments):
    total = 0
    for name in arguments.scenario:
        scenario = SCENARIOS[name]
        servers = [s for s in scenario.servers if s in arguments.servers and s != "mediasoup"]
        points = scenario.points[: arguments.points]
        each = sum(length(scenario, point, arguments) + 8 for point in points)
        seconds = each * len(servers) * arguments.runs
        total += seconds
        say(f"{name:18} {len(points)} points x {len(servers)} servers: {seconds / 60:4.0f} min at most")
    say(f"{'':18} {total / 60:.0f} min at most; with --runs {arguments.runs}")


def length(scenario, point, arguments):
    settle = scenario.settle if arguments.settle is None else arguments.settle
    return (arguments.seconds or point.seconds) + settle


def measure(name, scenario, available, generator, arguments):
    """Runs one scenario; 1 when no server could be measured in it."""
    servers = [server for server in scenario.servers if server in available]
    results = {server: {} for server in servers}
    stopped = {}
    points = list(enumerate(scenario.points[: arguments.points]))
    for place, point in points:
        for run in range(arguments.runs):
            # In turn, and not always the same one first.
            turn = servers[run % len(servers) :] + servers[: run % len(servers)] if servers else []
            for server in turn:
                if server in stopped:
                    continue
                report = attempt(name, scenario, point, server, generator, arguments)
                results[server].setdefault(place, []).append(report)
                say(f"{name} {point.label} {server} {run + 1}/{arguments.runs}: {brief(report, scenario)}")
        for server in servers:
            runs = [run for run in results[server].get(place, []) if "error" not in run]
            unclean = not runs or not any(clean(run) for run in runs)
            if scenario.stop_when_unclean and unclean:
                stopped.setdefault(server, point.label)
        write(name, scenario, points, results, available, stopped, arguments)
    return 0 if any(runs for runs in results.values()) else 1


def attempt(name, scenario, point, server, generator, arguments):
    """One run on a fresh server: the generator's report, or what went wrong."""
    cores = arguments.server_core
    if server == "ringward-2":
        cores = f"{arguments.server_core},{arguments.generator_core}"
    handle, path = tempfile.mkstemp(prefix="bench-report-", suffix=".json")
    os.close(handle)
    try:
        with SERVERS[server](cores) as running:
            # Its caches and timers come to rest before memory and CPU are looked at.
            time.sleep(1)
            load = [word.replace("TRACES", str(ROOT / "traces")) for word in point.load]
            command = [
                *("taskset", "-c", arguments.generator_core, generator, *running.load(), *load),
                *("--seconds", str(arguments.seconds or point.seconds)),
                *("--settle", str(length(scenario, point, arguments) - (arguments.seconds or point.seconds))),
                *("--patience", str(scenario.patience), "--pid", str(running.process.pid)),
                *("--server", server, "--scenario", name, "--json", path),
                *([] if arguments.sleep else ["--spin"]),
            ]
            limit = length(scenario, point, arguments) + scenario.patience + GRACE_SECONDS
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
            log = (running.folder / "log").read_text(errors="replace")[-1_000:]
        text = pathlib.Path(path).read_text()
        if not text:
            return {"error": done.stderr.strip()[-400:] or f"exit status {done.returncode}"}
        report = json.loads(text)
        if report["failed"]:
            report["server_log"] = log
        report["command"] = shlex.join(public(command))
        return report
    except subprocess.TimeoutExpired:
        return {"error": "took too long"}
    except Absent as error:
        return {"error": str(error)}
    finally:
        pathlib.Path(path).unlink(missing_ok=True)


def public(command):
    """A command without what is of this machine or this run alone."""
    words = [pathlib.Path(word).name if word.startswith("/") else word for word in command]
    for option, value in (("--secret", "SECRET"), ("--pid", "PID"), ("--json", "FILE"), ("--bind", "IP")):
        if option in words:
            words[words.index(option) + 1] = value
    return words


def clean(report):
    return report["loss"] <= CLEAN and report["withheld"] <= 10 * CLEAN and report["failed"] == 0


def at(report, figure):
    for key in figure.split("."):
        report = report.get(key) if report else None
    return report


def brief(report, scenario):
    if "error" in report:
        return f"FAILED: {report['error']}"
    value = at(report, scenario.figure)
    value = "no figure" if value is None else f"{value:,.4g} {scenario.unit}"
    notes = [f"loss {report['loss']:.3%}", f"withheld {report['withheld']:.2%}"]
    cpu = report["generator"]["cpu_percent"]
    if cpu > BUSY_GENERATOR_PERCENT and not report["options"]["spin"]:
        notes.append(f"GENERATOR AT {cpu:.0f} %")
    if report["others_cpu_percent"] + report["stolen_cpu_percent"] > BUSY_MACHINE_PERCENT:
        notes.append(f"MACHINE BUSY: {report['others_cpu_percent']:.0f} % of a core for others")
    if report["failed"]:
        notes.append(f"{report['failed']} CLIENTS FAILED")
    return f"{value} ({', '.join(notes)})"


def write(name, scenario, points, results, available, stopped, arguments):
    """The file as it stands: a run that is broken off leaves what it has."""
    figure = scenario.figure
    document = {
        "scenario": name,
        "goal": scenario.goal,
        "figure": figure,
        "unit": scenario.unit,
        "measured": datetime.date.today().isoformat(),
        "runs": arguments.runs,
        "spin": not arguments.sleep,
        "versions": {server: available[server] for server in results},
        "stopped_after": stopped,
        "points": [],
    }
    lines = {server: [] for server in results}
    for place, point in points:
        entry = {"x": point.x, "label": point.label, "servers": {}}
        for server, by_place in results.items():
            runs = by_place.get(place)
            if not runs:
                continue
            sound = [run for run in runs if "error" not in run and at(run, figure) is not None]
            errors = [run["error"] for run in runs if "error" in run]
            if not sound:
                entry["servers"][server] = {"errors": errors or ["the server has no such figure"]}
                continue
            document.setdefault("machine", sound[0].pop("machine", None))
            values = [at(run, figure) for run in sound]
            median = sorted(sound, key=lambda run: at(run, figure))[(len(sound) - 1) // 2]
            entry["servers"][server] = {
                "median": statistics.median(values),
                "values": values,
                "clean": [clean(run) for run in sound],
                "errors": errors,
                "median_run": {k: v for k, v in median.items() if k not in ("machine", "options")},
                "network": median["options"]["net"],
            }
            lines[server].append((point.x, statistics.median(values), min(values), max(values)))
        medians = {s: e["median"] for s, e in entry["servers"].items() if "median" in e}
        peers = [medians[s] for s in medians if not s.startswith("ringward")]
        if medians.get("ringward") and peers:
            entry["best_peer_over_ringward"] = min(peers) / medians["ringward"]
        document["points"].append(entry)
    if name == "saturate":
        document["most_clean_per_second"] = {
            server: max(
                (
                    entry["servers"][server]["median"]
                    for entry in document["points"]
                    if any(entry["servers"].get(server, {}).get("clean", []))
                ),
                default=0,
            )
            for server in results
        }
    (arguments.out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    names_needed = scenario.axis == "trace" or name in ("memory-200",)
    ticks = [(point.x, point.label) for _, point in points] if names_needed else None
    picture = chart(name, scenario.goal, scenario.axis, scenario.unit, lines, ticks)
    if picture:
        (arguments.out / f"{name}.svg").write_text(picture)


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
