"""A disk whose syncs take time, as those of hard disks and network volumes do: strace holds each sync of fetch back. The
polite rate has to be reached all the same, because permissions are not synced; only the portal's own log counts."""

import shutil
import subprocess

import oracle
import politeness
from pipeline import TOOLS, Pipeline, Skipped

WORKERS = 8
# Milliseconds that each sync takes, seconds between requests, and the share of the permitted rate that has to be
# reached. Where each permission was synced three times, 20 ms left 66, 36 and 15 %.
SHORT = [(20, 0.05, 0.6)]
LONG = [(held, delay, bar) for held in (0, 5, 10, 20) for delay, bar in ((0.1, 0.9), (0.05, 0.8), (0.02, 0.6))]


def short(dice):
    return run(SHORT, seconds=4)


def long(dice):
    return run(LONG, seconds=20)


def run(cases, seconds):
    if not shutil.which("strace"):
        raise Skipped("strace is not installed (scripts/install-dependencies)")
    figures, wrong = {}, []
    for held, delay, bar in cases:
        starts = _starts(held, delay, round(seconds / delay))
        share = (len(starts) - 1) * delay / (starts[-1] - starts[0]) if len(starts) > 1 else 0
        figures[f"share of the rate at {delay} s, syncs of {held} ms"] = f"{share:.0%}"
        if share < bar:
            wrong.append(f"P6: {share:.0%} of the permitted rate at {delay} s, where each sync takes {held} ms")
    return figures, wrong


def _starts(held, delay, requests):
    """When the portal saw requests, in seconds, in order."""
    with Pipeline(requests // 2, workers=WORKERS, delay=delay) as pipeline:
        politeness.deal(pipeline, 1)
        strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
                  "-e", f"inject=fsync,fdatasync:delay_exit={held * 1000}"]
        with open(pipeline.own / "records0") as records:
            subprocess.run(
                [*strace, TOOLS / "fetch", "--stage", pipeline.own / "stage.yaml", "--state", pipeline.state,
                 "--portal-base", pipeline.base, "--workers", str(WORKERS), "--rate-limit-delay", str(delay), "-q"],
                stdin=records, stdout=subprocess.DEVNULL, env=pipeline.environment, check=True)
        return sorted(request["start"] / 1e9 for request in oracle.requests(pipeline.log))
