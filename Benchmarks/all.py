#!/usr/bin/env python3
"""Runs the benchmarks, one after the other, and keeps what they found in docs/benchmarks.md.

    all.py [NAME …]     all of them, or these; the sections of the others stay as they are

Each program prints more than the page keeps; each can be run by itself, and has options. One that fails, or takes
longer than it may, is said so in its section, with what it had found, and the others go on.
"""

import argparse
import datetime
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, TOOLS

PAGE = ROOT / "docs" / "benchmarks.md"
# In the order of the pipeline, each with what it is asked for here, so that all of them take an hour on a slow machine,
# and the seconds that it may take; what each holds us against is the first sentence of its own description.
PROGRAMS = {
    "fetch": ([], 1800),
    "limiter": (["--delay", "0.1", "0.5", "--processes", "1", "8", "--workers", "8"], 400),
    "queueing": (["--workers", "1", "2"], 120),
    "workers": (["--days", "3", "--seeds", "1"], 600),
    "index": ([], 900), "report": ([], 300), "dashboard": (["--seconds", "30"], 300), "reconcile": ([], 400),
    "optimize": (["--scans", "12"], 600), "page_images": ([], 300), "upload": (["--runs", "3"], 400),
}
NAMES = list(PROGRAMS)
HEAD = """\
# Benchmarks

`make bench` runs them all and writes this page; `make bench BENCH="report upload"` runs two and
leaves the others' sections as they are. Contenders take turns in the same run, and figures are
medians; where a bound stands, it is what was to be reached. Ratios travel to other machines,
seconds do not. Each program in `Benchmarks/` prints more than stands here, and `--help` says what
it can be asked.
"""


def output(*words):
    """What a program says of itself; nothing where it is not there."""
    try:
        run = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return (run.stdout + run.stderr).strip()


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal: *(\d+)", Path("/proc/meminfo").read_text())[1]) >> 20
    return f"{os.cpu_count()} × {model[1] if model else platform.machine()}, {memory} GiB, Linux {platform.release()}"


def versions():
    said = {name: output(*words) for name, words in {
        "Swift": ("swift", "--version"), "curl": ("curl", "--version"), "aria2": ("aria2c", "--version"),
        "wget2": ("wget2", "--version"), "Ghostscript": ("gs", "--version"), "PostgreSQL": ("psql", "--version"),
        "SQLite": ("sqlite3", "--version"), "Python": (sys.executable, "--version")}.items()}
    found = {name: re.search(r"\d+\.\d+[\d.]*", text) for name, text in said.items()}
    return ", ".join(f"{name} {match[0]}" for name, match in found.items() if match)


def section(name):
    """Runs a benchmark; returns its section of the page, and why it is not whole, if it is not."""
    program = Path(__file__).with_name(f"{name}.py")
    options, seconds = PROGRAMS[name]
    about = re.search(r'"""(.*?)\n?"""|"""(.*?)\n', program.read_text(), re.S)
    sentence = " ".join((about[1] or about[2]).split("\n\n")[0].split())
    with tempfile.NamedTemporaryFile("r") as figures, tempfile.TemporaryFile("w+") as errors:
        trouble = run(program, options, seconds, figures.name, errors)
        rows = [json.loads(line) for line in figures]
    commit = output("git", "-C", str(ROOT), "log", "-1", "--format=%h") or "an archive"
    command = " ".join([f"Benchmarks/{name}.py", *options])
    lines = [f"## {name}", "",
             *wrapped(f"{sentence} {datetime.date.today():%d %B %Y}, {commit}, on {machine()}: `{command}`."), "",
             "| figure | found | bound |", "| --- | --- | --- |"]
    lines += [f"| {what} | {figure} | {bound} |" for what, figure, bound in rows]
    if trouble:
        lines += ["", *wrapped(f"Not whole: {trouble}.")]
    return "\n".join(lines) + "\n", trouble


def run(program, options, seconds, figures, errors):
    """Runs one, in a group of its own, so that none of its servers outlives it. Returns what went wrong."""
    child = subprocess.Popen([sys.executable, program, *options], stderr=errors, start_new_session=True,
                             env={**os.environ, "BENCH_FIGURES": figures})
    try:
        status = child.wait(timeout=seconds)
        trouble = f"it ended with {status}" if status else None
    except subprocess.TimeoutExpired:
        trouble = f"it was ended after {seconds // 60} minutes"
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, number)
                time.sleep(1)
            except ProcessLookupError:
                break
        child.wait()
    errors.seek(0)
    said = errors.read()
    sys.stderr.write(said)
    last = said.strip().splitlines()[-1:]
    return trouble and ": ".join([trouble, *(line.replace("|", "/")[:200] for line in last)])


def wrapped(text, width=100):
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]}; there are: {', '.join(NAMES)}")
    if not (TOOLS / "fetch").exists():
        sys.exit(f"no tools in {TOOLS}: run `make build`, or set CONVEYOR_BIN to their folder")
    before = PAGE.read_text() if PAGE.exists() else ""
    sections = {found[1]: found[0].strip() + "\n" for found in re.finditer(r"^## (\w+)\n.*?(?=^## |\Z)", before, re.S | re.M)}
    failed = []
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        sections[name], trouble = section(name)
        if trouble:
            failed.append(f"{name} ({trouble})")
        # After each, because a run of all takes an hour, and may be ended in its middle.
        parts = [HEAD, *wrapped_versions(), *(sections[name] for name in NAMES if name in sections)]
        PAGE.write_text("\n".join(parts))
    print(f"the table is in {PAGE}")
    if failed:
        sys.exit(f"not whole: {', '.join(failed)}")


def wrapped_versions():
    return ["\n".join(wrapped(f"Of the last run: {versions()}.")) + "\n"]


if __name__ == "__main__":
    main()
