/* Service skep.svc.kv/1: small values that outlive a task, a reload and a restart.
 *
 * Each plugin, and each script, has a space of its own on each node, shared by its tasks there.
 * Keys are 1 to 128 bytes of [A-Za-z0-9._-], values at most 64 KiB, at most 1000 keys a space. */
#ifndef SKEP_SVC_KV_H
#define SKEP_SVC_KV_H
#include "skep/kind/task.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_KV "skep.svc.kv/1"

typedef struct skep_svc_kv_v1 {
  uint32_t size;
  uint32_t flags;
  /* The value of `key`; SKEP_E_NOT_FOUND when there is none. `call` chooses the space: that of the
   * script which runs under it, else, and when it is null, that of the plugin. [any] */
  skep_rc (*get)(const skep_host* host, skep_call* call, skep_view key, const skep_sink* value,
                 skep_err* err);
  /* Replaces the value as a whole: a reader sees the old or the new one, also after a crash.
   * SKEP_E_INVALID for a key or value outside the limits, SKEP_E_NO_MEMORY when the space is full.
   * [any] */
  skep_rc (*put)(const skep_host* host, skep_call* call, skep_view key, skep_view value,
                 skep_err* err);
  /* SKEP_OK also when there is none. [any] */
  skep_rc (*remove)(const skep_host* host, skep_call* call, skep_view key, skep_err* err);
  /* Puts each key once, in order, one call of the sink a key. [any] */
  skep_rc (*keys)(const skep_host* host, skep_call* call, const skep_sink* key, skep_err* err);
} skep_svc_kv_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SVC_KV_V1 40u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_svc_kv_v1, SKEP_SIZE_1_0_SVC_KV_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_kv_v1, get) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_kv_v1, put) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_kv_v1, remove) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_kv_v1, keys) == 32);
#endif

#endif
