#!/usr/bin/env python3
"""What optimize does to a folder of PDFs, judged by programs that it does not use.

Optimizes each PDF below the folders, then compares each result with its source: pages as pdfium draws
them, text as pdfium reads it, structure as pikepdf counts it, images in black and white by their
pixels. Prints a table of what was lost, and one line for each document that lost something. Exit
status 3 where there is one. Needs what `make bench` installs:

    .build/bench/bin/python Benchmarks/corpus.py FOLDER … [-- OPTION-OF-OPTIMIZE …]
"""

import argparse
import collections
import concurrent.futures
import json
import select
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy
import pikepdf
import pypdfium2

from harness import TOOLS, scratch

# A window of 16 × 16 pixels at 72 dpi: its mean moves by this where something is gone. Where letters of
# a scan have become softer it moves by less.
WINDOW, TOLERANCE = 16, 48
MAXIMUM_PAGES = 30
# What is counted and is no loss.
NO_LOSS = {"not judged", "blanks"}
# Seconds that a judge may think about one document.
PATIENCE = 120
FLOOR = (1275, 1650)


def draw(document, index):
    page = document[index]
    scale = min(1.0, 1500 / max(page.get_width(), page.get_height(), 1))
    pixels = page.render(scale=scale, may_draw_forms=False).to_numpy()
    return numpy.asarray(pixels[..., :3], dtype=numpy.float64)


def windows(pixels):
    sums = numpy.zeros((pixels.shape[0] + 1, pixels.shape[1] + 1, 3))
    sums[1:, 1:] = pixels.cumsum(0).cumsum(1)
    height, width = min(WINDOW, pixels.shape[0]), min(WINDOW, pixels.shape[1])
    return (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    ) / (height * width)


def leaves(node, seen=None):
    """Entries of a name tree or number tree."""
    seen = set() if seen is None else seen
    if not isinstance(node, pikepdf.Dictionary) or node.objgen in seen and node.objgen != (0, 0):
        return 0
    seen.add(node.objgen)
    own = len(node.get("/Names", node.get("/Nums", []))) // 2
    return own + sum(leaves(kid, seen) for kid in node.get("/Kids", []))


def outline(node, seen):
    total = 0
    while isinstance(node, pikepdf.Dictionary) and node.objgen not in seen:
        seen.add(node.objgen)
        total += 1 + outline(node.get("/First"), seen)
        node = node.get("/Next")
    return total


def size(node, *kinds):
    """How many members an array or a dictionary has; none where a document has something else there."""
    return len(node) if isinstance(node, kinds or (pikepdf.Array,)) else 0


def structure(pdf):
    root = pdf.Root
    names, form, layers = (root.get(key, {}) for key in ("/Names", "/AcroForm", "/OCProperties"))
    names, form, layers = (node if isinstance(node, pikepdf.Dictionary) else {} for node in (names, form, layers))
    counts = collections.Counter(
        pages=len(pdf.pages),
        outline=outline(root.get("/Outlines", {}).get("/First"), set()),
        destinations=size(root.get("/Dests"), pikepdf.Dictionary) + leaves(names.get("/Dests")),
        attachments=leaves(names.get("/EmbeddedFiles")),
        scripts=leaves(names.get("/JavaScript")),
        layers=size(layers.get("/OCGs")),
        labels=leaves(root.get("/PageLabels")),
        fields=size(form.get("/Fields")),
        tags=int("/StructTreeRoot" in root),
        metadata=int("/Metadata" in root),
        info=len([key for key in pdf.trailer.get("/Info", {}) if key not in ("/Producer", "/ModDate")]),
    )
    for page in pdf.pages:
        # An entry may be null, or lead to an object that the file does not have.
        found = page.obj.get("/Annots")
        counts["annotations"] += sum(isinstance(one, pikepdf.Dictionary) for one in found) if size(found) else 0
    return counts


def bilevel(pdf):
    """Pixels of all images in black and white."""
    total, seen = 0, set()
    for page in pdf.pages:
        try:
            for image in page.images.values():
                if image.objgen in seen:
                    continue
                seen.add(image.objgen)
                if image.get("/ImageMask", False) or int(image.get("/BitsPerComponent", 8)) == 1:
                    total += int(image.get("/Width", 0)) * int(image.get("/Height", 0))
        except Exception:  # An odd resource dictionary: nothing is counted.
            continue
    return total


def filling(page):
    """Pixels of the largest image that fills the page: its shorter and its longer side."""
    sizes = []
    for image in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=1):
        left, bottom, right, top = image.get_bounds()
        if (right - left) * (top - bottom) >= 0.7 * page.get_width() * page.get_height():
            sizes.append(tuple(sorted(image.get_px_size())))
    return max(sizes, default=None)


def pictures(before, after, verdict):
    for index in range(min(len(before), MAXIMUM_PAGES)):
        try:
            one = draw(before, index)
        except Exception:
            continue
        try:
            two = draw(after, index)
        except Exception:
            verdict["not drawn"] = f"page {index + 1}"
            continue
        if one.shape != two.shape:
            verdict["other size"] = f"page {index + 1}: {one.shape} became {two.shape}"
            continue
        difference = numpy.abs(windows(one) - windows(two)).max()
        if difference > TOLERANCE:
            is_blank = two.std() < 1 < one.std()
            verdict["blank" if is_blank else "changed"] = f"page {index + 1}: a window by {difference:.0f}"
        old, new = filling(before[index]), filling(after[index])
        if old and new and new < old and (new[0] < min(FLOOR[0], old[0]) or new[1] < min(FLOOR[1], old[1])):
            verdict["few pixels"] = f"page {index + 1}: {old} became {new}"
        texts = [document[index].get_textpage().get_text_bounded().split() for document in (before, after)]
        if sorted("".join(texts[0])) != sorted("".join(texts[1])):
            verdict["text"] = f"page {index + 1}"
        elif texts[0] != texts[1]:
            # pdfium guesses blanks and lines from where glyphs stand.
            verdict["blanks"] = f"page {index + 1}"


def judge(source, result):
    verdict = {}
    try:
        before = pypdfium2.PdfDocument(source)
    except Exception:
        before = None
    if before is not None:
        try:
            pictures(before, pypdfium2.PdfDocument(result), verdict)
        except Exception as error:
            verdict["not opened"] = str(error)
    try:
        pikepdf.open(source).close()
    except Exception:  # What cannot be opened has nothing that could be counted.
        return verdict
    try:
        with pikepdf.open(source) as one, pikepdf.open(result) as two:
            counts = structure(one), structure(two)
            lost = {key: value for key, value in counts[0].items() if counts[1][key] < value}
            if lost:
                verdict["structure"] = ", ".join(sorted(lost))
            pixels = bilevel(one), bilevel(two)
            if pixels[1] < pixels[0]:
                verdict["bilevel"] = f"{pixels[0]} pixels became {pixels[1]}"
    except Exception as error:
        verdict["pikepdf"] = str(error)
    return verdict


class Judge(threading.local):
    """A judge in a process of its own, one for each thread: what pdfium crashes on costs one document."""

    child = None

    def __call__(self, source, result):
        verdict = self.ask(source, result)
        if verdict is None:
            # Where the source alone is too much for pdfium, nothing is known of the result.
            return {"not judged": "pdfium"} if self.ask(source, source) is None else {"crashes pdfium": "result"}
        return verdict

    def ask(self, source, result):
        if self.child is None:
            self.child = subprocess.Popen(
                [sys.executable, __file__, "--judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                stderr=subprocess.DEVNULL)
        try:
            self.child.stdin.write(json.dumps([source, result]) + "\n")
            self.child.stdin.flush()
            if select.select([self.child.stdout], [], [], PATIENCE)[0]:
                line = self.child.stdout.readline()
                if line:
                    return json.loads(line)
        except BrokenPipeError:
            pass
        self.child.kill()
        self.child.wait()
        self.child = None
        return None


def serve():
    """The judge's own loop."""
    for line in sys.stdin:
        print(json.dumps(judge(*json.loads(line))), flush=True)


def optimize(files, work, options):
    inputs = "".join(
        json.dumps({"id": str(number), "path": str(path)}) + "\n" for number, path in enumerate(files)
    )
    began = time.monotonic()
    run = subprocess.run(
        [TOOLS / "optimize", "--output-dir", work, *options], input=inputs, stdout=subprocess.PIPE, text=True
    )
    seconds = time.monotonic() - began
    records = [json.loads(line) for line in run.stdout.splitlines()]
    return run.returncode, seconds, records


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    arguments, options = sys.argv[1:], []
    if arguments == ["--judge"]:
        return serve()
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1 :]
    folders = parser.parse_args(arguments).folders
    files = [path for folder in folders for path in sorted(folder.rglob("*.[pP][dD][fF]")) if path.is_file()]
    work = scratch()
    try:
        return report(files, *optimize(files, work, options))
    finally:
        shutil.rmtree(work)


def report(files, status, seconds, records):
    print(f"{len(files)} documents, {len(records)} records, exit status {status}, {seconds:.1f} s")
    results = [record for record in records if record.get("optimize", {}).get("method", "original") != "original"]
    methods = collections.Counter(record.get("optimize", {}).get("method", "failed") for record in records)
    sizes = [
        sum(record.get("optimize", {}).get(key, 0) for record in records) for key in ("original_bytes", "bytes")
    ]
    reasons = collections.Counter(
        "".join(letter for letter in record["optimize"]["reason"])
        for record in records
        if record.get("optimize", {}).get("reason")
    )
    losses, affected = collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        verdicts = pool.map(Judge(), (r["path"] for r in results), (r["optimize"]["path"] for r in results))
        for record, verdict in zip(results, verdicts):
            losses.update(verdict.keys())
            affected += bool(verdict.keys() - NO_LOSS)
            if verdict:
                print(record["path"], record["optimize"]["method"], json.dumps(verdict))
    print(f"bytes: {sizes[0]:,} became {sizes[1]:,} ({sizes[1] / max(1, sizes[0]):.3f})")
    for title, counts in (("method", methods), ("kept because", reasons), ("lost", losses)):
        for name, number in counts.most_common(20):
            print(f"{title:14}{number:7,}  {name}")
    print(f"{affected} of {len(results)} results lost something")
    return 3 if affected else 0


if __name__ == "__main__":
    sys.exit(main())
