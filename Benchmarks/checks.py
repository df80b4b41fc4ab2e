#!/usr/bin/env python3
"""What each check of `optimize` costs, and how many results or documents it rejects.

Takes documents of a folder at random, but always the same ones for a seed, has `optimize` work on them once
for each engine, and prints a table from the records: documents that had the check, milliseconds for each of
them (mean and 95th percentile), and how many it rejected. Run it on a quiet machine: times are by the clock.
"""

import argparse
import collections
import json
import random
import re
import subprocess
from pathlib import Path

from harness import ROOT, TOOLS, need, scratch

REASONS = ROOT / "Sources" / "Common" / "Record" / "RejectionReason.swift"
STEPS = ("source", "images", "ghostscript", "run", "structure", "inventory", "text", "drawing", "size", "limits")


def checks():
    """The check that gives each reason, read from the source."""
    source = REASONS.read_text()
    names = dict(re.findall(r'case (\w+) = "([^"]+)"', source))
    body = source[source.index("var check: Check"):source.index("var rejectsResult")]
    found = {}
    for group, check in re.findall(r"case ((?:\.\w+,?\s*)+):\s*\.(\w+)", body):
        found.update((names[name], check) for name in re.findall(r"\.(\w+)", group))
    return found


def optimize(paths, engine, arguments):
    """The record of each document; results go to a folder of their own."""
    lines = "".join(json.dumps({"id": str(number), "path": str(path)}) + "\n" for number, path in enumerate(paths))
    done = subprocess.run(
        [TOOLS / "optimize", "--engine", engine, "--output-dir", scratch(), *arguments],
        input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line).get("optimize", {}) for line in done.stdout.splitlines()]


def table(members, check):
    """Prints a row for each step."""
    rejected, reasons = collections.Counter(), collections.Counter()
    for member in members:
        # A rejected result is the reason of a document that was kept, or stands beside the result that was taken.
        reason = member.get("reason") or member.get("rejected", {}).get("reason")
        if reason:
            rejected[check.get(reason, "limits")] += 1
            reasons[reason] += 1
    print(f"  {'step':14}{'documents':>10}{'ms, mean':>10}{'ms, 95 %':>10}{'rejected':>10}")
    for step in STEPS:
        times = sorted(1000 * member["times"][step] for member in members if step in member.get("times", {}))
        if not times and not rejected[step]:
            continue
        mean = f"{sum(times) / len(times):10.1f}{times[min(len(times) - 1, int(0.95 * len(times)))]:10.1f}" if times else " " * 20
        print(f"  {step:14}{len(times):10,}{mean}{rejected[step]:10,}")
    for reason, count in reasons.most_common(12):
        print(f"  {count:8,}  {check.get(reason, '?')}: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=400, help="documents to take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", action="append", help="auto and ghostscript by default")
    parser.add_argument("--largest", type=int, default=5_000_000, help="leave out larger files, in bytes")
    options, rest = parser.parse_known_args()
    need("gs", "pdftoppm")
    paths = sorted(
        path for folder in options.folders for path in folder.rglob("*.pdf")
        if path.is_file() and path.stat().st_size <= options.largest)
    paths = random.Random(options.seed).sample(paths, min(options.count, len(paths)))
    print(f"{len(paths)} documents, seed {options.seed}")
    for engine in options.engine or ["auto", "ghostscript"]:
        members = optimize(paths, engine, rest)
        before, after = (sum(member.get(key, 0) for member in members) for key in ("original_bytes", "bytes"))
        taken = sum(member.get("method", "original") != "original" for member in members)
        print(f"--engine {engine}: {taken} of {len(members)} smaller, {before:,} bytes became {after:,}")
        table(members, checks())


if __name__ == "__main__":
    main()
