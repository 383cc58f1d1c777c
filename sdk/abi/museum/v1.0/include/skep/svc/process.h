/* Service skep.svc.process/1: runs a program as a child that can always be ended.
 *
 * The child gets its own session and process group, only descriptors 0 to 2, exactly the
 * environment given, and dies with the host. Ending it means SIGTERM to the whole group, a grace
 * time, then SIGKILL, and it covers what the child left behind. */
#ifndef SKEP_SVC_PROCESS_H
#define SKEP_SVC_PROCESS_H
#include "skep/kind/task.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_PROCESS "skep.svc.process/1"

typedef struct skep_process_spec {
  uint32_t size;
  uint32_t argc;
  const skep_view* argv; /* argv[0] is a path, or a name looked up in the host's PATH */
  const skep_view* env;  /* "KEY=value" */
  uint32_t envc;
  uint32_t nice;         /* 0..19 */
  skep_view cwd;         /* "" = the host's */
  skep_view stdin_bytes; /* written to the child, then closed */
  int64_t timeout_ms;    /* 0 = none beyond the call's own deadline */
  int64_t grace_ms;      /* SIGTERM to SIGKILL; 0 = 5000 */
  uint64_t memory_bytes; /* address space limit, 0 = none */
} skep_process_spec;

#define SKEP_EXIT_EXITED 0u    /* exit_code is valid */
#define SKEP_EXIT_SIGNALED 1u  /* signal is valid; somebody else sent it */
#define SKEP_EXIT_TIMEOUT 2u   /* ended by timeout_ms or the call's deadline */
#define SKEP_EXIT_CANCELLED 3u /* ended because the call was cancelled or output() refused */

typedef struct skep_process_exit {
  uint32_t size;
  uint32_t reason;
  int32_t exit_code; /* -1 unless EXITED */
  int32_t signal;    /* 0 unless a signal ended it */
  int64_t duration_ms;
  int64_t cpu_ms;
  int64_t max_rss_bytes;
} skep_process_exit;

typedef struct skep_process_output {
  void* ctx;
  /* Bytes from SKEP_CH_STDOUT or SKEP_CH_STDERR as they come. Negative ends the child. [call] */
  skep_rc (*output)(void* ctx, uint32_t channel, skep_view bytes);
} skep_process_output;

typedef struct skep_svc_process_v1 {
  uint32_t size;
  uint32_t flags;
  /* Runs a program to its end; blocks. `call` may be null; otherwise its cancellation and deadline
   * end the child. 0 when the child ran, whatever its exit; SKEP_E_NOT_FOUND or SKEP_E_DENIED when
   * it could not be started. [any] */
  skep_rc (*run)(const skep_host* host, skep_call* call, const skep_process_spec* spec,
                 const skep_process_output* output, skep_process_exit* exit, skep_err* err);
} skep_svc_process_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_PROCESS_SPEC 88u
#define SKEP_SIZE_1_0_PROCESS_EXIT 40u
#define SKEP_SIZE_1_0_SVC_PROCESS_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_process_spec, SKEP_SIZE_1_0_PROCESS_SPEC);
SKEP_ASSERT_LAYOUT(offsetof(skep_process_spec, memory_bytes) == 80);
SKEP_ASSERT_SIZE(skep_process_exit, SKEP_SIZE_1_0_PROCESS_EXIT);
SKEP_ASSERT_LAYOUT(offsetof(skep_process_exit, max_rss_bytes) == 32);
SKEP_ASSERT_LAYOUT(sizeof(skep_process_output) == 16 && offsetof(skep_process_output, output) == 8);
SKEP_ASSERT_SIZE(skep_svc_process_v1, SKEP_SIZE_1_0_SVC_PROCESS_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_process_v1, run) == 8);
#endif

#endif
