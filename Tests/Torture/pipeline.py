"""A pipeline to be broken: the sample portal, an index, a state directory and a bucket in a folder of their own, and
the five tools as five processes whose numbers are known."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "debug"))
# The portal files name a real server: what gets no address from here asks none.
os.environ["CONVEYOR_PORTAL_BASE"] = "http://127.0.0.1:1/"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
# Seconds after which a thing is said to hang. Trials go side by side, with a debug build, on machines that may have
# other work, too (and with Ghostscript, or a lock that is waited for, minutes are due): less would judge the machine.
HANG = 900
NAMES = ["enqueue", "fetch", "optimize", "upload", "validate"]

STAGE = """\
description: every document of the sample
portals: [historical, mid]
key: '{book|pad:4}-{page|pad:4}.pdf'
books: [1-3971]
"""


class Skipped(Exception):
    """A trial that cannot be made on this machine, and why."""


def side_by_side(dice, trials):
    """Makes trials, eight at once, each with dice of its own that follow from the first ones. Each returns figures
    and what was wrong; so does this, for all."""
    figures, wrong = {}, []
    with ThreadPoolExecutor(8) as pool:
        for some, said in pool.map(lambda trial, seed: trial(random.Random(seed)),
                                   trials, [dice.random() for _ in trials]):
            add(figures, some)
            wrong += said
    return figures, wrong


class Longest(float):
    """A figure of which the largest counts, and not the sum."""

    def __add__(self, other):
        return Longest(max(self, other))

    def __str__(self):
        return f"{float(self):.2f}"


def add(figures, more):
    """Adds up figures of several trials."""
    for key, value in more.items():
        figures[key] = figures[key] + value if key in figures else value


def at(clock):
    """Words and environment that let a program live at another time, as `faketime` writes it, or as a file says
    (`@file`). Through a shell, because libfaketime sets a variable in the program that meets it first, and Swift then
    finds no arguments. The monotonic clock, which nobody can set, stays true."""
    if not FAKETIME.exists():
        raise Skipped("libfaketime is not installed (scripts/install-dependencies)")
    setting = f"FAKETIME_TIMESTAMP_FILE={clock[1:]}" if clock.startswith("@/") else f"FAKETIME={clock}"
    return ["env", f"LD_PRELOAD={FAKETIME}", setting, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "sh", "-c", 'exec "$0" "$@"']


def forget_clocks():
    """Removes the memory that libfaketime shares in the name of processes that are no more."""
    for file in Path("/dev/shm").glob("*faketime_s*_*"):
        if not Path("/proc", file.name.rpartition("_")[2]).exists():
            with suppress(OSError):  # Another user's are that user's to remove.
                file.unlink()


class Pipeline:
    """All that one pipeline needs; `with Pipeline() as pipeline: …` removes it in the end."""

    def __init__(self, documents=200, workers=4, delay=0.002, portal=(), retry_wait="50ms", engine="auto",
                 folder=None, index=None, variables=None):
        self.documents, self.workers, self.delay, self.retry_wait = documents, workers, delay, retry_wait
        self.own = Path(tempfile.mkdtemp(prefix="conveyor-torture-"))
        self.folder = Path(folder or self.own)
        self.state, self.bucket, self.log = self.folder / "state", self.folder / "bucket", self.own / "portal.jsonl"
        self.index = index or f"sqlite:{self.folder / 'index.db'}"
        self.options, self.variables = {"optimize": ["--engine", engine]}, variables or {}
        self.sessions, self.last_end = set(), "nothing"
        (self.own / "stage.yaml").write_text(STAGE)
        self.sample = ["--documents", str(documents), "--document-size", "3000", *portal]
        self.portal = self._start_portal()
        self.fill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.portal.kill()
        self.portal.wait()
        self.clear()
        forget_clocks()
        shutil.rmtree(self.own, ignore_errors=True)

    def _start_portal(self):
        port = self.own / "port"
        process = subprocess.Popen(
            [TOOLS / "portal", "--port-file", port, "--log", self.log, *self.sample],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not until(lambda: port.exists() and port.read_text().strip(), process=process):
            raise SystemExit("the portal did not start")
        self.base = port.read_text().strip()
        return process

    def fill(self):
        """Imports the portal's index."""
        if self.index.startswith("postgres"):
            self.run(["enqueue", "init", "--index", self.index])
        printed = subprocess.run(
            [TOOLS / "portal", *self.sample, "--print-index", "csv"], check=True, capture_output=True).stdout
        self.run(["enqueue", "import", "-", "--index", self.index, "--format", "csv"], input=printed)

    def run(self, words, check=True, variables=None, **more):
        """Runs a tool to its end."""
        return subprocess.run(
            [str(word) for word in (TOOLS / words[0], *words[1:])], env={**self.environment, **(variables or {})},
            check=check, capture_output=True, **more)

    @property
    def environment(self):
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("CONVEYOR_")}
        return {**quiet, "CONVEYOR_STAGES_DIR": str(ROOT / "stages"), "CONVEYOR_PORTALS_DIR": str(ROOT / "portals"),
                **self.variables}

    def commands(self):
        """The five command lines; `options` maps a tool's name to further words."""
        stage, common = ["--stage", self.own / "stage.yaml"], ["--log-file", self.state / "conveyor.log", "-q"]
        index, spool = ["--index", self.index], ["--spool", self.state / "spool"]
        lines = [
            ["enqueue", *index, *stage, "--workers", self.workers, *common],
            ["fetch", *stage, "--state", self.state, *spool, "--portal-base", self.base, "--workers", self.workers,
             "--rate-limit-delay", self.delay, "--retry-base", "0.05", *common],
            ["optimize", *common],
            ["upload", "--to", self.bucket, *stage, *common],
            ["validate", "--settle", *index, *stage, *spool, "--progress", "never", "--retry-wait", self.retry_wait,
             *common],
        ]
        return [line + self.options.get(line[0], []) for line in lines]

    def start(self, prefix=None, count=5, output=subprocess.DEVNULL, environment=None):
        """Starts the first `count` of the five, the last of which writes to `output`; `prefix` maps a tool's name
        to words that go before its command line."""
        if environment is None:
            environment = self.environment
        self.state.mkdir(exist_ok=True)
        processes, source = [], subprocess.DEVNULL
        for words in self.commands()[:count]:
            name = words[0]
            line = [*(prefix or {}).get(name, []), TOOLS / name, *words[1:]]
            is_last = len(processes) == count - 1
            with open(self.own / f"{name}.err", "ab") as errors:
                process = subprocess.Popen(
                    [str(word) for word in line], stdin=source, stdout=output if is_last else subprocess.PIPE,
                    stderr=errors, env=environment, start_new_session=True)
            self.sessions.add(process.pid)
            if source is not subprocess.DEVNULL:
                source.close()
            source = process.stdout
            processes.append(process)
        return processes

    def wait(self, processes, seconds=HANG):
        """Waits for all; returns whether they ended by themselves in time."""
        deadline = time.monotonic() + seconds
        for process in processes:
            try:
                process.wait(max(0.01, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                for other in processes:
                    other.send_signal(signal.SIGKILL)
                    other.wait()
                return False
        return True

    def finish(self, seconds=HANG):
        """Runs the pipeline to its end, as often as documents come back. Returns what was wrong: that it hung, or that a
        tool did not come to an orderly end. `last_end` is how each ended, and its last words."""
        for name in NAMES:
            (self.own / f"{name}.err").unlink(missing_ok=True)
        processes = self.start()
        if not self.wait(processes, seconds):
            return ["P2: the last run hung"]
        codes = {name: process.returncode for name, process in zip(NAMES, processes)}
        said = [(self.own / f"{name}.err").read_text(errors="replace").splitlines()[-1:] for name in codes]
        self.last_end = f"{codes}: {said}"
        return [] if set(codes.values()) <= {0, 3} else [f"P2: the last run ended with {self.last_end}"]

    def orphans(self):
        """Processes of this pipeline, and what they started, that are still there half a minute after the others ended."""
        until(lambda: not self._orphans(), 30)
        return list(self._orphans().values())

    def clear(self):
        """Ends what was left behind."""
        for process in self._orphans():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _orphans(self):
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) in (self.portal.pid, os.getpid()):
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                # Behind the name, which may hold anything: state, parent, group, session (proc(5)).
                state, _, _, session = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:4]
            except OSError:
                continue
            # Workers and Ghostscript name no folder of ours, but stay in the session of their tool.
            if state != "Z" and (int(session) in self.sessions or str(self.own) in line):
                found[int(entry.name)] = line
        return found


def crashed(processes, names=NAMES):
    """Tools that ended by a signal of their own making: a trap, an abort, a segmentation fault."""
    own = {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE}
    return [f"{name} crashed: {signal.Signals(-process.returncode).name}"
            for name, process in zip(names, processes)
            if process.returncode is not None and process.returncode < 0 and -process.returncode in own]


def until(condition, seconds=HANG, process=None):
    """Waits for a condition; returns whether it came true in time, and while a process lived."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            return False
        time.sleep(0.01)
    return True
