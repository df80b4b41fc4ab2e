"""kill -9 of a random tool, or of all five, at a random moment; resume; until all is settled. Then a new pipeline, until
there were kills enough."""

import signal
import time

import oracle
from pipeline import NAMES, Pipeline, side_by_side

LONGEST = 1.5


def short(dice):
    # Fewer documents make no kill gentler, and leave less to do when the last one was made.
    return run(dice, 100, pipelines=8, documents=50)


def long(dice):
    return run(dice, 2000, pipelines=50, documents=200)


def run(dice, kills, pipelines, documents):
    share = -(-kills // pipelines)
    figures, wrong = side_by_side(dice, [lambda dice: _pipelines(dice, share, documents)] * pipelines)
    figures["refetched for a kill"] = round(figures["refetched"] / max(1, figures["kills"]), 3)
    return figures, wrong


def _generations(pipeline):
    """What would change if an object were written again."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in oracle.objects(pipeline.bucket)}


def _pipelines(dice, most, documents):
    figures = {"kills": 0, "pipelines": 0, "hangs": 0, "lost": 0, "refetched": 0, "given up": 0, "written again": 0,
               "spool left": 0}
    wrong = []
    while figures["kills"] < most:
        # Half of them with Ghostscript's processes to be left behind.
        with Pipeline(documents, engine=dice.choice(["auto", "images"])) as pipeline:
            figures["pipelines"] += 1
            kills = _kill(dice, pipeline, most - figures["kills"], figures, wrong)
            again = oracle.refetched(pipeline.log)
            # What is being fetched, and what waits for its commit while its worker goes on.
            if again > 2 * kills * pipeline.workers:
                wrong.append(f"P3: {again} scans were fetched again after {kills} kills")
            figures["refetched"] += again
            figures["kills"] += kills
    return figures, wrong


def _kill(dice, pipeline, most, figures, wrong):
    kills, written = 0, {}
    while kills < most:
        processes = pipeline.start()
        time.sleep(dice.uniform(0.01, LONGEST))
        victims = processes if dice.random() < 0.2 else [dice.choice(processes)]
        hit = [process for process in victims if process.poll() is None]
        for process in hit:
            process.send_signal(signal.SIGKILL)
        name = " ".join(NAMES[processes.index(process)] for process in hit)
        if not pipeline.wait(processes):
            figures["hangs"] += 1
            wrong.append(f"P2: after kill -9 of {name} the others hung")
        now = _generations(pipeline)
        figures["written again"] += sum(now.get(file) != known for file, known in written.items())
        written = now
        wrong += [f"{text} (after kill -9 of {name})" for text in oracle.check(pipeline, is_over=False)]
        if not hit:
            break
        kills += 1
    wrong += pipeline.finish()
    wrong += oracle.check(pipeline, counts_pages=True)
    wrong += [f"P9: still running: {line}" for line in pipeline.orphans()]
    for row in oracle.index_rows(pipeline.index):
        if row["download_status"] == "failed":
            figures["given up"] += 1
        elif row["download_attempts"] != 1:
            wrong.append(f"P5: document {row['id']} used up {row['download_attempts']} attempts")
        if row["download_status"] not in ("completed", "failed"):
            figures["lost"] += 1
            wrong.append(f"P2: document {row['id']} was not settled; the last run ended with {pipeline.last_end}")
    figures["spool left"] += sum(1 for file in (pipeline.state / "spool").rglob("*") if file.is_file())
    return kills
