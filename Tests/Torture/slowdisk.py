"""A disk whose syncs take time, as those of hard disks and network volumes do: strace holds each sync of fetch back. The
polite rate has to be reached all the same, because permissions are not synced. The portal's own log tells the rate, and
strace which files were synced."""

import re
import shutil
import subprocess

import oracle
import politeness
from pipeline import TOOLS, Pipeline, Skipped

WORKERS = 8
# Milliseconds that each sync takes, and seconds between requests. The short form goes beside others on machines that
# are busy, where the clock proves nothing: there the syncs are counted.
SHORT = [(20, 0.05)]
# Besides, the share of the permitted rate that has to be reached. Where each permission was synced three times, 20 ms
# left 66, 36 and 15 %.
LONG = [(held, delay, bar) for held in (0, 5, 10, 20) for delay, bar in ((0.1, 0.9), (0.05, 0.8), (0.02, 0.6))]
# A limiter is made, and told of the few things that have to outlive a power cut, with some four syncs in all.
SYNCS = 12


def short(dice):
    return run([(*case, 0) for case in SHORT], seconds=4)


def long(dice):
    return run(LONG, seconds=20)


def run(cases, seconds):
    if not shutil.which("strace"):
        raise Skipped("strace is not installed (scripts/install-dependencies)")
    figures, wrong = {}, []
    for held, delay, bar in cases:
        starts, syncs = _starts(held, delay, round(seconds / delay))
        share = (len(starts) - 1) * delay / (starts[-1] - starts[0]) if len(starts) > 1 else 0
        figures[f"share of the rate at {delay} s, syncs of {held} ms"] = f"{share:.0%}"
        figures[f"syncs of the limiter for {len(starts)} requests"] = syncs
        if share < bar:
            wrong.append(f"P6: {share:.0%} of the permitted rate at {delay} s, where each sync takes {held} ms")
        if syncs > SYNCS:
            wrong.append(f"P6: {syncs} syncs of the limiter for {len(starts)} requests; permissions are not synced")
        if not starts:
            wrong.append("P2: no request came")
    return figures, wrong


def _starts(held, delay, requests):
    """When the portal saw requests, in seconds, in order; and how often a file of the limiter was synced."""
    with Pipeline(requests // 2, workers=WORKERS, delay=delay) as pipeline:
        politeness.deal(pipeline, 1)
        calls = pipeline.own / "syncs"
        strace = ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-o", calls, "-e", "trace=fsync,fdatasync",
                  "-e", f"inject=fsync,fdatasync:delay_exit={held * 1000}"]
        with open(pipeline.own / "records0") as records:
            subprocess.run(
                [*strace, TOOLS / "fetch", "--stage", pipeline.own / "stage.yaml", "--state", pipeline.state,
                 "--portal-base", pipeline.base, "--workers", str(WORKERS), "--rate-limit-delay", str(delay), "-q"],
                stdin=records, stdout=subprocess.DEVNULL, env=pipeline.environment, check=True)
        starts = sorted(request["start"] / 1e9 for request in oracle.requests(pipeline.log))
        return starts, len(re.findall(r"sync\(\d+<[^>]*limiter", calls.read_text(errors="replace")))
