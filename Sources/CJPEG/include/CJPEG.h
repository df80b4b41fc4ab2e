#pragma once

#include <stddef.h>
#include <stdint.h>

/// JPEG by rows, with libjpeg. It ends the process on an error unless one jumps out of it, which
/// Swift must not (setjmp(3)); so this is C. Rows hold `components` samples a pixel.

/// What samples are, and whether Adobe's marker tells so: without it four are taken for inks.
enum cjpeg_space {
  cjpeg_grey,
  cjpeg_rgb,
  /// Luminance and two differences of colour.
  cjpeg_ycc,
  cjpeg_cmyk,
  cjpeg_cmyk_unmarked,
  /// The same of the inks but black, and black.
  cjpeg_ycck,
  /// Inks that are written as luminance and differences.
  cjpeg_cmyk_as_ycck,
};

/// A JPEG being read.
struct cjpeg_reader;

/// Begins to read `bytes`, which must live as long as the reader, at `eighths`/8 of their size (1,
/// 2, 4 or 8). Without Adobe's marker, three samples are luminance and differences where `transform` is 1,
/// and are not where it is 0; other values leave that to the data. NULL where they are damaged, where their
/// colours are none of those above, or where a JPEG of several scans would take more than `memory` bytes.
struct cjpeg_reader *cjpeg_read(const uint8_t *bytes, size_t count, int eighths, int transform,
                                size_t memory);

/// What it reads: pixels in a row, rows, and 1, 3 or 4 samples a pixel.
int cjpeg_width(const struct cjpeg_reader *reader);
int cjpeg_height(const struct cjpeg_reader *reader);
int cjpeg_components(const struct cjpeg_reader *reader);

/// What the samples are, which are not converted.
enum cjpeg_space cjpeg_space(const struct cjpeg_reader *reader);

/// Reads the next row; after the last, sees that the data end as they should. 0 where they are
/// damaged, even where libjpeg would make something of them.
int cjpeg_read_row(struct cjpeg_reader *reader, uint8_t *row);

void cjpeg_close_reader(struct cjpeg_reader *reader);

/// A JPEG being written.
struct cjpeg_writer;

/// Begins a progressive JPEG of so many pixels, of such samples and quality (1 to 100). NULL where that
/// is not possible.
struct cjpeg_writer *cjpeg_write(int width, int height, enum cjpeg_space space, int quality);

/// Takes the next row. 0 where that failed.
int cjpeg_write_row(struct cjpeg_writer *writer, const uint8_t *row);

/// After the last row: the JPEG, which is the writer's. NULL where that failed.
const uint8_t *cjpeg_finish(struct cjpeg_writer *writer, size_t *count);

void cjpeg_close_writer(struct cjpeg_writer *writer);

/// The JPEG in `bytes` with the same coefficients, so that each pixel stays, and with codes of its own:
/// in several scans, or in one. To be given back to free(3). NULL where it is damaged, where its colours
/// are none of those above, where its coefficients would take more than `memory` bytes, or where what was
/// written was not read again as it was.
uint8_t *cjpeg_recode(const uint8_t *bytes, size_t count, int is_progressive, size_t memory,
                      size_t *recoded);
