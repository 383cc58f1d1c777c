/* Service skep.svc.secret/1: values that the node keeps for plugins and that nobody sees.
 *
 * The node's [secrets] says which file holds a value and which plugins may have it. Needs the
 * permission "secrets" in the manifest. */
#ifndef SKEP_SVC_SECRET_H
#define SKEP_SVC_SECRET_H
#include "skep/abi/base.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_SECRET "skep.svc.secret/1"
typedef struct skep_svc_secret_v1 {
  uint32_t size;
  uint32_t flags;
  /* The value of `name`, as its file has it now: ask again for each use, and a changed file counts.
   * `call` says who asks: the script that runs under it, else, and when it is null, the plugin.
   * From then on the host shows *** for the value wherever what the asker says comes by: output,
   * result, errors, log. SKEP_E_NOT_FOUND, SKEP_E_DENIED with the key to set, SKEP_E_UNAVAILABLE
   * when the file cannot be read. [any] */
  skep_rc (*get)(const skep_host* host, skep_call* call, skep_view name, const skep_sink* value,
                 skep_err* err);
} skep_svc_secret_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SVC_SECRET_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_svc_secret_v1, SKEP_SIZE_1_0_SVC_SECRET_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_secret_v1, get) == 8);
#endif

#endif
