"""Very many documents in one run, with a twentieth of the portal's answers wrong: memory and descriptors of all five
tools stay flat, and all is settled."""

import os
import time
from pathlib import Path

import oracle
from pipeline import NAMES, Pipeline

FAULTS = ["500=1%", "503=0.5%", "429=0.5%", "reset=1%", "short=1%", "html=0.5%", "empty=0.5%"]


def long(dice):
    return run(dice, documents=20_000)


def run(dice, documents):
    portal = [word for fault in FAULTS for word in ("--fault", fault)] + ["--retry-after", "0"]
    with Pipeline(documents, workers=8, delay=0, portal=portal, engine="images") as pipeline:
        processes = pipeline.start()
        samples = {name: [] for name in NAMES}
        deadline = time.monotonic() + 3600
        while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
            time.sleep(2)
            for name, process in zip(NAMES, processes):
                samples[name] += _sample(process.pid)
        pipeline.wait(processes, 0.1)
        wrong = [f"P2: {name} ended with {process.returncode}"
                 for name, process in zip(NAMES, processes) if process.returncode not in (0, 3)]
        wrong += oracle.check(pipeline)
        again = oracle.refetched(pipeline.log)
        states = [row["download_status"] for row in oracle.index_rows(pipeline.index)]
    figures = {"documents": documents, "completed": states.count("completed"), "failed": states.count("failed"),
               "scans sent again": again}
    for name, taken in samples.items():
        # What a tool has after a third of the run is what it needs.
        settled = taken[len(taken) // 3:] or [(0, 0)]
        first, last = settled[0], settled[-1]
        slope = _slope([memory for memory, _ in settled]) * len(settled) / (documents * 2 / 3) * 1000
        figures[name] = f"{last[0] >> 10} MiB {slope:+.0f} KiB/1,000 {first[1]}→{last[1]} fds"
        if last[0] > first[0] * 1.1 + (8 << 10):
            wrong.append(f"P9: {name} grew from {first[0]} to {last[0]} KiB")
        if last[1] > first[1] + 4:
            wrong.append(f"P9: {name} went from {first[1]} to {last[1]} descriptors")
    return figures, wrong


def _sample(process):
    """Resident memory in KiB, and open descriptors; nothing of a process that has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        memory = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
        return [(memory[0], len(os.listdir(f"/proc/{process}/fd")))] if memory else []
    except OSError:
        return []


def _slope(values):
    """What each value is more than the one before, by least squares."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    above = sum((place - middle) * (value - mean) for place, value in enumerate(values))
    return above / max(1, sum((place - middle) ** 2 for place in range(len(values))))
