/* Service skep.svc.node/1: where a plugin runs. */
#ifndef SKEP_SVC_NODE_H
#define SKEP_SVC_NODE_H
#include "skep/abi/base.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_NODE "skep.svc.node/1"
typedef struct skep_svc_node_v1 {
  uint32_t size;
  uint32_t flags;
  /* Puts one JSON object, also in open() and create():
   *   {"node_id","site","mode","state_dir","plugin","version"}
   * mode is inproc, process, per-task, or check under `skep plugin check`. state_dir is a folder of
   * the plugin alone, made now if need be, that survives reloads, upgrades and restarts; all its
   * generations, components and children on this node share it; "" on a host that keeps nothing.
   * Other members may follow. [any] */
  skep_rc (*facts)(const skep_host* host, const skep_sink* sink, skep_err* err);
} skep_svc_node_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SVC_NODE_V1 16u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_svc_node_v1, SKEP_SIZE_1_0_SVC_NODE_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_node_v1, facts) == 8);
#endif

#endif
