/* Kind skep.kind.script_host/1: a language. Each script file it accepts becomes a task type. */
#ifndef SKEP_KIND_SCRIPT_HOST_H
#define SKEP_KIND_SCRIPT_HOST_H

#include "skep/kind/task.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_SCRIPT_HOST "skep.kind.script_host/1"

typedef struct skep_script_host_v1 {
  uint32_t size;
  uint32_t flags;
  /* File name endings of the language, separated by spaces: ".lua". Static text. [any] */
  const char* (*endings)(skep_inst* inst);
  /* Reads a script and keeps it under `script_id` until drop(); the same id again replaces it.
   * `file` is only for messages. `manifest` gets one JSON object, its params a JSON Schema:
   *   {"name","version","description","params":{},"permissions":[],"timeout_ms":N,"warnings":[]}
   * SKEP_E_INVALID with "FILE:LINE: what is wrong" when the text is not a script. Runs what the
   * text does at its top level, within the language's own limits. [control] */
  skep_rc (*load)(skep_inst* inst, skep_call* call, skep_view script_id, skep_view file,
                  skep_view source, const skep_sink* manifest, skep_err* err);
  /* Forgets a script; SKEP_OK also when there is none. [control] */
  skep_rc (*drop)(skep_inst* inst, skep_call* call, skep_view script_id, skep_err* err);
  /* Runs a script as a task. `request_json` is that of skep_task_v1.run with one member more,
   * "permissions": [..], what the node grants this script; the language refuses the rest with
   * SKEP_E_DENIED. A script never sees what another run left behind. [worker] */
  skep_rc (*run)(skep_inst* inst, skep_call* call, skep_view script_id, skep_view request_json);
} skep_script_host_v1;

#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SCRIPT_HOST_V1 40u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_script_host_v1, SKEP_SIZE_1_0_SCRIPT_HOST_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_script_host_v1, endings) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_script_host_v1, load) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_script_host_v1, drop) == 24);
SKEP_ASSERT_LAYOUT(offsetof(skep_script_host_v1, run) == 32);
#endif

#endif
