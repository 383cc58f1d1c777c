/* Kind skep.kind.task/1: a task type. The component's name is the type that people submit. */
#ifndef SKEP_KIND_TASK_H
#define SKEP_KIND_TASK_H

#include "skep/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_TASK "skep.kind.task/1"

/* Channels of skep_call_ops.emit. */
#define SKEP_CH_STDOUT 1u    /* bytes, any number of times */
#define SKEP_CH_STDERR 2u    /* bytes, any number of times */
#define SKEP_CH_RESULT 3u    /* one JSON document; the last one emitted counts */
#define SKEP_CH_LOG 4u       /* one JSON object per call: {"level","event",...} */
#define SKEP_CH_ARTIFACT 16u /* 16 and above: named by the manifest */

/* Reasons returned by cancelled(); 0 is "go on". */
#define SKEP_CANCEL_USER 1
#define SKEP_CANCEL_DEADLINE 2
#define SKEP_CANCEL_RELOAD 3
#define SKEP_CANCEL_SHUTDOWN 4
#define SKEP_CANCEL_LEASE_LOST 5

/* What a running call may ask of the host. Host-owned, valid until run() returns. */
typedef struct skep_call_ops {
  uint32_t size;
  uint32_t flags;
  /* Hands bytes over; the host copies them. Blocks while the reader is slow. Returns
   * SKEP_E_CANCELLED once the call is cancelled: the bytes are still kept. [call] */
  skep_rc (*emit)(skep_call* call, uint32_t channel, skep_view bytes);
  /* Progress in 1/1000 with a short note; the host keeps the newest. [call] */
  skep_rc (*progress)(skep_call* call, uint32_t permille, skep_view note);
  /* Records why the task fails and returns `code`, so `return ops->fail(...)` reads well.
   * SKEP_E_BUSY and SKEP_E_UNAVAILABLE are retried after at least retry_ms. SKEP_E_NOT_HERE is for
   * what no task of this type could do on this node now, such as a disk that is full: the task goes
   * back to the queue without using a try, and the node takes none for a while. All else is final.
   * [call] */
  skep_rc (*fail)(skep_call* call, skep_rc code, uint32_t retry_ms, skep_view message);
  /* 0, or the reason to stop. [any] */
  int32_t (*cancelled)(skep_call* call);
  /* When the task's time is up, CLOCK_MONOTONIC ns; INT64_MAX when it has no limit. [any] */
  int64_t (*deadline_ns)(skep_call* call);
  /* Sleeps until `until_ns` (monotonic) or cancellation; returns cancelled(). [call] */
  int32_t (*wait)(skep_call* call, int64_t until_ns);
  /* A descriptor that becomes readable on cancellation. Host-owned: do not read or close it. [call]
   */
  int32_t (*cancel_fd)(skep_call* call);
} skep_call_ops;

typedef struct skep_task_v1 {
  uint32_t size;
  uint32_t flags;
  /* Runs one task to its end on a host thread. `request_json` is
   *   {"task_id","type","attempt","worker_id","site","idempotency_key","timeout_ms","params":{..}}
   * with params complete and valid against the component's params_schema. Return 0 when the task
   * succeeded, else the code given to fail(). [worker] */
  skep_rc (*run)(skep_inst* inst, skep_call* call, const skep_call_ops* ops,
                 skep_view request_json);
} skep_task_v1;

#ifdef __cplusplus
}
#endif

#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_LAYOUT(sizeof(skep_call_ops) == 64);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, emit) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, progress) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, fail) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, cancelled) == 32);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, deadline_ns) == 40);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, wait) == 48);
SKEP_ASSERT_LAYOUT(offsetof(skep_call_ops, cancel_fd) == 56);
SKEP_ASSERT_LAYOUT(sizeof(skep_task_v1) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_task_v1, run) == 8);
#endif

#endif
