#pragma once
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo take any type as their last argument, which Swift cannot
// call: one function for each kind of argument.

static inline CURLcode conveyor_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode conveyor_set_size(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode conveyor_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode conveyor_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode conveyor_set_list(CURL *handle, CURLoption option,
                                         struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}

typedef size_t (*conveyor_data_function)(char *data, size_t size, size_t count, void *context);
typedef int (*conveyor_progress_function)(void *context, curl_off_t download_total,
                                          curl_off_t download_now, curl_off_t upload_total,
                                          curl_off_t upload_now);
typedef curl_socket_t (*conveyor_socket_function)(void *context, curlsocktype purpose,
                                                  struct curl_sockaddr *address);

static inline CURLcode conveyor_set_data_function(CURL *handle, CURLoption option,
                                                  conveyor_data_function function) {
  return curl_easy_setopt(handle, option, function);
}
static inline CURLcode conveyor_set_progress_function(CURL *handle,
                                                      conveyor_progress_function function) {
  return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, function);
}
static inline CURLcode conveyor_set_socket_function(CURL *handle,
                                                    conveyor_socket_function function) {
  return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}
typedef int (*conveyor_start_function)(void *context, char *remote_address, char *local_address,
                                       int remote_port, int local_port);

static inline CURLcode conveyor_set_start_function(CURL *handle,
                                                   conveyor_start_function function) {
  return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, function);
}
static inline CURLcode conveyor_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode conveyor_get_list(CURL *handle, CURLINFO info, struct curl_slist **value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode conveyor_get_text(CURL *handle, CURLINFO info, char **value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode conveyor_get_socket(CURL *handle, curl_socket_t *value) {
  return curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, value);
}
