#!/usr/bin/env python3
"""Breaks every promise that docs/promises.md makes, and lets an oracle of its own decide.

    torture.py              the short form, in minutes
    torture.py --long       the long form, in hours
    torture.py kills …      only these
    torture.py --seed N     the same again

The built tools are taken from .build/debug, or from CONVEYOR_BIN. Ends with 1 if a promise was broken.
"""

import argparse
import random
import sys
import time

import kills

# name -> (short form, long form): each returns figures and what was wrong.
TRIALS = {
    "kills": (lambda: kills.run(100), lambda: kills.run(2000)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", nargs="*", metavar="trial", help=", ".join(TRIALS))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    unknown = [name for name in options.trials if name not in TRIALS]
    if unknown:
        parser.error(f"there is no trial {unknown[0]}; there are: {', '.join(TRIALS)}")
    random.seed(options.seed)
    print(f"seed {options.seed}")
    broken = False
    for name in options.trials or TRIALS:
        began = time.monotonic()
        figures, wrong = TRIALS[name][1 if options.long else 0]()
        print(f"{name}: {time.monotonic() - began:.0f} s; " + ", ".join(f"{key} {value}" for key, value in figures.items()))
        for line in wrong[:20]:
            print(f"  BROKEN {line}")
        if wrong:
            print(f"  {len(wrong)} in all")
            broken = True
        sys.stdout.flush()
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
