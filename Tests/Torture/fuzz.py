"""libFuzzer on each parser (Tests/Fuzz): the corpus that is kept, and new inputs made from it. What breaks a
promise is left in .build/fuzz/found; it belongs into Tests/Fuzz/corpus, together with what mends it."""

import os
import re
import subprocess
from pathlib import Path

from pipeline import ROOT

HERE = ROOT / "Tests" / "Fuzz"
BUILT = ROOT / ".build" / "fuzz"


def short(dice):
    return run(dice, ["-runs=20000", "-max_total_time=2"])


def long(dice):
    return run(dice, ["-runs=1000000", "-max_total_time=3600"])


def run(dice, limits):
    built = subprocess.run([HERE / "build", BUILT], capture_output=True, text=True)
    if built.returncode != 0:
        errors = [line for line in built.stderr.splitlines() if "error:" in line] or built.stderr.splitlines()[-1:]
        return {}, [f"P9: the fuzz targets cannot be built: {errors[:1]}"]
    figures, wrong = {}, []
    for target in sorted(path.stem for path in (HERE / "targets").iterdir()):
        runs, said = _fuzz(target, dice.randrange(1, 1 << 31), limits)
        figures[target] = runs
        if said:
            wrong.append(f"P9: {target}: {said}")
    return figures, wrong


def _fuzz(target, seed, limits):
    learned, found = BUILT / "learned" / target, BUILT / "found"
    for folder in (learned, found):
        folder.mkdir(parents=True, exist_ok=True)
    # What is new goes into the first folder; the corpus that is kept is only read.
    run = subprocess.run(
        [BUILT / target, f"-seed={seed}", *limits, "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024",
         f"-artifact_prefix={found}/{target}-", learned, HERE / "corpus" / target],
        # Swift's own account of a crash comes instead of libFuzzer's, which keeps the input.
        capture_output=True, text=True, errors="replace", env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
    done = re.search(r"Done (\d+) runs", run.stderr)
    if run.returncode == 0 and done:
        return int(done[1]), None
    kept = re.search(r"Test unit written to (\S+)", run.stderr)
    lines = run.stderr.splitlines()
    reason = next((line for line in lines if "ERROR" in line or "SUMMARY" in line), f"{run.returncode}: {lines[-1:]}")
    return 0, f"{reason.strip()} ({Path(kept[1]).name if kept else 'no input kept'}, seed {seed})"
