"""Local trouble: a full disk, a read-only one, few descriptors, no HOME, a clock that stands in 1970. The run ends
with the right code or goes on; no document pays for it; and once the trouble is over, all goes on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import oracle
from pipeline import FAKETIME, NAMES, Pipeline, Skipped, at, crashed, side_by_side, until


def short(dice):
    return run(dice, 1, _small_spool(documents=150, size=1 << 20, away=3))


def long(dice):
    return run(dice, 20, _small_spool(documents=2000, size=8 << 20, away=30))


def run(dice, times, small_spool):
    if os.geteuid() != 0:
        raise Skipped("full and read-only disks are mounted, which takes root")
    disks = [_disk(place, how) for place in ("state", "bucket", "index") for how in ("full", "read-only")]
    return side_by_side(dice, (disks + [_descriptors, _no_home, _old_clock]) * times + [small_spool])


def _unpaid(pipeline, what):
    """Documents that paid for it with an attempt."""
    for row in oracle.index_rows(pipeline.index):
        if row["download_attempts"] > (1 if row["download_status"] in ("completed", "in_progress") else 0):
            yield (f"P12: document {row['id']} ({row['download_status']}, {row['error_class']}) has "
                   f"{row['download_attempts']} attempts after {what}: {row['download_error']}")


def _resume(pipeline, what, processes):
    wrong = [f"{text} with {what}" for text in crashed(processes)]
    wrong += [f"{text} with {what}" for text in oracle.check(pipeline, is_over=False)] + list(_unpaid(pipeline, what))
    wrong += [f"{text} (resumed after {what})" for text in pipeline.finish() + oracle.check(pipeline)]
    wrong += [f"P12: document {row['id']} has {row['download_attempts']} attempts in the end, after {what}"
              for row in oracle.index_rows(pipeline.index) if row["download_attempts"] != 1]
    return wrong


def _disk(place, how):
    """A small file system of its own below one part of the pipeline, which is full or read-only."""
    def trial(dice):
        what, wrong = f"{place} on a {how} disk", []
        with Pipeline(20, engine="images") as pipeline:
            mount = pipeline.own / "mount"
            mount.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount], check=True)
            try:
                _move(pipeline, place, mount)
                _spoil(how, mount, room=dice.choice([0, 4, 20, 40]) * 1024)
                processes = pipeline.start()
                if not pipeline.wait(processes):
                    wrong.append(f"P12: the pipeline hung with {what}")
                codes = {name: process.returncode for name, process in zip(NAMES, processes)}
                is_done = all(row["download_status"] == "completed" for row in oracle.index_rows(pipeline.index))
                if not is_done and not {69, 74, 77}.intersection(codes.values()):
                    wrong.append(f"P12: nobody said that there is {what}: {codes}")
                wrong += [f"P12: {name} ended with {code} with {what}" for name, code in codes.items()
                          if code not in (0, 3, 69, 74, 77)]
                subprocess.run(["mount", "-o", "remount,rw,size=16m", mount], check=True)
                wrong += _resume(pipeline, what, processes)
            finally:
                subprocess.run(["umount", "--lazy", mount], check=True)
        return {how: 1, "hangs": 0}, wrong
    return trial


def _small_spool(documents, size, away):
    """More documents than the spool's disk has room for; --spool-limit is half of it, and for some seconds the store
    takes none. Nothing fails, and no attempt is used up."""
    def trial(dice):
        with Pipeline(documents, engine="images") as pipeline:
            spool = pipeline.state / "spool"
            spool.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", spool], check=True)
            pipeline.options["fetch"] = ["--spool-limit", size // 2]
            try:
                processes = pipeline.start()
                begun = until(lambda: pipeline.bucket.is_dir() and any(pipeline.bucket.rglob("*.pdf")), 30)
                wrong = [] if begun else ["P12: with a small spool nothing was uploaded"]
                upload = processes[NAMES.index("upload")]
                upload.send_signal(signal.SIGSTOP)
                time.sleep(away)
                upload.send_signal(signal.SIGCONT)
                if not pipeline.wait(processes, 300):
                    wrong.append("P12: with a small spool the pipeline hung")
                wrong += [f"P12: with a small spool {name} ended with {process.returncode}"
                          for name, process in zip(NAMES, processes) if process.returncode != 0]
                wrong += [f"P12: document {row['id']} is {row['download_status']} after {row['download_attempts']} attempts "
                          f"with a small spool: {row['download_error']}" for row in oracle.index_rows(pipeline.index)
                          if (row["download_status"], row["download_attempts"]) != ("completed", 1)]
                log = (pipeline.state / "conveyor.log").read_text(errors="replace")
                wrong += [f"P12: {log.count('No space left')} times no space was left in a limited spool"] * (
                    "No space left" in log)
            finally:
                subprocess.run(["umount", "--lazy", spool], check=True)
            return {"small spool": 1}, wrong + oracle.check(pipeline)
    return trial


def _move(pipeline, place, mount):
    if place == "index":
        file = Path(pipeline.index.removeprefix("sqlite:"))
        (mount / file.name).write_bytes(file.read_bytes())
        pipeline.index = f"sqlite:{mount / file.name}"
    else:
        (mount / place).mkdir()
        setattr(pipeline, place, mount / place)


def _spoil(how, mount, room):
    if how == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
    else:
        # A few documents still fit.
        with open(mount / "filler", "wb", buffering=0) as filler:
            free = os.statvfs(mount)
            filler.write(bytes(max(0, free.f_bavail * free.f_bsize - room)))


def _descriptors(dice):
    """Too few descriptors for some of the tools, or just enough."""
    limit = dice.choice([12, 16, 20, 24, 32])
    what = f"{limit} descriptors"
    with Pipeline(20, engine="images") as pipeline:
        few = ["prlimit", f"--nofile={limit}:{limit}"]
        processes = pipeline.start(prefix={name: few for name in NAMES})
        wrong = [] if pipeline.wait(processes) else [f"P12: with {what} the pipeline hung"]
        wrong += [f"P12: {name} ended with {process.returncode} with {what}"
                  for name, process in zip(NAMES, processes) if process.returncode not in (0, 3, 69, 74)]
        return {"few descriptors": 1}, wrong + _resume(pipeline, what, processes)


def _no_home(dice):
    with Pipeline(20, engine="images") as pipeline:
        bare = {name: value for name, value in pipeline.environment.items()
                if name.startswith("CONVEYOR_") or name == "LD_LIBRARY_PATH"}
        processes = pipeline.start(environment={**bare, "PATH": "/usr/bin:/bin"})
        wrong = [] if pipeline.wait(processes) else ["P12: without HOME the pipeline hung"]
        wrong += [f"P12: {name} ended with {process.returncode} without HOME"
                  for name, process in zip(NAMES, processes) if process.returncode != 0]
        return {"no home": 1}, wrong + _resume(pipeline, "a run without HOME", processes)


def _old_clock(dice):
    if not FAKETIME.exists():
        return {"no faketime": 1}, []
    with Pipeline(20, engine="images") as pipeline:
        old = at("@1970-01-02 00:00:00")
        processes = pipeline.start(prefix={name: old for name in NAMES})
        wrong = [] if pipeline.wait(processes) else ["P12: in 1970 the pipeline hung"]
        wrong += [f"P12: {name} ended with {process.returncode} in 1970"
                  for name, process in zip(NAMES, processes) if process.returncode != 0]
        return {"clock in 1970": 1}, wrong + _resume(pipeline, "a run in 1970", processes)
