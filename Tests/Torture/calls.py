"""Every system call of a run of three documents: the process killed at the n-th, then the n-th failed, with strace.
After each the pipeline runs again untouched, and the oracle looks.

strace counts for each thread and each system call by itself. What the loader does before main is left out, so calls
that it makes, too, are met in two ways: behind its own from the start, and from the first one on once the tool waits
for its input. A point is (tool, from when, call, n, what happens there)."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import oracle
from pipeline import NAMES, TOOLS, Pipeline, Skipped, crashed, side_by_side, until

# What a disk, a network or a limit may answer. Out of memory is left out: Swift ends a process that gets none.
DISK, NETWORK = ["ENOSPC", "EIO"], ["ECONNRESET", "ETIMEDOUT"]
FAILURES = {
    **dict.fromkeys(["write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "link", "linkat", "mkdir"], DISK),
    **dict.fromkeys(["read", "pread64", "unlink", "fstat", "newfstatat", "getdents64", "lseek"], ["EIO"]),
    "openat": ["EMFILE", "ENOSPC", "EACCES"], "socket": ["EMFILE"], "pipe2": ["EMFILE"], "dup2": ["EMFILE"],
    "clone": ["EAGAIN"], "clone3": ["EAGAIN"], "vfork": ["EAGAIN"], "execve": ["EAGAIN"], "fcntl": ["ENOLCK"],
    "connect": ["ECONNREFUSED", "ENETUNREACH"], "sendto": [*NETWORK, "EPIPE"], "recvfrom": NETWORK, "poll": ["EINTR"],
    # One that fails in strace is not made, and a pipe that stays open is no failure of close(2).
    "sendfile": DISK, "copy_file_range": DISK, "close": [],
}
# Errors that are the portal's: they may use up an attempt.
PORTAL = {"connect", "sendto", "recvfrom"}


def short(dice):
    return run(dice, most=4)


def long(dice):
    # All of those of the four, and as many of optimize, most of whose are Ghostscript's.
    return run(dice, most=1000)


def run(dice, most):
    """Tries so many points of each tool, drawn by lot."""
    if not shutil.which("strace"):
        raise Skipped("strace is not installed (scripts/install-dependencies)")
    points, chosen = 0, []
    with _pipeline() as pipeline:
        for name in NAMES:
            all_of_it = list(_points(pipeline, name))
            points += len(all_of_it)
            chosen += dice.sample(all_of_it, min(most, len(all_of_it)))
    shares = [chosen[start::8] for start in range(min(8, len(chosen)))]
    figures, wrong = side_by_side(dice, [lambda _, share=share: _share(share) for share in shares])
    return {"points": points, **figures}, wrong


def _pipeline():
    return Pipeline(3, workers=1, delay=0)


def _points(pipeline, tool):
    """All points of an untouched run."""
    trace = pipeline.own / "trace"
    strace = ["strace", "-f", "-qq", "-o", trace]
    subprocess.run([*strace, TOOLS / tool, "--help"], check=True, stdout=subprocess.DEVNULL)
    loader = _most(trace)
    for since in ["start", "input"] if tool != "enqueue" else ["start"]:
        _reset(pipeline, tool)
        _run(pipeline, tool, since, ["-o", trace])
        for call, count in sorted(_most(trace).items()):
            first = loader.get(call, 0) + 1 if since == "start" else 1
            if since == "start" or call in loader:
                for number in range(first, count + 1):
                    yield from ((tool, since, call, number, fault) for fault in ["SIGKILL", *FAILURES[call]])


def _run(pipeline, tool, since, options):
    """Runs the pipeline, one tool of it under strace from its start, or once it waits for its input. Returns the five
    processes, and whether they ended in time."""
    strace = ["strace", "-f", "-qq", *options]
    if since == "start":
        processes = pipeline.start({tool: strace})
        return processes, pipeline.wait(processes)
    gate = pipeline.own / "gate"
    gate.unlink(missing_ok=True)
    processes = pipeline.start({"enqueue": ["sh", "-c", f'until [ -e {gate} ]; do sleep 0.02; done; exec "$0" "$@"']})
    traced = Path(f"/proc/{processes[NAMES.index(tool)].pid}")
    # Threads that run wait for nothing: "0".
    until(lambda: len(waits := _threads(traced, "wchan")) > 3 and "0" not in waits, 5)
    with subprocess.Popen([*strace, "-p", traced.name], stderr=subprocess.DEVNULL):
        until(lambda: not any("TracerPid:\t0\n" in status for status in _threads(traced, "status")), 5)
        gate.touch()
        return processes, pipeline.wait(processes)


def _threads(process, name):
    said = []
    for thread in (process / "task").iterdir():
        try:
            said.append((thread / name).read_text())
        except (FileNotFoundError, ProcessLookupError):
            pass  # It has ended since.
    return said


def _most(trace):
    """How often each call of interest was made by the thread that made it most often."""
    most = {}
    for (_, call), count in Counter(re.findall(r"^(\d+) +(\w+)\(", trace.read_text(errors="replace"), re.M)).items():
        if call in FAILURES:
            most[call] = max(most.get(call, 0), count)
    return most


def _reset(pipeline, tool):
    """The pipeline as it was in the beginning; with Ghostscript only where its calls count, because it takes its time,
    and with limits that end it soon where a failed call has it run for ever."""
    engine = "ghostscript" if tool == "optimize" else "images"
    pipeline.options["optimize"] = ["--engine", engine, "--timeout", "5s"]
    for folder in (pipeline.state, pipeline.bucket):
        shutil.rmtree(folder, ignore_errors=True)
    kept, index = pipeline.own / "index.kept", pipeline.folder / "index.db"
    if not kept.exists():
        shutil.copy(index, kept)
    (pipeline.folder / "index.db-journal").unlink(missing_ok=True)
    shutil.copy(kept, index)


def _share(points):
    kills = sum(point[-1] == "SIGKILL" for point in points)
    figures, wrong = {"tried": len(points), "killed": kills, "failed": len(points) - kills, "hangs": 0}, []
    with _pipeline() as pipeline:
        for point in points:
            _reset(pipeline, point[0])
            hung, said = _try(pipeline, *point)
            figures["hangs"] += hung
            wrong += [f"{text} [{' '.join(map(str, point))}]" for text in said]
    return figures, wrong


def _try(pipeline, tool, since, call, number, fault):
    how = f"signal={fault}" if fault == "SIGKILL" else f"error={fault}"
    inject = ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{how}:when={number}"]
    processes, ended = _run(pipeline, tool, since, inject)
    hung = not ended
    wrong = ["P2: the pipeline hung"] if hung else []
    wrong += [f"P9: still running: {line}" for line in pipeline.orphans()]
    pipeline.clear()
    wrong += crashed(processes)
    wrong += oracle.check(pipeline, is_over=False)
    wrong += pipeline.finish()
    wrong += oracle.check(pipeline, counts_pages=True)
    for row in oracle.index_rows(pipeline.index):
        if row["download_status"] != "completed":
            wrong.append(f"P12: document {row['id']} is {row['download_status']}: {row['download_error']}")
        elif row["download_attempts"] != 1 and not (tool == "fetch" and call in PORTAL):
            wrong.append(f"P12: document {row['id']} used up {row['download_attempts']} attempts")
    return hung, wrong
