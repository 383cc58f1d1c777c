/* Kind skep.kind.task/1: a task type. The component's name is the type that people submit. */
#ifndef SKEP_KIND_TASK_H
#define SKEP_KIND_TASK_H

#include "skep/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_TASK "skep.kind.task/1"

/* Channels of skep_call_ops.emit (skep/abi/base.h). */
#define SKEP_CH_STDOUT 1u    /* bytes, any number of times */
#define SKEP_CH_STDERR 2u    /* bytes, any number of times */
#define SKEP_CH_RESULT 3u    /* one JSON document; the last one emitted counts */
#define SKEP_CH_LOG 4u       /* one JSON object per call: {"level","event",...} */
#define SKEP_CH_ARTIFACT 16u /* 16 and above: reserved; artifacts are skep.svc.artifact/1 */

typedef struct skep_task_v1 {
  uint32_t size;
  uint32_t flags;
  /* Runs one task to its end on a host thread. `request_json` is
   *   {"task_id","type","attempt","worker_id","site","idempotency_key","timeout_ms","params":{..}}
   * with params complete and valid against the component's params_schema. Return 0 when the task
   * succeeded, else the code given to fail(). [worker] */
  skep_rc (*run)(skep_inst* inst, skep_call* call, skep_view request_json);
} skep_task_v1;

#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_TASK_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_task_v1, SKEP_SIZE_1_0_TASK_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_task_v1, run) == 8);
#endif

#endif
