#!/usr/bin/env python3
"""optimize against plain Ghostscript (xargs -P2 gs -dPDFSETTINGS=/ebook -r150), in one run.

Prints for each class of documents what is left of their bytes, how near the pages are to the
original (PSNR and SSIM of pages drawn at 100 dpi in grey), and documents per second. Both keep the
original where the result is not smaller. Needs what `make bench` installs:

    .build/bench/bin/python Benchmarks/optimize.py --scans 40 folder-with-pdfs
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy
import pypdfium2
from PIL import Image

from harness import TOOLS, Portal, emptied, measure, need, rounds, scratch, table, note

GHOSTSCRIPT = "gs -q -dSAFER -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -dPDFSETTINGS=/ebook -r150"


def portal_pages(work, count):
    """The sample portal's documents, letter pages at 300 dpi: half of them G4, half of them grey JPEG."""
    with Portal(work, "--documents", 20 * count + 20, "--scan-resolution", 300) as portal:
        found = {"bilevel": [], "grey": []}
        for number in range(1, 20 * count + 20):
            if min(map(len, found.values())) >= count:
                break
            path = work / f"{number}.pdf"
            if subprocess.run(["curl", "-sf", "-o", path, f"{portal.url}/documents/{number}.pdf"]).returncode:
                continue
            kind = "bilevel" if b"/CCITTFaxDecode" in path.read_bytes() else "grey"
            if len(found[kind]) < count:
                found[kind].append(path)
        return found


def coloured(source, target, number):
    """A first page again as a colour scan at 300 dpi: paper with a tint and a grain, dark blue ink."""
    with pypdfium2.PdfDocument(source) as document:
        bitmap = document[0].render(scale=300 / 72, grayscale=True)
        height, width = bitmap.height, bitmap.width
        grey = numpy.array(bitmap.to_numpy(), dtype=numpy.float32).reshape(height, width)
    ink = 1 - grey / 255
    random = numpy.random.default_rng(number)
    paper = numpy.array([244, 238, 220], dtype=numpy.float32)
    shade = numpy.linspace(0, 8, width, dtype=numpy.float32)[None, :, None]
    grain = random.normal(0, 2.5, (height, width, 1)).astype(numpy.float32)
    pixels = (paper - shade) * (1 - ink[..., None]) + numpy.array([35, 35, 90]) * ink[..., None]
    picture = Image.fromarray(numpy.clip(pixels + grain, 0, 255).astype(numpy.uint8))
    picture.save(target, "PDF", resolution=300, quality=85)


def generate(work, count):
    classes = portal_pages(emptied(work / "portal"), math.ceil(count / 3))
    directory = emptied(work / "colour")
    classes["colour"] = []
    # In another process: the peak of memory of what is measured would begin at ours (getrusage(2) counts from fork).
    with ProcessPoolExecutor(1) as pool:
        for number, source in enumerate(classes["grey"]):
            target = directory / f"c{number}.pdf"
            pool.submit(coloured, source, target, number).result()
            classes["colour"].append(target)
    return classes


def pages(path):
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            bitmap = page.render(scale=100 / 72, grayscale=True)
            yield numpy.array(bitmap.to_numpy(), dtype=numpy.float64).reshape(bitmap.height, bitmap.width)


def means(values, size=7):
    """The mean of each window of size × size, by sums of sums."""
    sums = numpy.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2


def fidelity(before, after):
    """PSNR in dB and SSIM of two pages; None where they are identical or differ in size."""
    if before.shape != after.shape:
        return 0.0, 0.0
    error = numpy.mean((before - after) ** 2)
    if error == 0:
        return None
    mean_a, mean_b = means(before), means(after)
    variance_a = means(before * before) - mean_a**2
    variance_b = means(after * after) - mean_b**2
    covariance = means(before * after) - mean_a * mean_b
    c1, c2 = 2.55**2, 7.65**2
    ssim = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
    return 10 * math.log10(255**2 / error), float(ssim.mean())


def compare(name, sources, results):
    """One line for each contender. `results`: contender -> {source: its result, or the source}."""
    before = sum(path.stat().st_size for path in sources)
    print(f"\n{name}: {len(sources)} documents, {before / 1e6:.1f} MB")
    sizes = {}
    for contender, outcome in results.items():
        after = sum(outcome[path].stat().st_size for path in sources)
        sizes[contender] = after
        scores, same = [], 0
        for path in sources:
            if outcome[path] == path:
                continue
            try:
                for a, b in zip(pages(path), pages(outcome[path]), strict=True):
                    score = fidelity(a, b)
                    scores.append(score) if score else None
                    same += not score
            except (pypdfium2.PdfiumError, ValueError) as error:
                print(f"    {path.name}: {contender}: {error}")
        kept = sum(outcome[path] == path for path in sources)
        text = f"{same} pages identical"
        if scores:
            psnr, ssim = (sum(column) / len(scores) for column in zip(*scores))
            text += f", {len(scores)} with {psnr:.1f} dB, SSIM {ssim:.4f}"
        print(f"  {contender:16}{after / before:8.3f} of the bytes; {kept} originals kept; {text}")
    ours, theirs = sizes.values()
    print(f"  ours ÷ gs{ours / theirs:15.3f}")
    note(f"{name}: bytes ÷ Ghostscript's", f"{ours / theirs:.3f}")
    return ours, theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="PDFs of your own")
    parser.add_argument("--scans", type=int, default=40, help="scans to generate, a third of each class")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engine", default="auto", help="of optimize: auto, images, ghostscript")
    parser.add_argument("--gs-isolation", default="worker", help="of optimize: worker, document")
    options = parser.parse_args()
    need("gs", "curl")
    work = scratch()
    try:
        classes = generate(work, options.scans) if options.scans else {}
        if options.folder:
            classes[options.folder.name] = sorted(options.folder.resolve().glob("*.pdf"))
        run(work, classes, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run(work, classes, options):
    totals = []
    for name, sources in classes.items():
        inputs = emptied(work / "in")
        links = {}
        for number, path in enumerate(sources):
            links[path] = inputs / f"{number}.pdf"
            links[path].symlink_to(path)
        listing = work / "list"
        listing.write_text("".join(f"{link.name}\n" for link in links.values()))
        ours, theirs = work / "ours", work / "gs"
        records = work / "records"

        def optimize():
            emptied(ours)
            return measure(
                [TOOLS / "optimize", "--workers", str(options.workers), "--engine", options.engine,
                 "--gs-isolation", options.gs_isolation, "-o", ours, "--log-level", "error",
                 *links.values()], stdout=records)

        def ghostscript():
            emptied(theirs)
            return measure(
                f"cd {inputs} && xargs -P{options.workers} -I@ {GHOSTSCRIPT} -o {theirs}/@ @ <{listing}",
                may_fail=True, stdout=os.devnull)

        samples = rounds({"optimize": optimize, "xargs gs": ghostscript}, options.runs)
        table(f"{name}: documents, {options.workers} at a time", samples, len(sources), "optimize")
        made = {}
        for line in records.read_text().splitlines():
            record = json.loads(line)
            made[Path(record["path"]).name] = record["optimize"]
        results = {"optimize": {}, "gs if smaller": {}}
        for path, link in links.items():
            member = made[link.name]
            kept = member["method"] == "original"
            results["optimize"][path] = path if kept else Path(member["path"])
            other = theirs / link.name
            smaller = other.exists() and 0 < other.stat().st_size < path.stat().st_size
            results["gs if smaller"][path] = other if smaller else path
        totals.append(compare(name, sources, results))
    ours, theirs = map(sum, zip(*totals))
    print(f"\nall together: ours ÷ gs {ours / theirs:.3f}")
    note("all together: bytes ÷ Ghostscript's", f"{ours / theirs:.3f}")


if __name__ == "__main__":
    main()
