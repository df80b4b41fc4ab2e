#!/usr/bin/env python3
"""Records through one queue and back: `queue send` on one side, `queue take | queue give` on the other, over a Redis
on this machine that keeps its append-only file.

Prints records a second, the largest memory of each side and of Redis, and what is left there.

    Benchmarks/queueing.py               20,000 records, one worker and four
    Benchmarks/queueing.py --records 1000000 --workers 2
"""

import argparse
import re
import subprocess
import threading
import time

from harness import TOOLS, RedisServer, scratch, target

# As enqueue writes it: 600 bytes or so.
LINE = ('{"id":"%d","source":"madison_county_2024","book":285,"page":55,"instrument_number":62379,"instrument_type_parsed":'
        '"DEED","instrument_type_raw":"WARRANTY DEED WITH VENDORS LIEN","document_type":"DEED","file_date":"1998-04-03",'
        '"num_pages":3,"download_priority":1,"attempt":1,"grantor":"%s","grantee":"%s","lease":{"token":'
        '"7f0c7f0c7f0c7f0c7f0c7f0c7f0c7f0c","run":"33158a33158a33158a33158a"}}\n') % (0, "SMITH JOHN ET UX " * 6, "JONES " * 8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--window", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=1000)
    options = parser.parse_args()
    for workers in options.workers:
        target(f"records a second, {workers} workers", measure(options, workers), least=5000, form="{:,.0f}")


def measure(options, workers):
    server, work = RedisServer(), scratch()
    source = work / "records.jsonl"
    with open(source, "w") as file:
        for number in range(options.records):
            file.write(LINE.replace('"id":"0"', f'"id":"{number}"', 1))
    command = f"{TOOLS}/queue take {server.url} --in-flight {options.in_flight} | {TOOLS}/queue give {server.url} --no-records"
    memory, stop = {}, threading.Event()
    try:
        machines = [subprocess.Popen(["bash", "-c", f"{command} & wait"], start_new_session=True) for _ in range(workers)]
        began = time.monotonic()
        with open(source) as lines, open(work / "answers.jsonl", "wb") as answers:
            head = subprocess.Popen([TOOLS / "queue", "send", server.url, "--window", str(options.window)],
                                    stdin=lines, stdout=answers)
            watch = threading.Thread(target=sample, args=(server, memory, stop))
            watch.start()
            status = head.wait()
        seconds = time.monotonic() - began
        stop.set()
        watch.join()
        with open(work / "answers.jsonl", "rb") as answers:
            ids = {re.match(rb'\{"id":"(\d+)"', line)[1] for line in answers}
        left = server.cli("XLEN", "conveyor:{default}:work").strip()
    finally:
        for machine in machines:
            subprocess.run(["kill", "-TERM", "--", f"-{machine.pid}"], check=False)
        for machine in machines:
            machine.wait()
        server.close()
        subprocess.run(["rm", "-rf", work], check=True)
    rate = options.records / seconds
    print(f"{options.records:,} records, {workers} workers: {rate:,.0f} a second, status {status}, answered {len(ids):,}, "
          f"left {left}; MiB at most: " + ", ".join(f"{name} {most / 1024:.1f} (half-way {half / 1024:.1f})"
                                                   for name, (most, half) in sorted(memory.items())), flush=True)
    return rate if status == 0 and len(ids) == options.records and left == "0" else 0


def sample(server, memory, stop):
    """The largest resident size of each program, in KiB, and what it was after half of the samples."""
    series = {}
    while not stop.wait(0.5):
        listed = subprocess.run(["ps", "-eo", "rss,args"], capture_output=True, text=True).stdout
        for name in ("send", "take", "give"):
            sizes = [int(line.split()[0]) for line in listed.splitlines() if f"queue {name} {server.url}" in line and "bash" not in line]
            if sizes:
                series.setdefault(name, []).append(max(sizes))
        used = re.search(r"used_memory:(\d+)", server.cli("INFO", "memory"))
        series.setdefault("redis", []).append(int(used[1]) // 1024)
    for name, sizes in series.items():
        memory[name] = (max(sizes), max(sizes[:len(sizes) // 2 + 1]))


if __name__ == "__main__":
    main()
