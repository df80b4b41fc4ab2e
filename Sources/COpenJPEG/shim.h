#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <openjpeg.h>

/// JPEG 2000 in memory, as OpenJPEG wants to read it: by functions.
struct copenjpeg_source {
  const uint8_t *bytes;
  size_t count;
  size_t position;
  /// How often the library complained. What it has to say is not shown.
  int complaints;
};

static inline OPJ_SIZE_T copenjpeg_read(void *buffer, OPJ_SIZE_T count, void *data) {
  struct copenjpeg_source *source = (struct copenjpeg_source *)data;
  size_t left = source->count - source->position;
  if (left == 0) return (OPJ_SIZE_T)-1;
  if (count > left) count = left;
  memcpy(buffer, source->bytes + source->position, count);
  source->position += count;
  return count;
}

static inline OPJ_BOOL copenjpeg_seek(OPJ_OFF_T position, void *data) {
  struct copenjpeg_source *source = (struct copenjpeg_source *)data;
  if (position < 0 || (uint64_t)position > source->count) return OPJ_FALSE;
  source->position = (size_t)position;
  return OPJ_TRUE;
}

static inline OPJ_OFF_T copenjpeg_skip(OPJ_OFF_T count, void *data) {
  struct copenjpeg_source *source = (struct copenjpeg_source *)data;
  // A box may say that it has 2^63 bytes.
  if (count > (OPJ_OFF_T)(source->count - source->position)) return -1;
  return copenjpeg_seek((OPJ_OFF_T)source->position + count, data) ? count : -1;
}

static inline void copenjpeg_complain(const char *message, void *data) {
  (void)message;
  ((struct copenjpeg_source *)data)->complaints++;
}

/// Decodes all of it, at 1/2^`halvings` of its size. NULL where it is damaged; the caller destroys the
/// image with opj_image_destroy(). `is_raw` where it is a codestream without the boxes of a file.
static inline opj_image_t *copenjpeg_decode(struct copenjpeg_source *source, int is_raw,
                                            int halvings) {
  opj_codec_t *codec = opj_create_decompress(is_raw ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
  opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_TRUE);
  opj_image_t *image = NULL;
  opj_dparameters_t parameters;
  int is_whole = 0;
  opj_set_default_decoder_parameters(&parameters);
  parameters.cp_reduce = (OPJ_UINT32)halvings;
  if (codec != NULL && stream != NULL) {
    opj_set_warning_handler(codec, copenjpeg_complain, source);
    opj_set_error_handler(codec, copenjpeg_complain, source);
    opj_stream_set_user_data(stream, source, NULL);
    opj_stream_set_user_data_length(stream, source->count);
    opj_stream_set_read_function(stream, copenjpeg_read);
    opj_stream_set_skip_function(stream, copenjpeg_skip);
    opj_stream_set_seek_function(stream, copenjpeg_seek);
    is_whole = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
               opj_decode(codec, stream, image) && opj_end_decompress(codec, stream);
  }
  if (stream != NULL) opj_stream_destroy(stream);
  if (codec != NULL) opj_destroy_codec(codec);
  if (!is_whole && image != NULL) {
    opj_image_destroy(image);
    image = NULL;
  }
  return image;
}
