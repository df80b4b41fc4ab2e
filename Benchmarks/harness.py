"""What all comparisons share: run a command as a whole process, measure it, print medians and ratios."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "release"))


class Sample:
    """One run: seconds on the clock, seconds of processor time, peak memory in MiB."""

    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


def measure(command, stdin=None, stdout=None, env=None, may_fail=False):
    """Runs a command (a list, or a string for bash) to its end."""
    import time

    argv = ["bash", "-c", command] if isinstance(command, str) else [str(part) for part in command]
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    sink = open(stdout, "wb") if stdout else subprocess.DEVNULL
    began = time.monotonic()
    child = subprocess.Popen(argv, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=env)
    # Drained first: a child that fills the pipe would wait for ever.
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if child.returncode != 0 and not may_fail:
        sys.exit(f"{argv[:3]}… ended with {child.returncode}: {errors[-2000:].decode(errors='replace')}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(samples, figure):
    return statistics.median(getattr(sample, figure) for sample in samples)


def rounds(contenders, runs):
    """Runs all contenders in turn, so that a machine that drifts drifts for all of them.

    contenders: name -> function that runs once and returns a Sample. Returns name -> list of samples.
    """
    results = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            results[name].append(run())
    return results


def table(title, results, items, ours):
    """Prints a line for each contender: items per second, processor time an item, memory, ratio."""
    print(f"\n{title}")
    print(f"  {'':26}{'per second':>12}{'cpu ms each':>13}{'MiB':>8}{'ours ÷ it':>11}")
    best = items / median(results[ours], "wall")
    for name, samples in results.items():
        rate = items / median(samples, "wall")
        cpu = median(samples, "cpu") * 1000 / items
        memory = median(samples, "memory")
        print(f"  {name:26}{rate:12,.0f}{cpu:13.3f}{memory:8.0f}{best / rate:11.2f}")
    sys.stdout.flush()


def scratch():
    """A directory on tmpfs: creating and deleting thousands of files hides every difference on some
    file systems."""
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(tempfile.mkdtemp(prefix="conveyor-bench-", dir=base))


def emptied(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def need(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; apt-get install nginx-light aria2 wget2 curl sqlite3")
