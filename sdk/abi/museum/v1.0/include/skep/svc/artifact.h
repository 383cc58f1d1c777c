/* Service skep.svc.artifact/1: bytes that a task leaves beside its result, and bytes that it reads.
 *
 * What a task leaves is kept on the node until the control plane has it, and there as long as the
 * task: skep task artifacts ID. A task that failed leaves what it had closed as well. At most 64
 * artifacts of a task, names of 1 to 128 bytes of [A-Za-z0-9._-]. */
#ifndef SKEP_SVC_ARTIFACT_H
#define SKEP_SVC_ARTIFACT_H
#include "skep/kind/task.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_ARTIFACT "skep.svc.artifact/1"

/* An artifact that is being written; the host's, until close() or the end of the call. */
typedef struct skep_artifact skep_artifact;

/* What became of one. */
typedef struct skep_artifact_info {
  uint32_t size;
  uint32_t flags;
  uint64_t bytes;
  char sha256[72]; /* 64 lower-case hex digits and a zero */
} skep_artifact_info;

typedef struct skep_svc_artifact_v1 {
  uint32_t size;
  uint32_t flags;
  /* Begins an artifact of the task behind `call`. `media_type` is "type/subtype"; "" is
   * application/octet-stream. SKEP_E_INVALID for a name or type outside the rules, a name that the
   * task has used, and the 65th; SKEP_E_STATE when `call` runs no task. [any] */
  skep_rc (*open)(const skep_host* host, skep_call* call, skep_view name, skep_view media_type,
                  skep_artifact** out, skep_err* err);
  /* Appends; as many bytes at a time as one likes. SKEP_E_NOT_HERE when the disk is full: return
   * it, and the task goes back to the queue; SKEP_E_INVALID beyond what one task may leave. One
   * thread at a time. [any] */
  skep_rc (*write)(skep_artifact* artifact, skep_view bytes, skep_err* err);
  /* Ends it, whatever it returns: with `keep` the task leaves it, else it never was. `info` may be
   * null. [any] */
  skep_rc (*close)(skep_artifact* artifact, int32_t keep, skep_artifact_info* info, skep_err* err);
  /* The path of a file with the bytes that a parameter {"artifact": SHA256, "size": n} names: they
   * were brought before the task began. Read it only; it goes with the call. SKEP_E_NOT_FOUND when
   * no parameter names them. [any] */
  skep_rc (*input)(const skep_host* host, skep_call* call, skep_view sha256, const skep_sink* path,
                   skep_err* err);
} skep_svc_artifact_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_ARTIFACT_INFO 88u
#define SKEP_SIZE_1_0_SVC_ARTIFACT_V1 40u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_artifact_info, SKEP_SIZE_1_0_ARTIFACT_INFO);
SKEP_ASSERT_LAYOUT(offsetof(skep_artifact_info, bytes) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_artifact_info, sha256) == 16);
SKEP_ASSERT_SIZE(skep_svc_artifact_v1, SKEP_SIZE_1_0_SVC_ARTIFACT_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_artifact_v1, open) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_artifact_v1, write) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_artifact_v1, close) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_artifact_v1, input) == 32);
#endif

#endif
