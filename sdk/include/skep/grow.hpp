// Structs of the ABI that grow at their end: read as far as both sides know them, in C++.
#ifndef SKEP_GROW_HPP
#define SKEP_GROW_HPP

#include <cstddef>

#include "skep/abi/base.h"
#include "skep/kind/heartbeat.h"
#include "skep/kind/queue.h"
#include "skep/kind/script_host.h"
#include "skep/kind/spool.h"
#include "skep/kind/store.h"
#include "skep/kind/task.h"
#include "skep/svc/artifact.h"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/log.h"
#include "skep/svc/metric.h"
#include "skep/svc/node.h"
#include "skep/svc/process.h"
#include "skep/svc/secret.h"
#include "skep/svc/task.h"

namespace skep {

/// How large T was in 1.0: what a reader asks for. Only for structs that begin with their size.
template <class T>
struct Size10;

#define SKEP_SIZE10(type, bytes)                \
  template <>                                   \
  struct Size10<type> {                         \
    static constexpr std::size_t value = bytes; \
  }
SKEP_SIZE10(skep_err, SKEP_SIZE_1_0_ERR);
SKEP_SIZE10(skep_call_ops, SKEP_SIZE_1_0_CALL_OPS);
SKEP_SIZE10(skep_host, SKEP_SIZE_1_0_HOST);
SKEP_SIZE10(skep_plugin_v1, SKEP_SIZE_1_0_PLUGIN_V1);
SKEP_SIZE10(skep_task_v1, SKEP_SIZE_1_0_TASK_V1);
SKEP_SIZE10(skep_script_host_v1, SKEP_SIZE_1_0_SCRIPT_HOST_V1);
SKEP_SIZE10(skep_heartbeat_v1, SKEP_SIZE_1_0_HEARTBEAT_V1);
SKEP_SIZE10(skep_queue_v1, SKEP_SIZE_1_0_QUEUE_V1);
SKEP_SIZE10(skep_queue_task, SKEP_SIZE_1_0_QUEUE_TASK);
SKEP_SIZE10(skep_queue_filter, SKEP_SIZE_1_0_QUEUE_FILTER);
SKEP_SIZE10(skep_queue_lease, SKEP_SIZE_1_0_QUEUE_LEASE);
SKEP_SIZE10(skep_queue_result, SKEP_SIZE_1_0_QUEUE_RESULT);
SKEP_SIZE10(skep_queue_loss, SKEP_SIZE_1_0_QUEUE_LOSS);
SKEP_SIZE10(skep_queue_requeue, SKEP_SIZE_1_0_QUEUE_REQUEUE);
SKEP_SIZE10(skep_queue_query, SKEP_SIZE_1_0_QUEUE_QUERY);
SKEP_SIZE10(skep_queue_attempt, SKEP_SIZE_1_0_QUEUE_ATTEMPT);
SKEP_SIZE10(skep_spool_v1, SKEP_SIZE_1_0_SPOOL_V1);
SKEP_SIZE10(skep_spool_item, SKEP_SIZE_1_0_SPOOL_ITEM);
SKEP_SIZE10(skep_spool_stats, SKEP_SIZE_1_0_SPOOL_STATS);
SKEP_SIZE10(skep_store_v1, SKEP_SIZE_1_0_STORE_V1);
SKEP_SIZE10(skep_statement, SKEP_SIZE_1_0_STATEMENT);
SKEP_SIZE10(skep_http_request, SKEP_SIZE_1_0_HTTP_REQUEST);
SKEP_SIZE10(skep_process_spec, SKEP_SIZE_1_0_PROCESS_SPEC);
SKEP_SIZE10(skep_process_exit, SKEP_SIZE_1_0_PROCESS_EXIT);
SKEP_SIZE10(skep_svc_artifact_v1, SKEP_SIZE_1_0_SVC_ARTIFACT_V1);
SKEP_SIZE10(skep_svc_http_v1, SKEP_SIZE_1_0_SVC_HTTP_V1);
SKEP_SIZE10(skep_svc_kv_v1, SKEP_SIZE_1_0_SVC_KV_V1);
SKEP_SIZE10(skep_svc_log_v1, SKEP_SIZE_1_0_SVC_LOG_V1);
SKEP_SIZE10(skep_svc_metric_v1, SKEP_SIZE_1_0_SVC_METRIC_V1);
SKEP_SIZE10(skep_svc_node_v1, SKEP_SIZE_1_0_SVC_NODE_V1);
SKEP_SIZE10(skep_svc_secret_v1, SKEP_SIZE_1_0_SVC_SECRET_V1);
SKEP_SIZE10(skep_svc_process_v1, SKEP_SIZE_1_0_SVC_PROCESS_V1);
SKEP_SIZE10(skep_svc_task_v1, SKEP_SIZE_1_0_SVC_TASK_V1);

/// skep_read() with the right sizes: `mine` is what both sides know, the rest 0. SKEP_E_INVALID
/// when *theirs is smaller than in 1.0.
template <class T>
skep_rc read_struct(const T* theirs, T& mine) noexcept {
  return skep_read(&mine, sizeof(T), theirs, Size10<T>::value);
}
/// skep_write() with the right sizes: fills in a struct whose size its owner has set.
template <class T>
skep_rc write_struct(T* theirs, const T& mine) noexcept {
  return skep_write(theirs, &mine, sizeof(T), Size10<T>::value);
}

}  // namespace skep

#endif
