/* Service skep.svc.log/1: structured log lines in the host's log. */
#ifndef SKEP_SVC_LOG_H
#define SKEP_SVC_LOG_H
#include "skep/abi/base.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_LOG "skep.svc.log/1"
typedef struct skep_svc_log_v1 {
  uint32_t size;
  uint32_t flags;
  /* One line: `event` is a stable lower_case name, `fields_json` one JSON object or "". The host
   * adds time and plugin. A line about a call: skep_call_ops.log. [any] */
  void (*write)(const skep_host* host, uint32_t level, skep_view event, skep_view fields_json);
} skep_svc_log_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SVC_LOG_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_svc_log_v1, SKEP_SIZE_1_0_SVC_LOG_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_log_v1, write) == 8);
#endif

#endif
