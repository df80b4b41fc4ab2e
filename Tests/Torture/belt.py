"""A belt to be broken: the sample portal, an index, a state directory and a bucket in a folder of their own, and
the five tools as five processes whose numbers are known."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "debug"))
NAMES = ["enqueue", "fetch", "optimize", "upload", "validate"]

STAGE = """\
description: every document of the sample
portals: [historical, mid]
key: '{book|pad:4}-{page|pad:4}.pdf'
books: [1-3971]
"""


class Belt:
    """All that one belt needs; `with Belt() as belt: …` removes it in the end."""

    def __init__(self, documents=200, workers=4, delay=0.002, portal=(), retry_wait="50ms"):
        self.documents, self.workers, self.delay, self.retry_wait = documents, workers, delay, retry_wait
        self.folder = Path(tempfile.mkdtemp(prefix="conveyor-torture-"))
        self.index, self.state = self.folder / "index.db", self.folder / "state"
        self.bucket, self.log = self.folder / "bucket", self.folder / "portal.jsonl"
        (self.folder / "stage.yaml").write_text(STAGE)
        sample = ["--documents", str(documents), "--document-size", "3000", *portal]
        self.portal = self._start_portal(sample)
        printed = subprocess.run(
            [TOOLS / "portal", *sample, "--print-index", "csv"], check=True, capture_output=True).stdout
        self.run(["enqueue", "--index", f"sqlite:{self.index}", "--import", "-", "--format", "csv"], input=printed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.portal.kill()
        self.portal.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_portal(self, sample):
        port = self.folder / "port"
        process = subprocess.Popen(
            [TOOLS / "portal", "--port-file", port, "--log", self.log, *sample],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not port.exists() or not port.read_text().strip():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the portal did not start")
            time.sleep(0.01)
        self.base = port.read_text().strip()
        return process

    def run(self, words, **more):
        """Runs a tool to its end."""
        return subprocess.run(
            [TOOLS / words[0], *words[1:]], env=self.environment, check=True, capture_output=True, **more)

    @property
    def environment(self):
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("CONVEYOR_")}
        return {**quiet, "CONVEYOR_STAGES_DIR": str(ROOT / "stages"), "CONVEYOR_PORTALS_DIR": str(ROOT / "portals")}

    def commands(self):
        """The five command lines."""
        stage, common = ["--stage", self.folder / "stage.yaml"], ["--log-file", self.state / "conveyor.log", "-q"]
        index, spool = ["--index", f"sqlite:{self.index}"], ["--spool", self.state / "spool"]
        return [
            ["enqueue", *index, *stage, "--workers", self.workers, *common],
            ["fetch", *stage, "--state", self.state, *spool, "--portal-base", self.base, "--workers", self.workers,
             "--rate-limit-delay", self.delay, "--retry-base", "0.05", *common],
            ["optimize", *common],
            ["upload", "--to", self.bucket, *stage, *common],
            ["validate", "--settle", *index, *stage, *spool, "--no-records", "--progress", "never",
             "--retry-wait", self.retry_wait, *common],
        ]

    def start(self, prefix=None):
        """Starts the five; `prefix` maps a tool's name to words that go before its command line."""
        self.state.mkdir(exist_ok=True)
        processes, source = [], subprocess.DEVNULL
        for words in self.commands():
            name = words[0]
            line = [*(prefix or {}).get(name, []), TOOLS / name, *words[1:]]
            process = subprocess.Popen(
                [str(word) for word in line], stdin=source,
                stdout=subprocess.DEVNULL if name == "validate" else subprocess.PIPE,
                stderr=open(self.folder / f"{name}.err", "ab"), env=self.environment)
            if source is not subprocess.DEVNULL:
                source.close()
            source = process.stdout
            processes.append(process)
        return processes

    def wait(self, processes, seconds=60):
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

    def finish(self, seconds=120):
        """Runs the belt to its end, as often as documents come back; returns whether it never hung."""
        return self.wait(self.start(), seconds)

    def orphans(self):
        """Processes other than the portal that still work in this folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) in (self.portal.pid, os.getpid()):
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                found.append(line)
        return found
