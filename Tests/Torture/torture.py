#!/usr/bin/env python3
"""Breaks every promise that docs/promises.md makes, and lets an oracle of its own decide.

    torture.py              the short form, in minutes
    torture.py --long       the long form, in hours
    torture.py kills …      only these
    torture.py --seed N     the same dice again

The short form throws the same dice each time, so that it judges a change and not luck; the long form throws new ones.

The built tools are taken from .build/debug, or from CONVEYOR_BIN. A trial prints one line of figures, and what
was broken below it; one that cannot be made here says why. Ends with 1 if a promise was broken.
"""

import argparse
import importlib
import random
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed

from pipeline import Skipped

# Each is a module with `short(dice)` and `long(dice)`, which return figures and what was wrong. Those that
# wait most come first; those that have to do with time come alone, in the end.
TOGETHER = ["kills", "endings", "terminals", "trouble", "calls", "powercut", "machines", "leases", "slowdisk", "secrecy",
            "notify", "fuzz"]
ALONE = ["politeness", "fleet", "namespaces"]
LONG_ONLY = ["outages", "soak", "steering"]


def report(name, form, seed):
    """Makes a trial and says how it went; returns whether a promise was broken."""
    module, dice, began = importlib.import_module(name), random.Random(f"{seed} {name}"), time.monotonic()
    try:
        figures, wrong = (module.long if form == "long" else module.short)(dice)
    except Skipped as reason:
        print(f"{name}: SKIPPED: {reason}", flush=True)
        return False
    except Exception:
        # The other trials are still to be made.
        print(f"{name}: BROKEN: the trial itself came to no end\n{traceback.format_exc()}", flush=True)
        return True
    told = ", ".join(f"{key} {value}" for key, value in figures.items())
    lines = [f"{name}: {told}, violations {len(wrong)} ({time.monotonic() - began:.0f} s)"]
    lines += [f"  BROKEN {line}" for line in wrong[:20]]
    print("\n".join(lines), flush=True)
    return bool(wrong)


def main():
    names = TOGETHER + ALONE + LONG_ONLY
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", nargs="*", metavar="trial", help=", ".join(names))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    unknown = [name for name in options.trials if name not in names]
    if unknown:
        parser.error(f"there is no trial {unknown[0]}; there are: {', '.join(names)}")
    # What `nohup`, or a shell in the background, has us ignore, the tools would ignore, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    form = "long" if options.long else "short"
    if options.seed is None:
        options.seed = int(time.time()) if options.long else 1
    chosen = options.trials or (names if options.long else TOGETHER + ALONE)
    print(f"torture, {form} form, seed {options.seed}", flush=True)
    # Much of a trial is waiting, so the short form makes several at a time.
    together = [name for name in chosen if name in TOGETHER and not options.long]
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(report, name, form, options.seed) for name in together]
        broken = [run.result() for run in as_completed(runs)]
    broken += [report(name, form, options.seed) for name in chosen if name not in together]
    sys.exit(1 if any(broken) else 0)


if __name__ == "__main__":
    main()
