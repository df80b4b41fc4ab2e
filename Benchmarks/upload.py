#!/usr/bin/env python3
"""upload against Google's own client (transfer_manager, eight workers), on the same store in the same run.

The fast store is `portal --store`, which drops what it gets; a fresh one for each run. Google's client
compares CRC32C, as ours does; ours notes SHA-256 besides, and asks before it sends. So there is a third that
notes SHA-256, too, and `curl --parallel`, which computes nothing, as the floor. Beneath each table stand the
targets, and whether this run met them. The emulator is gcp-storage-emulator, for truth: its own client reads
back what upload put there. Start-up (an empty directory) is measured apart and taken off, for an
interpreter's imports are not its uploading; memory is that of the whole process.

Needs: release builds of upload and portal, and `make test-servers` for the client and the emulator.
"""

import argparse
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import ROOT, TOOLS, Portal, Sample, emptied, measure, median, rounds, scratch, table, target

PYTHON = ROOT / ".build" / "venv" / "bin" / "python"
OURS = "upload (ours)"
THREADS, PROCESSES, SAME_WORK = "transfer_manager, threads", "transfer_manager, procs", "threads, SHA-256 noted"
PEERS = {THREADS: "thread plain", PROCESSES: "process plain", SAME_WORK: "thread sha256"}
FLOOR = "curl, no checksums"
WORKLOADS = {"small": (500, 100_000, "500 objects of 100 KB"), "large": (20, 20_000_000, "20 objects of 20 MB")}


def fast_store(work):
    return Portal(work, "--store")


class Emulator:
    def __init__(self, work):
        self.process = subprocess.Popen(
            [PYTHON, ROOT / "Tests" / "StoreTests" / "Servers" / "serve.py", "gs", "bench"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{json.loads(self.process.stdout.readline())['port']}"

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Job:
    """The files of one workload, and the two ways of sending them."""

    def __init__(self, work, count, size, make_store):
        self.work, self.make_store = work, make_store
        self.files, self.empty = emptied(work / "files"), emptied(work / "empty")
        for number in range(count):
            # In pieces: what this process grows to counts as the peak of the children that it forks.
            with open(self.files / f"{number}.pdf", "wb") as file:
                for _ in range(size // 100_000):
                    file.write(os.urandom(100_000))

    def run(self, command, check=None):
        """One run on a fresh store, without what it costs to start."""
        store = self.make_store(self.work)
        try:
            env = {**os.environ, "STORAGE_EMULATOR_HOST": store.url, "BENCH_FILES": str(self.empty)}
            idle = measure(command, env=env)
            full = measure(command, env={**env, "BENCH_FILES": str(self.files)})
            if check:
                check(store.url)
        finally:
            store.stop()
        sample = Sample(full.wall - idle.wall, full.cpu - idle.cpu, full.memory)
        sample.whole_wall, sample.whole_cpu, sample.idle_memory = full.wall, full.cpu, idle.memory
        return sample

    def ours(self, check=None):
        return self.run(
            f"find \"$BENCH_FILES\" -name '*.pdf' | '{TOOLS}/upload' --from-list --key-template '{{id|slug}}' "
            "--to gs://bench --workers 8 > /dev/null", check)

    def peer(self, name):
        script = ROOT / "Benchmarks" / "peers" / "transfer_manager.py"
        return self.run(f"'{PYTHON}' '{script}' {PEERS[name]} bench \"$BENCH_FILES\"")

    def floor(self):
        return self.run(
            "set -- \"$BENCH_FILES\"/*.pdf; [ -e \"$1\" ] || exit 0; for file; do "
            "[ \"$file\" = \"$1\" ] || echo next; echo \"header = Expect:\"; echo \"request = POST\"; echo \"upload-file = $file\"; echo \"output = /dev/null\"; "
            "echo \"url = $STORAGE_EMULATOR_HOST/upload/storage/v1/b/bench/o?uploadType=media&name=${file##*/}"
            "&ifGenerationMatch=0\"; done | curl --silent --fail --parallel --parallel-max 8 --config -")

    def read_back(self, url):
        """Every object is there, once, with the MD5 of its file, says the official client."""
        os.environ["STORAGE_EMULATOR_HOST"] = url
        listing = subprocess.run(
            [PYTHON, "-c", "from google.cloud.storage import Client\n"
             "from google.auth.credentials import AnonymousCredentials\n"
             "import base64\n"
             "client = Client(project='test', credentials=AnonymousCredentials())\n"
             "for blob in client.list_blobs('bench'): print(base64.b64decode(blob.md5_hash).hex())"],
            check=True, capture_output=True, text=True).stdout.split()
        expected = [hashlib.md5(path.read_bytes()).hexdigest() for path in self.files.iterdir()]
        if sorted(listing) != sorted(expected):
            sys.exit(f"the emulator has {len(listing)} objects, and not the {len(expected)} expected")
        print(f"  read back by the official client: {len(listing)} of {len(expected)} right")


def summary(title, results):
    """The ratios, also of whole processes; memory is that of the largest process, and beside it what it
    was before the first document came."""
    for name, samples in results.items():
        idle = median(samples, "idle_memory")
        print(f"  {name:26}{idle:6.0f} MiB before the first object, "
              f"{median(samples, 'memory') - idle:.0f} MiB for all of them")
    def ratio(name, figure):
        return median(results[name], figure) / median(results[OURS], figure)

    for name in [*PEERS, FLOOR]:
        print(f"  against {name}: {ratio(name, 'wall'):.1f} × the objects per second "
              f"({ratio(name, 'whole_wall'):.1f} × with start-up), 1/{ratio(name, 'cpu'):.1f} of the processor "
              f"time (1/{ratio(name, 'whole_cpu'):.1f} with start-up), 1/{ratio(name, 'memory'):.1f} of the memory")
    def floor(figure):
        return median(results[THREADS], figure) / median(results[FLOOR], figure)

    print(f"  the floor against {THREADS}: {floor('wall'):.1f} × the objects per second, "
          f"1/{floor('cpu'):.1f} of the processor time, 1/{floor('memory'):.1f} of the memory: what libcurl "
          "takes before anything is computed")
    for name in (THREADS, SAME_WORK):
        target(f"{title}: processor time ÷ {name}", 1 / ratio(name, "cpu"), most=0.2)
        target(f"{title}: memory ÷ {name}", 1 / ratio(name, "memory"), most=0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--store", nargs="*", default=["fast", "emulator"], choices=["fast", "emulator"])
    options = parser.parse_args()
    if not (ROOT / ".build" / "venv" / "ready").exists():
        sys.exit("the official client is missing: run `make test-servers`")
    for tool in ("upload", "portal"):
        if not (TOOLS / tool).exists():
            sys.exit(f"{TOOLS / tool} is missing: run `swift build -c release --product {tool}`")
    work = scratch()
    try:
        for workload in options.only:
            count, size, title = WORKLOADS[workload]
            if "fast" in options.store:
                job = Job(work, count, size, fast_store)
                peers = {name: functools.partial(job.peer, name) for name in PEERS}
                results = rounds({OURS: job.ours} | peers | {FLOOR: job.floor}, options.runs)
                fast = f"{title}, to the fast store"
                table(fast, results, count, OURS, least={THREADS: 3, SAME_WORK: 3})
                summary(fast, results)
            if "emulator" in options.store:
                job = Job(work, count, size, Emulator)
                # For truth, not for speed: it answers some dozen requests a second, whoever asks.
                table(f"{title}, to the emulator", {OURS: [job.ours(job.read_back)]}, count, OURS)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
