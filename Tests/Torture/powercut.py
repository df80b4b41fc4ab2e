"""Power cuts: index, state, spool and bucket on an ext4 image of their own. In the middle of a run everything is
stopped, and the image is copied as it lies on the disk: what nobody asked the kernel to write is not in it. The copy
takes the image's place, and the run goes on. What validate had said to be settled has to be there.

The copy has to be of one moment: stopped processes end the call that they are in, and the journal and the writeback of
ext4 go on beside it. So the images lie on an XFS, whose `cp --reflink` locks a file against writes while its blocks are
shared (ioctl_ficlonerange(2)); a copy that reads the image bit by bit shows states that no disk was ever in, mostly
where /tmp is in memory. Without XFS the trial is made on a disk only."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import oracle
from pipeline import Pipeline, Skipped, side_by_side, until

OUTPUT = "validate.jsonl"


def short(dice):
    return run(dice, pipelines=3, cuts=2)


def long(dice):
    return run(dice, pipelines=30, cuts=10)


def run(dice, pipelines, cuts):
    if os.geteuid() != 0:
        raise Skipped("images are mounted, which takes root")
    with tempfile.TemporaryDirectory(prefix="conveyor-cut-") as folder:
        disk = Path(folder) / "disk"
        disk.mkdir()
        try:
            _mount(_make(Path(folder) / "image"), disk)
            _run("umount", disk)
        except subprocess.CalledProcessError as error:
            raise Skipped(f"no ext4 image can be mounted here: {error}")
        is_atomic = _has_reflinks(Path(folder) / "outer", disk)
        if not is_atomic and _is_in_memory(folder):
            raise Skipped("/tmp is in memory, and a copy of one moment needs XFS (package xfsprogs)")
        try:
            figures, wrong = side_by_side(dice, [lambda dice: _pipeline(dice, cuts, disk, is_atomic)] * pipelines)
        finally:
            if is_atomic:
                _run("umount", "--lazy", disk)
    return {"copies": "of one moment" if is_atomic else "read bit by bit", **figures}, wrong


def _has_reflinks(image, place):
    """Mounts an XFS, where the system has one."""
    try:
        with open(image, "wb") as file:
            file.truncate(2 << 30)
        _run("mkfs.xfs", "-q", "-m", "reflink=1", image)
        _mount(image, place)
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False
    return True


def _is_in_memory(folder):
    return subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout.strip() == "tmpfs"


def _run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def _make(image):
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    _run("mkfs.ext4", "-q", image)
    return image


def _mount(image, place):
    _run("mount", "-o", "loop,noatime", image, place)


def _pipeline(dice, cuts, disk, is_atomic):
    figures, wrong = {"cuts": 0, "settled before a cut": 0, "lost": 0, "refetched": 0}, []
    with tempfile.TemporaryDirectory(prefix="pipeline-", dir=disk) as home:
        place, image = Path(home) / "disk", _make(Path(home) / "image")
        place.mkdir()
        _mount(image, place)
        try:
            with Pipeline(40, folder=place, engine="images") as pipeline:
                os.sync()
                settled = set()
                for _ in range(cuts):
                    image = _cut(dice, pipeline, image, place, is_atomic, settled, figures, wrong)
                wrong += pipeline.finish()
                wrong += oracle.check(pipeline, counts_pages=True)
                figures["refetched"] += oracle.refetched(pipeline.log)
        finally:
            _run("umount", "--lazy", place)
    return figures, wrong


def _cut(dice, pipeline, image, place, is_atomic, settled, figures, wrong):
    with open(pipeline.own / OUTPUT, "ab") as output:
        processes = pipeline.start(output=output)
    # In the midst of settling: somewhere behind a number of documents that is drawn by lot.
    known = len(settled)
    count = known + dice.randint(1, 8)
    until(lambda: len(_settled(pipeline.own / OUTPUT)) >= count or processes[-1].poll() is not None)
    time.sleep(dice.uniform(0, 0.1))
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    settled |= _settled(pipeline.own / OUTPUT)
    # Holes stay holes; what is dirty in the file system's own cache is not read.
    copy = image.with_name(f"image{figures['cuts']}")
    _run("cp", "--reflink=always" if is_atomic else "--sparse=always", image, copy)
    for process in processes:
        process.kill()
        process.wait()
    pipeline.clear()
    # The workers of optimize end with it, but a moment later, and may have a file open until then.
    if not until(lambda: subprocess.run(["umount", place], capture_output=True).returncode == 0, 10):
        _run("umount", place)
    image.unlink()
    _mount(copy, place)
    figures["cuts"] += 1
    figures["settled before a cut"] += len(settled) - known
    there = {str(row["id"]) for row in oracle.index_rows(pipeline.index) if row["download_status"] == "completed"}
    figures["lost"] += len(settled - there)
    wrong += [f"P1: document {one} was settled, and a power cut undid that" for one in settled - there]
    wrong += [f"{text} (after a power cut)" for text in oracle.check(pipeline, is_over=False)]
    return copy


def _settled(output):
    """The documents that validate has written of: their outcome was durable before."""
    found = set()
    for line in output.read_text().split("\n")[:-1]:
        record = json.loads(line)
        if record.get("validate", {}).get("outcome") == "completed":
            found.add(record["id"])
    return found
