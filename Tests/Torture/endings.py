"""Ctrl+C, SIGTERM and SIGHUP at random moments, once and twice; a reader that goes away behind each tool; one that
reads slowly. Nobody hangs, nothing is lost, and no document pays for it."""

import fcntl
import json
import os
import signal
import subprocess
import time

import oracle
from pipeline import HANG, NAMES, Pipeline, Longest, crashed, side_by_side

# Seconds, by whether it was once, when what is in flight may finish (docs/architecture.md, "The driver"), or twice, which
# means now. Beside other trials the clock would judge the machine.
SHORT, LONG = (HANG, HANG), (20, 6)


def short(dice):
    return run(dice, SHORT, signals=16, readers=1)


def long(dice):
    return run(dice, LONG, signals=600, readers=20)


def run(dice, patience, signals, readers):
    orderly, now = patience
    gone = [_reader_gone(count, orderly) for count in range(1, 6)]
    return side_by_side(dice, [lambda dice: _signal(dice, orderly, now)] * signals
                        + (gone + [lambda dice: _slow_reader(dice, orderly)]) * readers)


def _in_flight(pipeline):
    """What is wrong with documents right after the end: none is held any more, none paid with an attempt."""
    for row in oracle.index_rows(pipeline.index):
        if row["download_status"] == "in_progress":
            yield f"P2: document {row['id']} is still in progress"
        elif row["download_attempts"] != (1 if row["download_status"] == "completed" else 0):
            yield f"P5: document {row['id']} ({row['download_status']}) has {row['download_attempts']} attempts"


def _afterwards(pipeline, what, processes):
    wrong = [f"{text} after {what}" for text in crashed(processes) + oracle.check(pipeline, is_over=False)]
    wrong += [f"P9: still running after {what}: {line}" for line in pipeline.orphans()]
    return wrong + [f"{text} (resumed after {what})" for text in pipeline.finish() + oracle.check(pipeline)]


def _signal(dice, orderly, now):
    number = dice.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    is_twice = dice.random() < 0.5
    what = f"{number.name}{' twice' if is_twice else ''}"
    figures, wrong = {"twice" if is_twice else "once": 1, "hangs": 0}, []
    with Pipeline(20, engine=dice.choice(["auto", "images"])) as pipeline:
        processes = pipeline.start()
        time.sleep(dice.uniform(0.01, 1.5))
        for process in processes:
            process.send_signal(number)
        if is_twice:
            time.sleep(dice.uniform(0, 0.5))
            for process in processes:
                process.send_signal(number)
        began = time.monotonic()
        if not pipeline.wait(processes, now if is_twice else orderly):
            figures["hangs"] += 1
            wrong.append(f"P11: {what} did not end the pipeline")
        if not is_twice:
            figures["longest orderly end (s)"] = Longest(time.monotonic() - began)
            # Who is not yet listening is ended by the kernel.
            early = {-number}
            wrong += [f"P11: {name} ended with {process.returncode} after {what}"
                      for name, process in zip(NAMES, processes) if process.returncode not in {0, 130} | early]
            if not any(process.returncode in early for process in processes):
                wrong += [f"{text} after {what}" for text in _in_flight(pipeline)]
        wrong += _afterwards(pipeline, what, processes)
    return figures, wrong


def _reader_gone(count, orderly):
    def trial(dice):
        what = f"{' | '.join(NAMES[:count])} | head -1"
        wrong, figures = [], {"readers gone": 1, "hangs": 0}
        with Pipeline(20, engine=dice.choice(["auto", "images"])) as pipeline:
            reading, writing = os.pipe()
            processes = pipeline.start(count=count, output=writing)
            os.close(writing)
            head = subprocess.run(["head", "-1"], stdin=reading, capture_output=True)
            os.close(reading)
            if not head.stdout.startswith(b"{"):
                wrong.append(f"P10: no line from {what}")
            if not pipeline.wait(processes, orderly):
                figures["hangs"] += 1
                wrong.append(f"P10: {what} hung")
            wrong += [f"P10: {name} ended with {process.returncode} in {what}"
                      for name, process in zip(NAMES, processes) if process.returncode != 0]
            wrong += [f"{text} after {what}" for text in _in_flight(pipeline)]
            wrong += _afterwards(pipeline, what, processes)
        return figures, wrong
    return trial


def _slow_reader(dice, orderly):
    """Behind validate, with pipes of a page: everybody has to wait, and nobody gives up."""
    wrong, lines = [], []
    with Pipeline(40, engine="images") as pipeline:
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        processes = pipeline.start(output=writing)
        os.close(writing)
        with open(reading) as pipe:
            for line in pipe:
                lines.append(json.loads(line)["id"])
                time.sleep(dice.uniform(0, 0.05))
        if not pipeline.wait(processes, orderly):
            wrong.append("P10: a slow reader's pipeline hung")
        wrong += [f"P10: {name} ended with {process.returncode} before a slow reader"
                  for name, process in zip(NAMES, processes) if process.returncode != 0]
        if sorted(lines) != sorted(set(lines)) or len(lines) != pipeline.documents:
            wrong.append(f"P10: a slow reader got {len(lines)} lines for {pipeline.documents} documents")
        wrong += oracle.check(pipeline, counts_pages=True)
    return {"slow readers": 1}, wrong
