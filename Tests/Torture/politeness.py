"""Several processes of fetch with several threads each share a limiter; they are killed, their clock is set back and
forth, and the portal answers with 429 and 503. Only the portal's own log counts."""

import json
import signal
import subprocess
import time

import oracle
from pipeline import TOOLS, Pipeline, at

DELAY = 0.05
# How late the portal may see a request that was sent in time, in seconds: it shares the processors with all else.
LATE = 0.02
# What was on its way when the portal asked for a pause may still arrive, until the limiter's file says so to all.
ON_ITS_WAY = 0.3


def short(dice):
    return run(dice, requests=160, processes=3)


def long(dice):
    return run(dice, requests=20_000, processes=6)


def run(dice, requests, processes):
    faults = ["--fault", "429=3%", "--fault", "503=2%", "--retry-after", "1"]
    # Two requests and a half for a document: the look-up, and its scans.
    with Pipeline(requests // 2, delay=DELAY, portal=faults) as pipeline:
        clock = pipeline.own / "clock"
        clock.write_text("+0")
        deal(pipeline, processes)
        runs = [_start(pipeline, number, clock) for number in range(processes)]
        kills, steps = [], 0
        while len(oracle.requests(pipeline.log)) < requests and any(run.poll() is None for run in runs):
            time.sleep(1)
            clock.write_text(f"{dice.randint(-3600, 3600):+d}")
            steps += 1
            number = dice.randrange(processes)
            if runs[number].poll() is None:
                runs[number].send_signal(signal.SIGKILL)
                kills.append(time.monotonic())
                runs[number].wait()
                runs[number] = _start(pipeline, number, clock)
        for run in runs:
            run.kill()
            run.wait()
        figures, wrong = judge(pipeline.log, DELAY, pause=1, kills=kills)
    return {**figures, "kills": len(kills), "clock steps": steps}, wrong


def deal(pipeline, processes):
    """Gives each process its share of the documents, as a file of records."""
    for number in range(processes):
        with open(pipeline.own / f"records{number}", "w") as records:
            for row in oracle.index_rows(pipeline.index)[number::processes]:
                known = {name: row[name] for name in ("book", "page", "instrument_number")}
                records.write(json.dumps({"id": str(row["id"]), **known}) + "\n")


def _start(pipeline, number, clock):
    """One process, from the beginning of its records: what is there is not asked for again."""
    state = pipeline.own / f"state{number}"
    words = [TOOLS / "fetch", "--stage", pipeline.own / "stage.yaml", "--state", state, "--portal-base", pipeline.base,
             "--workers", pipeline.workers, "--rate-limit-delay", pipeline.delay, "--retry-base", "0.05", "--retries", "20",
             "--limiter", pipeline.own / "limiter.sqlite", "-q"]
    with open(pipeline.own / f"records{number}") as records, open(pipeline.own / "fetch.err", "ab") as errors:
        return subprocess.Popen([*at(f"@{clock}"), *map(str, words)], stdin=records, stdout=subprocess.DEVNULL,
                                stderr=errors, env=pipeline.environment)


def judge(log, delay, pause, kills=()):
    """The portal's log against a delay and the pauses that it asked for. What a process was told that was killed
    before it could tell the others, nobody knows: such refusals are only counted."""
    wrong = []
    requests = sorted(oracle.requests(log), key=lambda request: request["start"])
    starts = [request["start"] / 1e9 for request in requests]
    gaps = sorted(after - before for before, after in zip(starts, starts[1:]))
    # A request that is seen late comes close to the next one; but nine gaps in a row do not shrink, unless the
    # first of them was seen so.
    tens = [after - before for before, after in zip(starts, starts[9:])]
    if sum(ten < 9 * delay - LATE for ten in tens) > len(tens) / 100:
        wrong.append(f"P6: ten requests within {min(tens):.3f} s")
    close = sum(gap < delay - LATE for gap in gaps)
    if close > len(gaps) / 100:
        wrong.append(f"P6: {close} of {len(gaps)} gaps are shorter than {delay - LATE:.3f} s")
    during, unheard = [], 0
    for refusal in (request["start"] / 1e9 for request in requests if request["status"] in (429, 503)):
        # What was on its way at a kill, the portal may see a moment after it.
        if any(refusal - LATE < kill < refusal + ON_ITS_WAY for kill in kills):
            unheard += 1
        else:
            during += [start - refusal for start in starts if refusal + ON_ITS_WAY < start < refusal + pause - LATE]
    wrong += [f"P6: a request {after:.3f} s after a refusal for {pause} s" for after in during]
    refusals = sum(request["status"] in (429, 503) for request in requests)
    return {"requests": len(starts), "refusals": refusals, "unheard by a kill": unheard, "requests during a pause": len(during),
            "smallest gap (ms)": f"{gaps[0] * 1000:.1f} of {delay * 1000:.0f}" if gaps else "none",
            "gaps more than 5 ms short": sum(gap < delay - 0.005 for gap in gaps)}, wrong
