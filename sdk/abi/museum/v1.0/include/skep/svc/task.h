/* Service skep.svc.task/1: runs another task type of this worker inside the running call. */
#ifndef SKEP_SVC_TASK_H
#define SKEP_SVC_TASK_H
#include "skep/kind/task.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_TASK "skep.svc.task/1"

typedef struct skep_svc_task_v1 {
  uint32_t size;
  uint32_t flags;
  /* Runs `type` with `params_json` (one JSON object, "" = {}) to its end, within the deadline and
   * the cancellation of `call`, on this worker and under the attempt of `call`. Its output joins
   * that of `call`; its result document goes to `result`. A failure comes with the code and message
   * of that task. SKEP_E_NOT_FOUND when this worker has no such type, SKEP_E_STATE beyond 8 tasks
   * inside each other. [call] */
  skep_rc (*run)(const skep_host* host, skep_call* call, skep_view type, skep_view params_json,
                 const skep_sink* result, skep_err* err);
} skep_svc_task_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SVC_TASK_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_svc_task_v1, SKEP_SIZE_1_0_SVC_TASK_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_task_v1, run) == 8);
#endif

#endif
