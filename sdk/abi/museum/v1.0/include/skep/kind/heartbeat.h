/* Kind skep.kind.heartbeat/1: carries a worker's beat to a control plane and brings its reply. */
#ifndef SKEP_KIND_HEARTBEAT_H
#define SKEP_KIND_HEARTBEAT_H

#include "skep/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_HEARTBEAT "skep.kind.heartbeat/1"

typedef struct skep_heartbeat_v1 {
  uint32_t size;
  uint32_t flags;
  /* Sends one beat (a JSON object with "worker_id") and puts the reply's JSON object into `reply`.
   * `control_plane` is the base URL to use; `token` the bearer token or "".
   * SKEP_E_UNAVAILABLE when nobody answered by the call's deadline; SKEP_E_NOT_FOUND when the
   * control plane does not know this worker (register again); SKEP_E_STATE when a newer process
   * uses this worker id; SKEP_E_DENIED when the token is refused. Whatever else answers there is
   * nobody: STATE and NOT_FOUND need a problem document whose "to" names the beat's "worker_id" and
   * "incarnation". One call at a time. [worker] */
  skep_rc (*beat)(skep_inst* inst, skep_call* call, skep_view control_plane, skep_view token,
                  skep_view beat_json, const skep_sink* reply, skep_err* err);
} skep_heartbeat_v1;

#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_HEARTBEAT_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_heartbeat_v1, SKEP_SIZE_1_0_HEARTBEAT_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_heartbeat_v1, beat) == 8);
#endif

#endif
