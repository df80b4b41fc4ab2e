"""kill -9 of a random tool, or of all five, at a random moment; resume; until all is settled. Then a new belt, until
there were kills enough."""

import random
import signal
import time

import oracle
from belt import NAMES, Belt


def generations(belt):
    """What would change if an object were written again."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in oracle.objects(belt.bucket)}


def run(kills, documents=200, longest=1.5):
    """Kills so often; returns the figures and what was wrong."""
    figures = {"kills": 0, "belts": 0, "refetched": 0, "given up": 0, "written again": 0, "spool left": 0}
    wrong = []
    while figures["kills"] < kills:
        figures["belts"] += 1
        with Belt(documents) as belt:
            one = _belt(belt, kills - figures["kills"], longest, figures, wrong)
            again = oracle.refetched(belt.log)
            if again > one * belt.workers:
                wrong.append(f"P3: {again} scans were fetched again after {one} kills")
            figures["refetched"] += again
            figures["kills"] += one
    figures["refetched for a kill"] = round(figures["refetched"] / max(1, figures["kills"]), 2)
    return figures, wrong


def _belt(belt, most, longest, figures, wrong):
    kills, written = 0, {}
    while kills < most:
        processes = belt.start()
        time.sleep(random.uniform(0.01, longest))
        victims = processes if random.random() < 0.2 else [random.choice(processes)]
        hit = [process for process in victims if process.poll() is None]
        for process in hit:
            process.send_signal(signal.SIGKILL)
        name = " ".join(NAMES[processes.index(process)] for process in hit)
        if not belt.wait(processes):
            wrong.append(f"P2: after kill -9 of {name} the others hung")
        now = generations(belt)
        figures["written again"] += sum(now.get(file) != known for file, known in written.items())
        written = now
        wrong += [f"{text} (after kill -9 of {name})" for text in oracle.check(belt.folder, belt.documents, False)]
        if not hit:
            break
        kills += 1
    if not belt.finish():
        wrong.append("P2: the run after the last kill hung")
    wrong += oracle.check(belt.folder, belt.documents, counts_pages=True)
    wrong += [f"P9: still running: {line}" for line in belt.orphans()]
    states = oracle.rows(
        belt.index, "SELECT download_status, error_class, download_attempts, id FROM index_documents")
    for row in states:
        if row["download_status"] == "failed":
            figures["given up"] += 1
        elif row["download_attempts"] != 1:
            wrong.append(f"P5: document {row['id']} used up {row['download_attempts']} attempts")
    figures["spool left"] += sum(1 for file in (belt.state / "spool").rglob("*") if file.is_file())
    return kills
