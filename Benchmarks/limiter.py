#!/usr/bin/env python3
"""The limiter, seen from the portal: several processes with several threads share one budget.

Prints the rate as a share of the permitted one, the smallest gap between two request starts, and how evenly
the processes were served. The portal's log is the judge, not fetch's own word.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import time

from harness import TOOLS, Portal, scratch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--limiter", help="postgres://… instead of a file")
    options = parser.parse_args()
    work = scratch()
    log = work / "portal.jsonl"
    try:
        with Portal(work, "--log", log, "--document-size", 3000, "--documents", 1000000) as portal:
            children = [start(options, work, f"{portal.url}/documents", number)
                        for number in range(options.processes)]
            deadline = time.monotonic() + options.requests * options.delay * 1.5 + 10
            # All are stopped together, so that the shares show who was served how often.
            while count(log) < options.requests and time.monotonic() < deadline:
                time.sleep(0.05)
            for child in children:
                child.terminate()
            for child in children:
                child.wait()
        report(options, work, log)
    finally:
        shutil.rmtree(work)


def start(options, work, base, number):
    records = work / f"{number}.jsonl"
    first = number * options.requests
    records.write_text("".join(
        f'{{"id":"{id}","url":"{base}/{id}.pdf"}}\n' for id in range(first + 1, first + options.requests)))
    return subprocess.Popen(
        [TOOLS / "fetch", "--workers", str(options.threads), "--state", work / f"state{number}",
         "--limiter", options.limiter or work / "limiter.sqlite", "--rate-limit-delay", str(options.delay), "-q"],
        stdin=open(records), stdout=open(work / f"{number}.out", "w"))


def count(log):
    return log.read_bytes().count(b"\n") if log.exists() else 0


def report(options, work, log):
    starts = sorted(json.loads(line)["start"] for line in log.read_text().splitlines())[: options.requests]
    gaps = [(after - before) / 1e6 for before, after in zip(starts, starts[1:])]
    span = (starts[-1] - starts[0]) / 1e9
    shares = [sum('"fetch":{' in line for line in open(work / f"{number}.out"))
              for number in range(options.processes)]
    fair = statistics.mean(shares)
    print(f"{options.processes} processes × {options.threads} threads, {options.delay * 1000:g} ms, "
          f"{len(starts)} requests in {span:.1f} s")
    print(f"  rate           {len(gaps) * options.delay / span:7.2%} of the permitted one")
    print(f"  smallest gap   {min(gaps):7.2f} ms; {sum(gap < options.delay * 990 for gap in gaps)} below 99 %")
    print(f"  shares         {min(shares) / fair:7.2f} to {max(shares) / fair:.2f} of an even one")


if __name__ == "__main__":
    main()
