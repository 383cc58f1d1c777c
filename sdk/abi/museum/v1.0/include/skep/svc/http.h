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
  int64_t timeout_ms;       /* for the whole exchange; 0 = the call's deadline, else 30 s */
} skep_http_request;

typedef struct skep_svc_http_v1 {
  uint32_t size;
  uint32_t flags;
  /* Sends the request; *status becomes the HTTP status and `body` gets the answer (at most 16 MiB).
   * `call` may be null; otherwise its cancellation and deadline end the exchange, from any thread.
   * SKEP_E_UNAVAILABLE: no HTTP answer came, or not within timeout_ms; SKEP_E_DEADLINE: the call's
   * own time is up; SKEP_E_CANCELLED: as is the call. [any] */
  skep_rc (*request)(const skep_host* host, skep_call* call, const skep_http_request* request,
                     int32_t* status, const skep_sink* body, skep_err* err);
} skep_svc_http_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_HTTP_REQUEST 72u
#define SKEP_SIZE_1_0_SVC_HTTP_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_http_request, SKEP_SIZE_1_0_HTTP_REQUEST);
SKEP_ASSERT_LAYOUT(offsetof(skep_http_request, timeout_ms) == 64);
SKEP_ASSERT_SIZE(skep_svc_http_v1, SKEP_SIZE_1_0_SVC_HTTP_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_http_v1, request) == 8);
#endif

#endif
