"""The portal answers 30 scans well and then turns everybody away, in one way or another, and relents: the same run
completes all, no attempt is used up, nothing is failed, and few requests come meanwhile."""

import json

import oracle
from pipeline import HANG, Pipeline, Longest, side_by_side

KINDS = ["403", "404", "202", "401", "407", "410", "418", "429", "451", "500", "502", "503", "520", "204", "maintenance",
         "login", "json", "reset", "silent"]


def short(dice):
    return _all(dice, dice.sample(KINDS[:-1], 2), documents=80, seconds=1.5, base="0.1")


def long(dice):
    return _all(dice, KINDS, documents=200, seconds=60, base="2")


def _all(dice, kinds, documents, seconds, base):
    # Nearly all of it is waiting.
    return side_by_side(
        dice, [lambda dice, kind=kind: run(kind, documents, seconds, base, dice.randint(1, 6)) for kind in kinds])


def run(kind, documents, seconds, base, workers):
    with Pipeline(documents, workers=workers, portal=["--outage", f"{kind}@30+{seconds}"]) as pipeline:
        pipeline.options["fetch"] = ["--retry-base", base, "--low-speed-time", "10"]
        wrong = pipeline.finish(seconds=seconds * 4 + HANG)
        wrong += oracle.check(pipeline)
        rows = oracle.index_rows(pipeline.index)
        done = sum(row["download_status"] == "completed" for row in rows)
        used = sum(row["download_attempts"] > 1 for row in rows)
        lines = [json.loads(line) for line in pipeline.log.read_text().splitlines()]
        during = sum(bool(line.get("outage")) for line in lines)
    if done != documents:
        wrong.append(f"P15: {documents - done} of {documents} not completed; {pipeline.last_end}")
    if used:
        wrong.append(f"P5: {used} documents used up an attempt")
    if not 1 <= during <= 20:
        wrong.append(f"P15: {during} requests while everybody was turned away")
    figures = {"outages": 1, "documents": documents, "completed": done, "requests meanwhile, at most": Longest(during)}
    return figures, [f"{text} ({kind}, {workers} workers)" for text in wrong]
