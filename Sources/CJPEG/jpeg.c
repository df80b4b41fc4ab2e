#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

// Where libjpeg's errors go: back to whoever called it. It has nothing to say to anybody.
struct trouble {
  struct jpeg_error_mgr manager;
  jmp_buf out;
};

static void leave(j_common_ptr info) { longjmp(((struct trouble *)info->err)->out, 1); }

static void ignore(j_common_ptr info) { (void)info; }

static struct jpeg_error_mgr *set_up(struct trouble *trouble) {
  jpeg_std_error(&trouble->manager);
  trouble->manager.error_exit = leave;
  trouble->manager.output_message = ignore;
  return &trouble->manager;
}

struct cjpeg_reader {
  struct jpeg_decompress_struct info;
  struct trouble trouble;
};

// A JPEG of several scans is decoded only when all of its coefficients are there.
static size_t memory_of_scans(j_decompress_ptr info) {
  size_t bytes = 0;
  if (!jpeg_has_multiple_scans(info)) return 0;
  for (int i = 0; i < info->num_components; i++) {
    jpeg_component_info *component = &info->comp_info[i];
    bytes += (size_t)component->width_in_blocks * component->height_in_blocks * sizeof(JBLOCK);
  }
  return bytes;
}

static int is_known(J_COLOR_SPACE space) {
  return space == JCS_GRAYSCALE || space == JCS_YCbCr || space == JCS_RGB || space == JCS_CMYK ||
         space == JCS_YCCK;
}

struct cjpeg_reader *cjpeg_read(const uint8_t *bytes, size_t count, int eighths, int transform,
                                size_t memory) {
  struct cjpeg_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) return NULL;
  j_decompress_ptr info = &reader->info;
  info->err = set_up(&reader->trouble);
  if (setjmp(reader->trouble.out) != 0) {
    cjpeg_close_reader(reader);
    return NULL;
  }
  jpeg_create_decompress(info);
  jpeg_mem_src(info, bytes, count);
  jpeg_read_header(info, TRUE);
  if (info->num_components == 3 && !info->saw_Adobe_marker && (transform == 0 || transform == 1))
    info->jpeg_color_space = transform == 1 ? JCS_YCbCr : JCS_RGB;
  J_COLOR_SPACE space = info->jpeg_color_space;
  if (!is_known(space) || memory_of_scans(info) > memory) {
    cjpeg_close_reader(reader);
    return NULL;
  }
  // No conversion: averages of one are averages of the other.
  info->out_color_space = space;
  info->scale_num = eighths;
  info->scale_denom = 8;
  jpeg_start_decompress(info);
  return reader;
}

int cjpeg_width(const struct cjpeg_reader *reader) { return (int)reader->info.output_width; }

int cjpeg_height(const struct cjpeg_reader *reader) { return (int)reader->info.output_height; }

int cjpeg_components(const struct cjpeg_reader *reader) { return reader->info.output_components; }

enum cjpeg_space cjpeg_space(const struct cjpeg_reader *reader) {
  switch (reader->info.out_color_space) {
    case JCS_GRAYSCALE: return cjpeg_grey;
    case JCS_YCbCr: return cjpeg_ycc;
    case JCS_CMYK: return reader->info.saw_Adobe_marker ? cjpeg_cmyk : cjpeg_cmyk_unmarked;
    case JCS_YCCK: return cjpeg_ycck;
    default: return cjpeg_rgb;
  }
}

int cjpeg_read_row(struct cjpeg_reader *reader, uint8_t *row) {
  j_decompress_ptr info = &reader->info;
  if (setjmp(reader->trouble.out) != 0) return 0;
  if (jpeg_read_scanlines(info, &row, 1) != 1) return 0;
  if (info->output_scanline == info->output_height) jpeg_finish_decompress(info);
  return info->err->num_warnings == 0;
}

void cjpeg_close_reader(struct cjpeg_reader *reader) {
  jpeg_destroy_decompress(&reader->info);
  free(reader);
}

struct cjpeg_writer {
  struct jpeg_compress_struct info;
  struct trouble trouble;
  unsigned char *bytes;
  unsigned long count;
};

// What libjpeg is given, and what it is to make of that; inks become luminance and differences, or stay.
static void set_space(j_compress_ptr info, enum cjpeg_space space) {
  switch (space) {
    case cjpeg_grey: info->in_color_space = JCS_GRAYSCALE; break;
    case cjpeg_rgb: info->in_color_space = JCS_RGB; break;
    case cjpeg_ycc: info->in_color_space = JCS_YCbCr; break;
    case cjpeg_ycck: info->in_color_space = JCS_YCCK; break;
    default: info->in_color_space = JCS_CMYK;
  }
  info->input_components = space == cjpeg_grey ? 1 : space <= cjpeg_ycc ? 3 : 4;
  jpeg_set_defaults(info);
  if (space == cjpeg_cmyk_as_ycck) jpeg_set_colorspace(info, JCS_YCCK);
  if (space == cjpeg_cmyk_unmarked) info->write_Adobe_marker = FALSE;
}

struct cjpeg_writer *cjpeg_write(int width, int height, enum cjpeg_space space, int quality) {
  struct cjpeg_writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) return NULL;
  j_compress_ptr info = &writer->info;
  info->err = set_up(&writer->trouble);
  if (setjmp(writer->trouble.out) != 0) {
    cjpeg_close_writer(writer);
    return NULL;
  }
  jpeg_create_compress(info);
  jpeg_mem_dest(info, &writer->bytes, &writer->count);
  info->image_width = (JDIMENSION)width;
  info->image_height = (JDIMENSION)height;
  set_space(info, space);
  jpeg_set_quality(info, quality, TRUE);
  // Smaller than a sequential one, as its codes are its own.
  jpeg_simple_progression(info);
  jpeg_start_compress(info, TRUE);
  return writer;
}

int cjpeg_write_row(struct cjpeg_writer *writer, const uint8_t *row) {
  JSAMPROW rows[1] = {(JSAMPROW)row};
  if (setjmp(writer->trouble.out) != 0) return 0;
  return jpeg_write_scanlines(&writer->info, rows, 1) == 1;
}

const uint8_t *cjpeg_finish(struct cjpeg_writer *writer, size_t *count) {
  if (setjmp(writer->trouble.out) != 0) return NULL;
  jpeg_finish_compress(&writer->info);
  *count = writer->count;
  return writer->bytes;
}

void cjpeg_close_writer(struct cjpeg_writer *writer) {
  jpeg_destroy_compress(&writer->info);
  free(writer->bytes);
  free(writer);
}
