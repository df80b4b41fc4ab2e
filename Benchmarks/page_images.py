#!/usr/bin/env python3
"""Images into one PDF: `fetch --inspect` against img2pdf, in one run.

Twenty scanned pages in two colours, five in grey, as libtiff and libjpeg write them; the time is that of a process that is there
already, for both: img2pdf within Python, ours asked by its pipe. Needs what `make bench` installs:

    .build/bench/bin/python Benchmarks/page_images.py
"""

import argparse
import json
import shutil
import statistics
import subprocess
import time

import img2pdf
from PIL import Image

from harness import TOOLS, Portal, need, note, scratch, target

PAGES = 20


class Ours:
    """The process that `fetch` has for it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [TOOLS / "fetch", "--inspect"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def combine(self, sources, made):
        print(*(str(path).encode().hex() for path in (made, *sources)), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        assert answer.get("pages") == len(sources), answer


def theirs(sources, made):
    with open(made, "wb") as file:
        file.write(img2pdf.convert([str(path) for path in sources], rotation=img2pdf.Rotation.ifvalid))


def classes(work):
    """Pages that the sample portal drew: letter at 300 dots an inch, in two colours, and grey."""
    drawn = work / "drawn"
    drawn.mkdir()
    with Portal(work, "--documents", 40, "--scan-resolution", 300) as portal:
        for number in range(1, 41):
            if len(list(drawn.iterdir())) >= PAGES:
                break
            path = work / f"{number}.pdf"
            subprocess.run(["curl", "-sf", "-o", path, f"{portal.url}/documents/{number}.pdf"], check=True)
            subprocess.run(["pdftoppm", "-r", "300", "-gray", "-png", path, drawn / f"{number:02}"], check=True)
    sources = sorted(drawn.iterdir())[:PAGES]
    made = {}
    for name in ("G4", "G4 in strips", "LZW grey", "JPEG", "PNG"):
        folder = work / name.replace(" ", "-")
        folder.mkdir()
        made[name] = []
        for source in sources if "G4" in name else sources[:5]:
            picture = Image.open(source)
            plain = folder / f"{source.stem}.tif"
            if name in ("JPEG", "PNG"):
                path = folder / f"{source.stem}.{name.lower()}"
                picture.save(path, dpi=(300, 300), quality=85)
            else:
                (picture.convert("1", dither=Image.Dither.NONE) if "G4" in name else picture).save(plain, dpi=(300, 300))
                path = folder / f"{source.stem}.tiff"
                coding = ["-c", "lzw:2"] if name == "LZW grey" else ["-c", "g4", "-r", "200" if "strips" in name else "99999"]
                subprocess.run(["tiffcp", *coding, plain, path], check=True)
            made[name].append(path)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    need("curl", "pdftoppm", "tiffcp")
    work = scratch()
    ours = Ours()
    try:
        print(f"{'':16}{'ours, ms':>12}{'img2pdf, ms':>14}{'img2pdf ÷ ours':>16}{'our bytes ÷ its':>17}")
        for name, sources in classes(work).items():
            times = {"ours": [], "img2pdf": []}
            for _ in range(options.runs):
                for contender, combine in (("ours", ours.combine), ("img2pdf", theirs)):
                    began = time.monotonic()
                    combine(sources, work / f"{contender}.pdf")
                    times[contender].append(1000 * (time.monotonic() - began))
            mine, its = statistics.median(times["ours"]), statistics.median(times["img2pdf"])
            size = (work / "ours.pdf").stat().st_size / (work / "img2pdf.pdf").stat().st_size
            print(f"{name:16}{mine:12.1f}{its:14.1f}{its / mine:16.1f}{size:17.3f}")
            note(f"{name}: img2pdf's time ÷ ours, our bytes ÷ its", f"{its / mine:.1f}, {size:.3f}")
            if name == "G4":
                target(f"{PAGES} pages of Group 4, seconds", mine / 1000, most=0.1, form="{:.3f}")
    finally:
        ours.process.stdin.close()
        ours.process.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
