/* Service skep.svc.metric/1: figures of a plugin among the host's metrics. */
#ifndef SKEP_SVC_METRIC_H
#define SKEP_SVC_METRIC_H
#include "skep/abi/base.h"
#ifdef __cplusplus
extern "C" {
#endif
#define SKEP_SVC_METRIC "skep.svc.metric/1"
typedef struct skep_svc_metric_v1 {
  uint32_t size;
  uint32_t flags;
  /* Sets a gauge of this plugin: what it shows until it is set again. Names are
   * [a-z][a-z0-9_]{0,63}, at most 64 a plugin; a call with another one does nothing. [any] */
  void (*set_gauge)(const skep_host* host, skep_view name, double value);
  /* Adds to a counter of this plugin, which begins at 0 and only grows: nothing happens for a delta
   * below 0. A name is a gauge or a counter, as it was first used. [any] */
  void (*add)(const skep_host* host, skep_view name, double delta);
} skep_svc_metric_v1;
#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_SVC_METRIC_V1 24u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_SIZE(skep_svc_metric_v1, SKEP_SIZE_1_0_SVC_METRIC_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_metric_v1, set_gauge) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_svc_metric_v1, add) == 16);
#endif

#endif
