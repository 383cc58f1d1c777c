/* Prints size and offsets of every struct of the ABI as JSON. The output is compared with the
 * golden of each released version: fields may be added at the end of a struct and nothing else may
 * change. */
#include <stddef.h>
#include <stdio.h>

#include "skep/abi/base.h"
#include "skep/kind/heartbeat.h"
#include "skep/kind/queue.h"
#include "skep/kind/script_host.h"
#include "skep/kind/spool.h"
#include "skep/kind/store.h"
#include "skep/kind/task.h"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/log.h"
#include "skep/svc/process.h"
#include "skep/svc/task.h"

static const char* separator = "";

static void begin(const char* name, size_t size) {
  printf("%s  \"%s\": {\n    \"sizeof\": %zu", separator, name, size);
  separator = ",\n";
}
static void field(const char* name, size_t offset, size_t size) {
  printf(",\n    \"%s\": [%zu, %zu]", name, offset, size);
}
static void end(void) { printf("\n  }"); }

#define BEGIN(type) begin(#type, sizeof(struct type))
#define FIELD(type, name) field(#name, offsetof(struct type, name), sizeof(((struct type*)0)->name))

static void abi_base(void) {
  BEGIN(skep_view);
  FIELD(skep_view, p);
  FIELD(skep_view, n);
  end();
  BEGIN(skep_err);
  FIELD(skep_err, size);
  FIELD(skep_err, retry_ms);
  FIELD(skep_err, cap);
  FIELD(skep_err, n);
  FIELD(skep_err, text);
  end();
  BEGIN(skep_sink);
  FIELD(skep_sink, ctx);
  FIELD(skep_sink, put);
  end();
  BEGIN(skep_host);
  FIELD(skep_host, size);
  FIELD(skep_host, abi_minor);
  FIELD(skep_host, service);
  end();
  BEGIN(skep_plugin_v1);
  FIELD(skep_plugin_v1, size);
  FIELD(skep_plugin_v1, abi_minor);
  FIELD(skep_plugin_v1, open);
  FIELD(skep_plugin_v1, close);
  FIELD(skep_plugin_v1, create);
  FIELD(skep_plugin_v1, start);
  FIELD(skep_plugin_v1, drain);
  FIELD(skep_plugin_v1, stop);
  FIELD(skep_plugin_v1, destroy);
  FIELD(skep_plugin_v1, iface);
  end();
}

static void kind_task(void) {
  BEGIN(skep_call_ops);
  FIELD(skep_call_ops, size);
  FIELD(skep_call_ops, flags);
  FIELD(skep_call_ops, emit);
  FIELD(skep_call_ops, progress);
  FIELD(skep_call_ops, fail);
  FIELD(skep_call_ops, cancelled);
  FIELD(skep_call_ops, deadline_ns);
  FIELD(skep_call_ops, wait);
  FIELD(skep_call_ops, cancel_fd);
  end();
  BEGIN(skep_task_v1);
  FIELD(skep_task_v1, size);
  FIELD(skep_task_v1, flags);
  FIELD(skep_task_v1, run);
  end();
}

static void kind_queue(void) {
  BEGIN(skep_queue_task);
  FIELD(skep_queue_task, size);
  FIELD(skep_queue_task, state);
  FIELD(skep_queue_task, id);
  FIELD(skep_queue_task, type);
  FIELD(skep_queue_task, site);
  FIELD(skep_queue_task, target_worker);
  FIELD(skep_queue_task, requirements);
  FIELD(skep_queue_task, params);
  FIELD(skep_queue_task, idempotency_key);
  FIELD(skep_queue_task, priority);
  FIELD(skep_queue_task, max_attempts);
  FIELD(skep_queue_task, timeout_ms);
  FIELD(skep_queue_task, created_ms);
  FIELD(skep_queue_task, run_at_ms);
  FIELD(skep_queue_task, expires_ms);
  FIELD(skep_queue_task, seq);
  FIELD(skep_queue_task, attempt);
  FIELD(skep_queue_task, tries_used);
  FIELD(skep_queue_task, crash_count);
  FIELD(skep_queue_task, lease_expires_ms);
  FIELD(skep_queue_task, claimed_ms);
  FIELD(skep_queue_task, started_ms);
  FIELD(skep_queue_task, finished_ms);
  FIELD(skep_queue_task, worker_id);
  FIELD(skep_queue_task, incarnation);
  FIELD(skep_queue_task, lease_id);
  FIELD(skep_queue_task, result);
  FIELD(skep_queue_task, error);
  end();
  BEGIN(skep_queue_rows);
  FIELD(skep_queue_rows, ctx);
  FIELD(skep_queue_rows, row);
  end();
  BEGIN(skep_queue_verdicts);
  FIELD(skep_queue_verdicts, ctx);
  FIELD(skep_queue_verdicts, verdict);
  end();
  BEGIN(skep_queue_filter);
  FIELD(skep_queue_filter, size);
  FIELD(skep_queue_filter, max);
  FIELD(skep_queue_filter, worker_id);
  FIELD(skep_queue_filter, incarnation);
  FIELD(skep_queue_filter, site);
  FIELD(skep_queue_filter, types);
  FIELD(skep_queue_filter, type_count);
  FIELD(skep_queue_filter, capability_count);
  FIELD(skep_queue_filter, capabilities);
  FIELD(skep_queue_filter, lease_ms);
  FIELD(skep_queue_filter, claim_id);
  FIELD(skep_queue_filter, repeated);
  FIELD(skep_queue_filter, max_bytes);
  end();
  BEGIN(skep_queue_lease);
  FIELD(skep_queue_lease, size);
  FIELD(skep_queue_lease, executing);
  FIELD(skep_queue_lease, task_id);
  FIELD(skep_queue_lease, lease_id);
  FIELD(skep_queue_lease, attempt);
  end();
  BEGIN(skep_queue_result);
  FIELD(skep_queue_result, size);
  FIELD(skep_queue_result, outcome);
  FIELD(skep_queue_result, idempotency_key);
  FIELD(skep_queue_result, body_sha256);
  FIELD(skep_queue_result, task_id);
  FIELD(skep_queue_result, lease_id);
  FIELD(skep_queue_result, worker_id);
  FIELD(skep_queue_result, incarnation);
  FIELD(skep_queue_result, result);
  FIELD(skep_queue_result, error);
  FIELD(skep_queue_result, attempt);
  FIELD(skep_queue_result, queued_ms);
  FIELD(skep_queue_result, duration_ms);
  FIELD(skep_queue_result, retry_delay_ms);
  end();
  BEGIN(skep_queue_loss);
  FIELD(skep_queue_loss, size);
  FIELD(skep_queue_loss, crashed);
  FIELD(skep_queue_loss, task_id);
  FIELD(skep_queue_loss, lease_id);
  FIELD(skep_queue_loss, attempt);
  FIELD(skep_queue_loss, retry_delay_ms);
  FIELD(skep_queue_loss, max_crashes);
  FIELD(skep_queue_loss, error);
  end();
  BEGIN(skep_queue_query);
  FIELD(skep_queue_query, size);
  FIELD(skep_queue_query, limit);
  FIELD(skep_queue_query, id);
  FIELD(skep_queue_query, type);
  FIELD(skep_queue_query, site);
  FIELD(skep_queue_query, worker_id);
  FIELD(skep_queue_query, states);
  FIELD(skep_queue_query, state_count);
  FIELD(skep_queue_query, newest_first);
  FIELD(skep_queue_query, after_seq);
  end();
  BEGIN(skep_queue_attempt);
  FIELD(skep_queue_attempt, size);
  FIELD(skep_queue_attempt, ended);
  FIELD(skep_queue_attempt, task_id);
  FIELD(skep_queue_attempt, worker_id);
  FIELD(skep_queue_attempt, incarnation);
  FIELD(skep_queue_attempt, lease_id);
  FIELD(skep_queue_attempt, outcome);
  FIELD(skep_queue_attempt, error);
  FIELD(skep_queue_attempt, attempt);
  FIELD(skep_queue_attempt, claimed_ms);
  FIELD(skep_queue_attempt, started_ms);
  FIELD(skep_queue_attempt, finished_ms);
  end();
  BEGIN(skep_queue_attempts);
  FIELD(skep_queue_attempts, ctx);
  FIELD(skep_queue_attempts, attempt);
  end();
  BEGIN(skep_queue_completions);
  FIELD(skep_queue_completions, ctx);
  FIELD(skep_queue_completions, completion);
  end();
  BEGIN(skep_queue_counts);
  FIELD(skep_queue_counts, ctx);
  FIELD(skep_queue_counts, count);
  end();
  BEGIN(skep_queue_v1);
  FIELD(skep_queue_v1, size);
  FIELD(skep_queue_v1, flags);
  FIELD(skep_queue_v1, enqueue);
  FIELD(skep_queue_v1, claim);
  FIELD(skep_queue_v1, renew);
  FIELD(skep_queue_v1, complete);
  FIELD(skep_queue_v1, release);
  FIELD(skep_queue_v1, tick);
  FIELD(skep_queue_v1, overdue);
  FIELD(skep_queue_v1, lose);
  FIELD(skep_queue_v1, cancel);
  FIELD(skep_queue_v1, requeue);
  FIELD(skep_queue_v1, read);
  FIELD(skep_queue_v1, attempts);
  FIELD(skep_queue_v1, completions);
  FIELD(skep_queue_v1, stats);
  FIELD(skep_queue_v1, wait);
  FIELD(skep_queue_v1, purge);
  end();
}

static void kind_store(void) {
  BEGIN(skep_value);
  FIELD(skep_value, type);
  FIELD(skep_value, reserved);
  FIELD(skep_value, i);
  FIELD(skep_value, d);
  FIELD(skep_value, s);
  end();
  BEGIN(skep_statement);
  FIELD(skep_statement, size);
  FIELD(skep_statement, param_count);
  FIELD(skep_statement, sql);
  FIELD(skep_statement, params);
  FIELD(skep_statement, expect_changes);
  end();
  BEGIN(skep_store_rows);
  FIELD(skep_store_rows, ctx);
  FIELD(skep_store_rows, row);
  end();
  BEGIN(skep_store_v1);
  FIELD(skep_store_v1, size);
  FIELD(skep_store_v1, flags);
  FIELD(skep_store_v1, batch);
  FIELD(skep_store_v1, query);
  FIELD(skep_store_v1, migrate);
  end();
}

static void kind_spool(void) {
  BEGIN(skep_spool_item);
  FIELD(skep_spool_item, size);
  FIELD(skep_spool_item, reserved);
  FIELD(skep_spool_item, name);
  FIELD(skep_spool_item, payload_type);
  FIELD(skep_spool_item, task_id);
  FIELD(skep_spool_item, body);
  end();
  BEGIN(skep_spool_items);
  FIELD(skep_spool_items, ctx);
  FIELD(skep_spool_items, item);
  end();
  BEGIN(skep_spool_stats);
  FIELD(skep_spool_stats, size);
  FIELD(skep_spool_stats, degraded);
  FIELD(skep_spool_stats, ready);
  FIELD(skep_spool_stats, ready_bytes);
  FIELD(skep_spool_stats, in_flight);
  FIELD(skep_spool_stats, quarantined);
  FIELD(skep_spool_stats, rejected);
  FIELD(skep_spool_stats, evicted);
  FIELD(skep_spool_stats, oldest_ms);
  end();
  BEGIN(skep_spool_v1);
  FIELD(skep_spool_v1, size);
  FIELD(skep_spool_v1, flags);
  FIELD(skep_spool_v1, reserve);
  FIELD(skep_spool_v1, unreserve);
  FIELD(skep_spool_v1, put);
  FIELD(skep_spool_v1, ack);
  FIELD(skep_spool_v1, defer);
  FIELD(skep_spool_v1, reject);
  FIELD(skep_spool_v1, next);
  FIELD(skep_spool_v1, stats);
  FIELD(skep_spool_v1, verify);
  end();
}

static void kind_heartbeat(void) {
  BEGIN(skep_heartbeat_v1);
  FIELD(skep_heartbeat_v1, size);
  FIELD(skep_heartbeat_v1, flags);
  FIELD(skep_heartbeat_v1, beat);
  end();
}

static void kind_script_host(void) {
  BEGIN(skep_script_host_v1);
  FIELD(skep_script_host_v1, size);
  FIELD(skep_script_host_v1, flags);
  FIELD(skep_script_host_v1, endings);
  FIELD(skep_script_host_v1, load);
  FIELD(skep_script_host_v1, drop);
  FIELD(skep_script_host_v1, run);
  end();
}

static void svc_kv(void) {
  BEGIN(skep_svc_kv_v1);
  FIELD(skep_svc_kv_v1, size);
  FIELD(skep_svc_kv_v1, flags);
  FIELD(skep_svc_kv_v1, get);
  FIELD(skep_svc_kv_v1, put);
  FIELD(skep_svc_kv_v1, remove);
  FIELD(skep_svc_kv_v1, keys);
  end();
}

static void svc_task(void) {
  BEGIN(skep_svc_task_v1);
  FIELD(skep_svc_task_v1, size);
  FIELD(skep_svc_task_v1, flags);
  FIELD(skep_svc_task_v1, run);
  end();
}

static void svc_log(void) {
  BEGIN(skep_svc_log_v1);
  FIELD(skep_svc_log_v1, size);
  FIELD(skep_svc_log_v1, flags);
  FIELD(skep_svc_log_v1, write);
  end();
}

static void svc_http(void) {
  BEGIN(skep_http_request);
  FIELD(skep_http_request, size);
  FIELD(skep_http_request, header_count);
  FIELD(skep_http_request, method);
  FIELD(skep_http_request, url);
  FIELD(skep_http_request, headers);
  FIELD(skep_http_request, body);
  FIELD(skep_http_request, timeout_ms);
  end();
  BEGIN(skep_svc_http_v1);
  FIELD(skep_svc_http_v1, size);
  FIELD(skep_svc_http_v1, flags);
  FIELD(skep_svc_http_v1, request);
  end();
}

static void svc_process(void) {
  BEGIN(skep_process_spec);
  FIELD(skep_process_spec, size);
  FIELD(skep_process_spec, argc);
  FIELD(skep_process_spec, argv);
  FIELD(skep_process_spec, env);
  FIELD(skep_process_spec, envc);
  FIELD(skep_process_spec, nice);
  FIELD(skep_process_spec, cwd);
  FIELD(skep_process_spec, stdin_bytes);
  FIELD(skep_process_spec, timeout_ms);
  FIELD(skep_process_spec, grace_ms);
  FIELD(skep_process_spec, memory_bytes);
  end();
  BEGIN(skep_process_exit);
  FIELD(skep_process_exit, size);
  FIELD(skep_process_exit, reason);
  FIELD(skep_process_exit, exit_code);
  FIELD(skep_process_exit, signal);
  FIELD(skep_process_exit, duration_ms);
  FIELD(skep_process_exit, cpu_ms);
  FIELD(skep_process_exit, max_rss_bytes);
  end();
  BEGIN(skep_process_output);
  FIELD(skep_process_output, ctx);
  FIELD(skep_process_output, output);
  end();
  BEGIN(skep_svc_process_v1);
  FIELD(skep_svc_process_v1, size);
  FIELD(skep_svc_process_v1, flags);
  FIELD(skep_svc_process_v1, run);
  end();
}

int main(void) {
  puts("{");
  abi_base();
  kind_task();
  kind_queue();
  kind_store();
  kind_spool();
  kind_heartbeat();
  svc_log();
  svc_http();
  svc_process();
  kind_script_host();
  svc_kv();
  svc_task();
  puts("\n}");
  return 0;
}
