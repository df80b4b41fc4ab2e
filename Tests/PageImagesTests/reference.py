"""Images by other people's encoders, and what other people's decoders see in the PDFs that were made of them.

    reference.py FOLDER

makes the images in FOLDER and prints their names, as JSON, in a line; then, for each name that it reads, it compares
the PDF beside the image (NAME.pdf) with the image and prints what differs, a line of JSON each. The references are
Pillow (libtiff, libjpeg-turbo, libpng) and the samples that an image was made of; PDFs are drawn by pdfium, and
unpacked by poppler and libqpdf.
"""

import io
import json
import os
import subprocess
import sys

import numpy
import pikepdf
import pypdfium2
from PIL import Image, ImageDraw, ImageOps

Image.MAX_IMAGE_PIXELS = None
folder = sys.argv[1]

# What is checked of each image; see `compare`.
cases = {}


def case(name, reference, **facts):
    """`reference`: pages as Pillow images, or as arrays of samples."""
    cases[name] = {"pages": reference, **facts}


def path(name):
    return os.path.join(folder, name)


# --- Pictures


def letters(width=411, height=267, mode="L"):
    """Text-like shapes, edges and gradients: nothing is alike under a turn or a mirror."""
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    for line in range(12):
        for letter in range(width // 20):
            x, y = 10 + letter * 19, 10 + line * height // 14
            draw.rectangle((x, y, x + (letter * 7 + line) % 11, y + (letter * 3 + line * 5) % 19), fill=0)
    draw.ellipse((width - 90, 30, width - 20, 70), outline=0, width=3)
    draw.polygon(((5, height - 5), (60, height - 5), (5, height - 70)), fill=0)
    if mode == "1":
        return picture.convert("1")
    grey = numpy.asarray(picture, dtype=numpy.int32)
    ramp = numpy.add.outer(numpy.arange(height) // 9, numpy.arange(width) // 7) % 64
    grey = numpy.clip(grey - ramp, 0, 255).astype(numpy.uint8)
    if mode == "L":
        return Image.fromarray(grey)
    planes = [grey, numpy.roll(grey, 40, 0), numpy.roll(grey, 60, 1), 255 - grey]
    return Image.merge(mode, [Image.fromarray(planes[index]) for index in range(len(mode))])


def samples16(channels, width=150, height=90):
    """Samples of 16 bits whose lower halves count."""
    y, x, c = numpy.meshgrid(range(height), range(width), range(channels), indexing="ij")
    return ((x * 419 + y * 733 + c * 9973 + (x * y) % 251) % 65536).astype(numpy.uint16)


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def tiffcp(source, target, *options):
    run("tiffcp", *options, path(source), path(target))


# --- TIFF


def fax():
    page = letters(mode="1")
    page.save(path("plain.tif"), dpi=(72, 72))
    for name, compression, rows in (
        ("g4.tif", "g4", 267), ("g4-strips.tif", "g4", 37), ("g4-rows.tif", "g4", 1),
        ("g3.tif", "g3:1d", 267), ("g3-strips.tif", "g3:1d", 50), ("g3-fill.tif", "g3:1d:fill", 100),
        ("g3-2d.tif", "g3:2d", 267), ("g3-2d-strips.tif", "g3:2d", 64), ("g3-2d-fill.tif", "g3:2d:fill", 267),
        ("lzw-bilevel.tif", "lzw", 40), ("deflate-bilevel.tif", "zip", 267), ("packbits.tif", "packbits", 16),
        ("uncompressed.tif", "none", 77),
    ):
        tiffcp("plain.tif", name, "-c", compression, "-r", str(rows))
        isCarried = name.startswith("g") and "strips" not in name and "rows" not in name and name != "g3-fill.tif"
        case(name, [page], carried=isCarried, images=1)
    for name, options in (
        ("g4-lsb.tif", ("-f", "lsb2msb", "-c", "g4")), ("g4-lsb-strips.tif", ("-f", "lsb2msb", "-c", "g4", "-r", "33")),
        ("lzw-lsb.tif", ("-f", "lsb2msb", "-c", "lzw")), ("g3-lsb.tif", ("-f", "lsb2msb", "-c", "g3:1d", "-r", "267")),
        ("g4-big.tif", ("-B", "-c", "g4", "-r", "267")), ("g4-bigtiff.tif", ("-8", "-c", "g4", "-r", "267")),
        ("tiles-bilevel.tif", ("-t", "-w", "256", "-l", "128", "-c", "lzw")),
    ):
        tiffcp("plain.tif", name, *options)
        case(name, [page], images=1)
    tiffcp("plain.tif", "g4-tiles.tif", "-t", "-w", "256", "-l", "128", "-c", "g4")
    case("g4-tiles.tif", [page], images=6)
    # The encoding of a picture in Group 4 is as good as unique: strips put together are what libtiff writes in one.
    for name in ("g4-strips.tif", "g4-rows.tif", "g4-lsb-strips.tif"):
        cases[name]["same"] = "g4.tif"
    # The other photometric interpretation, by Pillow's encoder.
    for photometric in (0, 1):
        for compression in ("group4", "group3", "tiff_ccitt", "raw", "packbits"):
            name = f"pillow-{compression}-{photometric}.tif"
            page.save(path(name), compression=compression, tiffinfo={262: photometric}, dpi=(72, 72))
            case(name, [Image.open(path(name)).convert("1")])


def many():
    for count in (1, 2, 20):
        pages = [ImageOps.expand(letters(300 + 13 * index, 200 + index, "1"), 1) for index in range(count)]
        name = f"pages-{count}.tif"
        pages[0].save(path(name), compression="group4", save_all=True, append_images=pages[1:], dpi=(72, 72))
        case(name, pages, images=1)
    mixed = [letters(mode="1"), letters(mode="L"), letters(mode="RGB"), letters(mode="RGB").quantize(64)]
    mixed[0].save(path("mixed.tif"), compression="tiff_lzw", save_all=True, append_images=mixed[1:], dpi=(72, 72))
    case("mixed.tif", mixed)


def samples():
    for mode in ("L", "RGB", "CMYK"):
        letters(mode=mode).save(path(f"{mode}.tif"), dpi=(72, 72))
        for name, options in (
            ("lzw", ("-c", "lzw", "-r", "40")), ("lzw2", ("-c", "lzw:2", "-r", "17")), ("zip", ("-c", "zip", "-r", "267")),
            ("zip2", ("-c", "zip:2", "-r", "100")), ("none", ("-c", "none")), ("packbits", ("-c", "packbits")),
            ("planar", ("-p", "separate", "-c", "lzw:2", "-r", "50")), ("tiles", ("-t", "-w", "208", "-l", "96", "-c", "zip:2")),
            ("big", ("-B", "-c", "lzw:2")), ("lsb", ("-f", "lsb2msb", "-c", "zip")),
        ):
            if mode == "L" and name == "planar":
                continue
            tiffcp(f"{mode}.tif", f"{mode}-{name}.tif", *options)
            case(f"{mode}-{name}.tif", [letters(mode=mode)], images=1)
    for colours in (2, 4, 16, 200):
        palette = letters(mode="RGB").quantize(colours)
        for bits in (1, 2, 4, 8):
            if colours > 1 << bits:
                continue
            name = f"palette-{colours}-{bits}.tif"
            write_tiff(name, numpy.asarray(palette)[:, :, None], 3, bits, palette.getpalette()[: 3 * colours])
            # Poppler takes pictures of one bit for black and white.
            case(name, [palette.convert("RGB")], plain=bits > 1)
    for bits in (2, 4):
        grey = (numpy.asarray(letters()) >> (8 - bits))[:, :, None]
        for photometric in (0, 1):
            name = f"grey-{bits}-{photometric}.tif"
            write_tiff(name, grey, photometric, bits)
            shade = grey[:, :, 0].astype(numpy.uint16) * 255 // ((1 << bits) - 1)
            case(name, [Image.fromarray((255 - shade if photometric == 0 else shade).astype(numpy.uint8))])
    for order in ("II", "MM"):
        for channels, photometric in ((1, 1), (3, 2), (4, 5)):
            data = samples16(channels)
            for predictor in (1, 2):
                name = f"deep-{order}-{channels}-{predictor}.tif"
                write_tiff(name, data, photometric, 16, order=order, predictor=predictor)
                case(name, [data])


def write_tiff(name, data, photometric, bits, palette=None, order="II", predictor=1, extra=None, tags=()):
    """A TIFF by the book, deflated: for what no encoder at hand writes."""
    import struct
    import zlib

    height, width, channels = data.shape
    data = data.astype(numpy.uint16 if bits == 16 else numpy.uint8)
    if predictor == 2:
        data = numpy.concatenate((data[:, :1], data[:, 1:] - data[:, :-1]), axis=1)
    if bits == 16:
        raw = data.astype(order == "II" and "<u2" or ">u2").tobytes()
    elif bits == 8:
        raw = data.tobytes()
    else:
        shifts = numpy.arange(bits - 1, -1, -1, dtype=numpy.uint8)
        raw = numpy.packbits(((data.reshape(height, -1, 1) >> shifts) & 1).reshape(height, -1), axis=1).tobytes()
    body = zlib.compress(raw)
    sign = "<" if order == "II" else ">"
    fields = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [8]), 262: (3, [photometric]),
        273: (4, [8]), 277: (3, [channels]), 278: (4, [height]), 279: (4, [len(body)]), 282: (5, [72, 1]), 283: (5, [72, 1]), 317: (3, [predictor]),
    }
    if palette:
        full = list(palette) + [0] * (3 * (1 << bits) - len(palette))
        fields[320] = (3, [full[3 * index + part] * 257 for part in range(3) for index in range(1 << bits)])
    if extra is not None:
        fields[338] = (3, [extra])
    fields.update(dict(tags))
    body += b"\0" * (len(body) % 2)
    start = 8 + len(body)
    later = start + 2 + 12 * len(fields) + 4
    directory, values = struct.pack(sign + "H", len(fields)), b""
    for tag, (kind, numbers) in sorted(fields.items()):
        packed = struct.pack(sign + {3: "H", 4: "I", 5: "I"}[kind] * len(numbers), *numbers)
        count = len(numbers) // (2 if kind == 5 else 1)
        if len(packed) > 4:
            place = struct.pack(sign + "I", later + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        directory += struct.pack(sign + "HHI", tag, kind, count) + place
    head = order.encode() + struct.pack(sign + "HI", 42, start)
    with open(path(name), "wb") as file:
        file.write(head + body + directory + b"\0\0\0\0" + values)


def transparent():
    colour = numpy.asarray(letters(mode="RGB"))
    alpha = numpy.asarray(letters().transpose(Image.Transpose.FLIP_LEFT_RIGHT))[:, :, None]
    data = numpy.concatenate((colour, alpha), axis=2)
    flat = over_white(data)
    write_tiff("alpha-2.tif", data, 2, 8, extra=2)
    case("alpha-2.tif", [flat])
    write_tiff("alpha-0.tif", data, 2, 8, extra=0)
    case("alpha-0.tif", [Image.fromarray(colour)])
    multiplied = numpy.concatenate(((colour.astype(numpy.uint32) * alpha // 255).astype(numpy.uint8), alpha), axis=2)
    write_tiff("alpha-1.tif", multiplied, 2, 8, extra=1)
    case("alpha-1.tif", [Image.fromarray((multiplied[:, :, :3].astype(numpy.int32) + 255 - alpha).astype(numpy.uint8))])
    deep = samples16(4)
    write_tiff("alpha-deep.tif", deep, 2, 16, extra=2, order="MM")
    case("alpha-deep.tif", [over_white(deep)])
    grey = numpy.concatenate((colour[:, :, :1], alpha), axis=2)
    write_tiff("alpha-white.tif", grey, 0, 8, extra=2)
    shown = (255 - grey[:, :, :1].astype(numpy.uint32)) * grey[:, :, 1:] + 255 * (255 - grey[:, :, 1:].astype(numpy.uint32))
    case("alpha-white.tif", [Image.fromarray(((shown + 127) // 255).astype(numpy.uint8)[:, :, 0])])


def over_white(data):
    """Of samples with a last one that says how opaque they are; by the definition, rounded."""
    most = numpy.iinfo(data.dtype).max
    colour, alpha = data[:, :, :-1].astype(numpy.uint64), data[:, :, -1:].astype(numpy.uint64)
    flat = ((colour * alpha + most * (most - alpha) + most // 2) // most).astype(data.dtype)
    if most > 255:
        return flat
    return Image.fromarray(flat[:, :, 0] if flat.shape[2] == 1 else flat)


def turned():
    for orientation in range(1, 9):
        for kind in ("tif", "jpg", "png"):
            name = f"turned-{orientation}.{kind}"
            picture = letters(141, 90, "RGB" if kind == "jpg" else "L")
            if kind == "tif":
                picture.save(path(name), compression="tiff_lzw", tiffinfo={274: orientation}, dpi=(72, 72))
            else:
                exif = Image.Exif()
                exif[274] = orientation
                picture.save(path(name), exif=exif, dpi=(72, 72), quality=90)
            case(name, [ImageOps.exif_transpose(Image.open(path(name)))], plain=orientation == 1)


def resolutions():
    picture = letters(400, 300)
    for name, dpi in (("tif", (203, 98)), ("jpg", (120, 240)), ("png", (72, 144))):
        picture.save(path(f"odd.{name}"), dpi=dpi)
        case(f"odd.{name}", [Image.open(path(f"odd.{name}"))], dpi=dpi)
        picture.save(path(f"none.{name}"))
        case(f"none.{name}", [Image.open(path(f"none.{name}"))], dpi=(72, 72))
    picture.save(path("metric.tif"), resolution_unit="cm", resolution=100)
    case("metric.tif", [picture], dpi=(254, 254))
    for name, size, dpi in (("letter", (2550, 3300), 300), ("legal", (1700, 2800), 200), ("plat", (7200, 480), 600)):
        page = Image.new("1", size, 1)
        ImageDraw.Draw(page).line((0, 0, *size), fill=0, width=5)
        page.save(path(f"{name}.tif"), compression="group4", tiffinfo={282: 0.0, 283: 0.0})
        case(f"{name}.tif", [page], dpi=(dpi, dpi))


# --- JPEG


def jpegs():
    for mode in ("L", "RGB"):
        for name, options in (
            ("plain", {}), ("progressive", {"progressive": True}), ("whole", {"subsampling": 0}),
            ("quarter", {"subsampling": 2, "restart_marker_rows": 2}), ("best", {"quality": 100}),
        ):
            if mode == "L":
                options.pop("subsampling", None)
            letters(mode=mode).save(path(f"{mode}-{name}.jpg"), dpi=(72, 72), **options)
            case(f"{mode}-{name}.jpg", [Image.open(path(f"{mode}-{name}.jpg"))], carried=True)
    # Adobe's inversion: Pillow writes it, and takes it for granted. Without the marker nothing is inverted.
    letters(mode="CMYK").save(path("cmyk.jpg"), dpi=(72, 72))
    case("cmyk.jpg", [Image.open(path("cmyk.jpg"))], carried=True)
    with open(path("cmyk.jpg"), "rb") as file:
        data = file.read()
    place = data.index(b"\xff\xeeand"[:2])
    length = int.from_bytes(data[place + 2 : place + 4], "big")
    with open(path("cmyk-unmarked.jpg"), "wb") as file:
        file.write(data[:place] + data[place + 2 + length :])
    case("cmyk-unmarked.jpg", [255 - numpy.asarray(Image.open(path("cmyk.jpg")))], carried=True)
    letters(mode="RGB").save(path("source.ppm"))
    for name, options in (("rgb", ("-rgb",)), ("arithmetic", ("-arithmetic",)), ("smooth", ("-smooth", "20"))):
        with open(path(f"cjpeg-{name}.jpg"), "wb") as file:
            subprocess.run(("cjpeg", *options, path("source.ppm")), stdout=file, check=True)
        if name == "arithmetic":
            case(f"cjpeg-{name}.jpg", [], error="unsupported")
        else:
            case(f"cjpeg-{name}.jpg", [Image.open(path(f"cjpeg-{name}.jpg"))], carried=True)
    for name, picture, options in (
        ("strip", letters(mode="RGB"), ("-r", "267")), ("strips", letters(mode="RGB"), ("-r", "160")),
        ("tiles", letters(mode="RGB"), ("-t", "-w", "256", "-l", "256")), ("grey", letters(), ("-r", "80")),
    ):
        picture.save(path("source.tif"), dpi=(72, 72))
        tiffcp("source.tif", f"jpeg-{name}.tif", "-c", "jpeg:95", *options)
        case(f"jpeg-{name}.tif", [Image.open(path(f"jpeg-{name}.tif")).convert(picture.mode)])
    letters(mode="RGB").save(path("source.tif"), dpi=(72, 72))
    tiffcp("source.tif", "jpeg-raw.tif", "-c", "jpeg:r:95", "-r", "267")
    case("jpeg-raw.tif", [Image.open(path("jpeg-raw.tif")).convert("RGB")])


# --- PNG


def pngs():
    for bits, mode in ((1, "1"), (8, "L"), (8, "RGB")):
        for optimize in (False, True):
            name = f"{mode}-{optimize}.png"
            letters(mode=mode).save(path(name), dpi=(72, 72), optimize=optimize)
            case(name, [letters(mode=mode)], images=1, dpi=(72, 72))
    for colours in (2, 4, 16, 250):
        picture = letters(mode="RGB").quantize(colours)
        picture.save(path(f"palette-{colours}.png"), dpi=(72, 72))
        case(f"palette-{colours}.png", [picture.convert("RGB")], plain=colours > 2)
        alphas = bytes((index * 37) % 256 for index in range(colours))
        picture.save(path(f"palette-clear-{colours}.png"), transparency=alphas, dpi=(72, 72))
        case(f"palette-clear-{colours}.png", [over_white(numpy.asarray(Image.open(path(f"palette-clear-{colours}.png")).convert("RGBA")))], plain=colours > 2)
    for kind, channels in ((0, 1), (2, 3), (4, 2), (6, 4)):
        for bits in (8, 16):
            data = samples16(channels) if bits == 16 else (samples16(channels) >> 8).astype(numpy.uint8)
            expected = over_white(data) if kind >= 4 else data
            for interlaced in (False, True):
                name = f"kind-{kind}-{bits}-{interlaced}.png"
                write_png(name, data, kind, bits, interlaced)
                case(name, [expected])
    for bits in (1, 2, 4):
        data = (samples16(1, 83, 47) >> (16 - bits)).astype(numpy.uint8)
        for interlaced in (False, True):
            name = f"grey-{bits}-{interlaced}.png"
            write_png(name, data, 0, bits, interlaced)
            case(name, [Image.fromarray((data[:, :, 0].astype(numpy.uint16) * 255 // ((1 << bits) - 1)).astype(numpy.uint8))])
    for width, height in ((1, 1), (2, 9), (5, 1), (3, 3)):
        data = (samples16(3, width, height) >> 8).astype(numpy.uint8)
        write_png(f"small-{width}-{height}.png", data, 2, 8, True)
        case(f"small-{width}-{height}.png", [data])
    grey = letters()
    key = numpy.asarray(grey)[133, 200].item()
    grey.save(path("key.png"), transparency=key, dpi=(72, 72))
    shown = numpy.asarray(grey).copy()
    shown[shown == key] = 255
    case("key.png", [Image.fromarray(shown)], plain=False)


def write_png(name, data, kind, bits, interlaced):
    """A PNG by the book, each row with another filter: Pillow writes neither these depths nor these orders."""
    import struct
    import zlib

    height, width, channels = data.shape

    def rows(part):
        if part.shape[0] == 0 or part.shape[1] == 0:
            return b""
        if bits == 16:
            raw = part.astype(">u2").view(numpy.uint8).reshape(part.shape[0], -1)
        elif bits == 8:
            raw = part.reshape(part.shape[0], -1)
        else:
            shifts = numpy.arange(bits - 1, -1, -1, dtype=numpy.uint8)
            raw = numpy.packbits(((part.reshape(part.shape[0], -1, 1) >> shifts) & 1).reshape(part.shape[0], -1), axis=1)
        distance = max(1, channels * bits // 8)
        above, result = numpy.zeros(raw.shape[1], numpy.int32), b""
        for number, row in enumerate(raw.astype(numpy.int32)):
            left = numpy.concatenate((numpy.zeros(distance, numpy.int32), row))[: len(row)]
            corner = numpy.concatenate((numpy.zeros(distance, numpy.int32), above))[: len(row)]
            estimate = left + above - corner
            a, b, c = abs(estimate - left), abs(estimate - above), abs(estimate - corner)
            paeth = numpy.where((a <= b) & (a <= c), left, numpy.where(b <= c, above, corner))
            foretold = (0 * row, left, above, (left + above) // 2, paeth)[number % 5]
            result += bytes([number % 5]) + ((row - foretold) % 256).astype(numpy.uint8).tobytes()
            above = row
        return result

    if interlaced:
        passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        raw = b"".join(rows(data[y::dy, x::dx]) for x, y, dx, dy in passes)
    else:
        raw = rows(data)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = zlib.compress(raw)
    half = len(packed) // 2
    with open(path(name), "wb") as file:
        file.write(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced))
            + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b""))


# --- Comparing


def images_of(page):
    return [page.resources.XObject[name] for name in page.resources.XObject]


def unpacked(image):
    """The samples of an image as libqpdf unpacks them, without what its colour space makes of them."""
    bits, width, height = int(image.BitsPerComponent), int(image.Width), int(image.Height)
    raw = numpy.frombuffer(image.read_bytes(), numpy.uint8)
    data = raw.view(">u2") if bits == 16 else raw
    return data.reshape(height, width, -1)


def inverted(image):
    return "/Decode" in image and float(image.Decode[0]) == 1


def drawn(document, number):
    """A page as pdfium draws it, a pixel for each point."""
    return document[number].render(scale=1, no_smoothimage=True).to_pil().convert("RGB")


def extracted(name):
    """The images of a PDF as poppler unpacks them."""
    run("pdfimages", "-png", path(name + ".pdf"), path("extracted"))
    pictures = []
    for file in sorted(file for file in os.listdir(folder) if file.startswith("extracted-")):
        with Image.open(path(file)) as picture:
            pictures.append(picture.convert("RGB"))
        os.remove(path(file))
    return pictures


def difference(a, b):
    """How many pixels differ, or why they cannot be compared."""
    a, b = numpy.asarray(a), numpy.asarray(b)
    if a.shape != b.shape:
        return f"{a.shape} and {b.shape}"
    return int((a != b).reshape(a.shape[0], a.shape[1], -1).any(axis=2).sum())


def compare(name):
    facts = cases[name]
    problems = []

    def check(what, isRight):
        if not isRight:
            problems.append(what)

    with pikepdf.open(path(name + ".pdf")) as pdf:
        check("pages", len(pdf.pages) == len(facts["pages"]))
        document = pypdfium2.PdfDocument(path(name + ".pdf"))
        isPlain = facts.get("plain", True) and all(len(images_of(page)) == 1 for page in pdf.pages)
        pictures = extracted(name) if isPlain else []
        for number, reference in enumerate(facts["pages"]):
            images = images_of(pdf.pages[number])
            if "images" in facts:
                check(f"{len(images)} images", len(images) == facts["images"])
            if "dpi" in facts:
                box = [float(side) for side in pdf.pages[number].MediaBox]
                dpi = (72 * int(images[0].Width) / box[2], 72 * int(images[0].Height) / box[3])
                check(f"resolution {dpi}", all(abs(a / b - 1) < 1e-4 for a, b in zip(dpi, facts["dpi"])))
            if facts.get("carried"):
                with open(path(name), "rb") as file:
                    check("not carried over", images[0].read_raw_bytes() in file.read())
            if "same" in facts:
                with open(path(facts["same"]), "rb") as file:
                    check("not as in one strip", images[0].read_raw_bytes() in file.read())
            isDeep = not isinstance(reference, Image.Image)
            if isDeep or reference.mode == "CMYK":
                samples = numpy.asarray(reference)
                if images[0].Filter == "/DCTDecode":
                    # Pillow inverts on its own account.
                    data = 255 - numpy.asarray(Image.open(io.BytesIO(images[0].read_raw_bytes())))
                else:
                    data = unpacked(images[0])
                data = numpy.iinfo(data.dtype).max - data if inverted(images[0]) else data
                count = difference(data, samples)
                check(f"page {number + 1}: samples differ: {count}", count == 0)
                continue
            expected = reference.convert("RGB")
            # At another resolution than this, drawing has to choose between pixels.
            if "dpi" not in facts:
                count = difference(expected, drawn(document, number))
                check(f"page {number + 1}: pdfium draws others: {count}", count == 0)
            if isPlain:
                count = difference(expected, pictures[number])
                check(f"page {number + 1}: poppler unpacks others: {count}", count == 0)
    return {"name": name, "problems": problems}


for make in (fax, many, samples, transparent, turned, resolutions, jpegs, pngs):
    make()
print(json.dumps({name: facts.get("error") for name, facts in cases.items()}), flush=True)
for line in sys.stdin:
    try:
        print(json.dumps(compare(line.strip())), flush=True)
    except Exception as error:
        print(json.dumps({"name": line.strip(), "problems": [repr(error)]}), flush=True)
