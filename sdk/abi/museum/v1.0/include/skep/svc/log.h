/* Service skep.svc.log/1: structured log lines in the host's log. */
#ifndef SKEP_SVC_LOG_H
#define SKEP_SVC_LOG_H
#include "skep/abi/base.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_LOG "skep.svc.log/1"
#define SKEP_LOG_DEBUG 0u
#define SKEP_LOG_INFO 1u
#define SKEP_LOG_WARN 2u
#define SKEP_LOG_ERROR 3u
typedef struct skep_svc_log_v1 {
  uint32_t size;
  uint32_t flags;
  /* One line: `event` is a stable lower_case name, `fields_json` one JSON object or "". The host
   * adds time, plugin and component. [any] */
  void (*write)(const skep_host* host, uint32_t level, skep_view event, skep_view fields_json);
} skep_svc_log_v1;
#ifdef __cplusplus
}
#endif
#endif
