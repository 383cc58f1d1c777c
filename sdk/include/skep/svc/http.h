/* Service skep.svc.http/1: one HTTP request through the host's client. */
#ifndef SKEP_SVC_HTTP_H
#define SKEP_SVC_HTTP_H
#include "skep/abi/base.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_HTTP "skep.svc.http/1"

typedef struct skep_http_request {
  uint32_t size;
  uint32_t header_count;
  skep_view method;         /* capital letters; GET when empty */
  skep_view url;            /* http or https; no redirect is followed */
  const skep_view* headers; /* "Name: value" */
  skep_view body;           /* application/json unless a header says otherwise */
  int64_t timeout_ms;       /* for the whole exchange */
} skep_http_request;

typedef struct skep_svc_http_v1 {
  uint32_t size;
  uint32_t flags;
  /* Sends the request; *status becomes the HTTP status and `body` gets the answer (at most 16 MiB).
   * SKEP_E_UNAVAILABLE: no HTTP answer came; SKEP_E_CANCELLED: as is this thread's task. [any] */
  skep_rc (*request)(const skep_host* host, const skep_http_request* request, int32_t* status,
                     const skep_sink* body, skep_err* err);
} skep_svc_http_v1;
#ifdef __cplusplus
}
#endif

#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_LAYOUT(sizeof(skep_http_request) == 72 &&
                   offsetof(skep_http_request, timeout_ms) == 64);
SKEP_ASSERT_LAYOUT(sizeof(skep_svc_http_v1) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_http_v1, request) == 8);
#endif

#endif
