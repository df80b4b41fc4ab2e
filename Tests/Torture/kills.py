"""kill -9 of a random tool, or of all five, at a random moment; resume; until all is settled. Then a new belt, until
there were kills enough."""

import signal
import time

import oracle
from belt import NAMES, Belt, side_by_side

LONGEST = 1.5
# When enqueue dies, what is in the pipes is still worked through: on a busy machine with Ghostscript in minutes.
PATIENCE = 240


def short(dice):
    # Fewer documents make no kill gentler, and leave less to do when the last one was made.
    return run(dice, 100, belts=8, documents=50)


def long(dice):
    return run(dice, 2000, belts=50, documents=200)


def run(dice, kills, belts, documents):
    share = -(-kills // belts)
    figures, wrong = side_by_side(dice, [lambda dice: _belts(dice, share, documents)] * belts)
    figures["refetched for a kill"] = round(figures["refetched"] / max(1, figures["kills"]), 3)
    return figures, wrong


def _generations(belt):
    """What would change if an object were written again."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in oracle.objects(belt.bucket)}


def _belts(dice, most, documents):
    figures = {"kills": 0, "belts": 0, "hangs": 0, "lost": 0, "refetched": 0, "given up": 0, "written again": 0,
               "spool left": 0}
    wrong = []
    while figures["kills"] < most:
        # Half of them with Ghostscript's processes to be left behind.
        with Belt(documents, engine=dice.choice(["auto", "images"])) as belt:
            figures["belts"] += 1
            kills = _kill(dice, belt, most - figures["kills"], figures, wrong)
            again = oracle.refetched(belt.log)
            if again > kills * belt.workers:
                wrong.append(f"P3: {again} scans were fetched again after {kills} kills")
            figures["refetched"] += again
            figures["kills"] += kills
    return figures, wrong


def _kill(dice, belt, most, figures, wrong):
    kills, written = 0, {}
    while kills < most:
        processes = belt.start()
        time.sleep(dice.uniform(0.01, LONGEST))
        victims = processes if dice.random() < 0.2 else [dice.choice(processes)]
        hit = [process for process in victims if process.poll() is None]
        for process in hit:
            process.send_signal(signal.SIGKILL)
        name = " ".join(NAMES[processes.index(process)] for process in hit)
        if not belt.wait(processes, PATIENCE):
            figures["hangs"] += 1
            wrong.append(f"P2: after kill -9 of {name} the others hung")
        now = _generations(belt)
        figures["written again"] += sum(now.get(file) != known for file, known in written.items())
        written = now
        wrong += [f"{text} (after kill -9 of {name})" for text in oracle.check(belt, is_over=False)]
        if not hit:
            break
        kills += 1
    wrong += belt.finish()
    wrong += oracle.check(belt, counts_pages=True)
    wrong += [f"P9: still running: {line}" for line in belt.orphans()]
    for row in oracle.index_rows(belt.index):
        if row["download_status"] == "failed":
            figures["given up"] += 1
        elif row["download_attempts"] != 1:
            wrong.append(f"P5: document {row['id']} used up {row['download_attempts']} attempts")
        if row["download_status"] not in ("completed", "failed"):
            figures["lost"] += 1
            wrong.append(f"P2: document {row['id']} was not settled; the last run ended with {belt.last_end}")
    figures["spool left"] += sum(1 for file in (belt.state / "spool").rglob("*") if file.is_file())
    return kills
