/* All six kinds of the time of ABI 1.0, built from the headers beside it for ever: do not modernise
 * it. Each function answers with what it read, so that a host that knows more or less of a struct
 * sees whether both meant the same bytes. */
#include <stdio.h>
#include <string.h>

#include <skep/kind/heartbeat.h>
#include <skep/kind/queue.h>
#include <skep/kind/script_host.h>
#include <skep/kind/spool.h>
#include <skep/kind/store.h>
#include <skep/kind/task.h>

static const char instance;

static skep_view view_of(const char* text) {
  skep_view v;
  v.p = text;
  v.n = strlen(text);
  return v;
}

static skep_rc refuse(skep_err* err, skep_rc code, const char* message) {
  if (err != NULL && err->text != NULL) {
    const size_t n = strlen(message);
    err->n = (uint32_t)(n < err->cap ? n : err->cap);
    memcpy(err->text, message, err->n);
  }
  return code;
}

/* A call that is over ends each function, so that a test sees that it came through. */
static skep_rc stopped(skep_call* call, skep_err* err) {
  if (call->ops->cancelled(call) == 0) return SKEP_OK;
  return refuse(err, SKEP_E_CANCELLED, "museum: the call was cancelled");
}

/* ---- the plugin ---- */

static skep_rc open_plugin(const skep_plugin_v1* self, const skep_host* host, skep_err* err) {
  (void)host;
  (void)err;
  return self->user == (void*)&instance ? SKEP_OK : SKEP_E_INTERNAL;
}
static void close_plugin(const skep_plugin_v1* self) { (void)self; }
static skep_rc create(const skep_plugin_v1* self, const char* component, skep_view config_json,
                      skep_inst** out, skep_err* err) {
  (void)component;
  (void)config_json;
  (void)err;
  *out = (skep_inst*)self->user;
  return SKEP_OK;
}
static skep_rc step(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst;
  return stopped(call, err);
}
static void destroy(skep_inst* inst) { (void)inst; }

/* ---- queue ---- */

static skep_rc say(const skep_queue_verdicts* to, uint32_t i, int32_t verdict, skep_view note) {
  return to->verdict(to->ctx, i, verdict, note);
}

static skep_rc enqueue(skep_inst* inst, skep_call* call, int64_t now_ms,
                       const skep_queue_task* tasks, uint32_t n,
                       const skep_queue_verdicts* verdicts, skep_err* err) {
  skep_queue_task task;
  skep_rc rc = stopped(call, err);
  uint32_t i;
  (void)inst;
  (void)now_ms;
  for (i = 0; i < n && rc == SKEP_OK; ++i) {
    rc = skep_read(&task, sizeof(task), SKEP_AT(tasks, i), SKEP_SIZE_1_0_QUEUE_TASK);
    if (rc == SKEP_OK) rc = say(verdicts, i, SKEP_ENQUEUED, task.id);
  }
  return rc;
}

/* A row with a value in every field that the tests compare. */
static skep_rc one_row(const skep_queue_rows* rows, skep_view id, int64_t number) {
  skep_queue_task row;
  memset(&row, 0, sizeof(row));
  row.size = sizeof(row);
  row.state = SKEP_TASK_CLAIMED;
  row.id = id;
  row.type = view_of("t");
  row.requirements = view_of("[]");
  row.params = view_of("{}");
  row.attempt = number;
  row.seq = 1;
  row.max_attempts = 3;
  row.lease_id = view_of("lease");
  row.error = view_of("");
  return rows->row(rows->ctx, &row) < 0 ? SKEP_E_CANCELLED : SKEP_OK;
}

static skep_rc claim(skep_inst* inst, skep_call* call, int64_t now_ms,
                     const skep_queue_filter* filter, const skep_queue_rows* rows, skep_err* err) {
  skep_queue_filter mine;
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)now_ms;
  if (rc != SKEP_OK) return rc;
  if (skep_read(&mine, sizeof(mine), filter, SKEP_SIZE_1_0_QUEUE_FILTER) != SKEP_OK)
    return refuse(err, SKEP_E_INVALID, "museum: the filter");
  return one_row(rows, mine.worker_id, mine.lease_ms);
}

static skep_rc each_lease(skep_call* call, const skep_queue_lease* leases, uint32_t n,
                          const skep_queue_verdicts* verdicts, skep_err* err) {
  skep_queue_lease lease;
  skep_rc rc = stopped(call, err);
  uint32_t i;
  for (i = 0; i < n && rc == SKEP_OK; ++i) {
    rc = skep_read(&lease, sizeof(lease), SKEP_AT(leases, i), SKEP_SIZE_1_0_QUEUE_LEASE);
    if (rc == SKEP_OK)
      rc = say(verdicts, i, lease.attempt == i ? SKEP_LEASE_HELD : SKEP_LEASE_LOST, lease.task_id);
  }
  return rc;
}
static skep_rc renew(skep_inst* inst, skep_call* call, int64_t now_ms,
                     const skep_queue_lease* leases, uint32_t n, int64_t lease_ms,
                     const skep_queue_verdicts* verdicts, skep_err* err) {
  (void)inst;
  (void)now_ms;
  (void)lease_ms;
  return each_lease(call, leases, n, verdicts, err);
}
static skep_rc release(skep_inst* inst, skep_call* call, int64_t now_ms,
                       const skep_queue_lease* leases, uint32_t n,
                       const skep_queue_verdicts* verdicts, skep_err* err) {
  (void)inst;
  (void)now_ms;
  return each_lease(call, leases, n, verdicts, err);
}

static skep_rc complete(skep_inst* inst, skep_call* call, int64_t now_ms,
                        const skep_queue_result* results, uint32_t n,
                        const skep_queue_verdicts* verdicts, skep_err* err) {
  skep_queue_result result;
  skep_rc rc = stopped(call, err);
  uint32_t i;
  (void)inst;
  (void)now_ms;
  for (i = 0; i < n && rc == SKEP_OK; ++i) {
    rc = skep_read(&result, sizeof(result), SKEP_AT(results, i), SKEP_SIZE_1_0_QUEUE_RESULT);
    if (rc == SKEP_OK)
      rc =
          say(verdicts, i, result.retry_delay_ms == i ? SKEP_RESULT_APPLIED : SKEP_RESULT_DUPLICATE,
              result.task_id);
  }
  return rc;
}

static skep_rc tick(skep_inst* inst, skep_call* call, int64_t now_ms, int64_t monotonic_ms,
                    int64_t* next_ms, skep_err* err) {
  (void)inst;
  (void)monotonic_ms;
  *next_ms = now_ms + 1;
  return stopped(call, err);
}

static skep_rc overdue(skep_inst* inst, skep_call* call, int64_t cutoff_ms, skep_view worker_id,
                       skep_view incarnation, const skep_queue_rows* rows, skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)incarnation;
  return rc != SKEP_OK ? rc : one_row(rows, worker_id, cutoff_ms);
}

static skep_rc lose(skep_inst* inst, skep_call* call, int64_t now_ms, int64_t cutoff_ms,
                    const skep_queue_loss* losses, uint32_t n, const skep_queue_verdicts* verdicts,
                    skep_err* err) {
  skep_queue_loss loss;
  skep_rc rc = stopped(call, err);
  uint32_t i;
  (void)inst;
  (void)now_ms;
  (void)cutoff_ms;
  for (i = 0; i < n && rc == SKEP_OK; ++i) {
    rc = skep_read(&loss, sizeof(loss), SKEP_AT(losses, i), SKEP_SIZE_1_0_QUEUE_LOSS);
    if (rc == SKEP_OK)
      rc =
          say(verdicts, i, loss.max_crashes == i ? SKEP_LEASE_HELD : SKEP_LEASE_LOST, loss.task_id);
  }
  return rc;
}

static skep_rc cancel(skep_inst* inst, skep_call* call, int64_t now_ms, skep_view task_id,
                      skep_view error_json, const skep_queue_verdicts* verdicts, skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)now_ms;
  (void)error_json;
  return rc != SKEP_OK ? rc : say(verdicts, 0, SKEP_LEASE_HELD, task_id);
}

static skep_rc requeue(skep_inst* inst, skep_call* call, int64_t now_ms,
                       const skep_queue_requeue* what, const skep_queue_verdicts* verdicts,
                       skep_err* err) {
  skep_queue_requeue mine;
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)now_ms;
  if (rc != SKEP_OK) return rc;
  if (skep_read(&mine, sizeof(mine), what, SKEP_SIZE_1_0_QUEUE_REQUEUE) != SKEP_OK)
    return refuse(err, SKEP_E_INVALID, "museum: requeue");
  return say(verdicts, 0, mine.expected_attempt < 0 ? SKEP_LEASE_HELD : SKEP_LEASE_LOST,
             mine.task_id);
}

static skep_rc read_rows(skep_inst* inst, skep_call* call, const skep_queue_query* query,
                         const skep_queue_rows* rows, skep_err* err) {
  skep_queue_query mine;
  const skep_rc rc = stopped(call, err);
  (void)inst;
  if (rc != SKEP_OK) return rc;
  if (skep_read(&mine, sizeof(mine), query, SKEP_SIZE_1_0_QUEUE_QUERY) != SKEP_OK)
    return refuse(err, SKEP_E_INVALID, "museum: the query");
  return one_row(rows, mine.id, mine.after_seq);
}

static skep_rc attempts(skep_inst* inst, skep_call* call, skep_view task_id,
                        const skep_queue_attempts* out, skep_err* err) {
  skep_queue_attempt attempt;
  const skep_rc rc = stopped(call, err);
  (void)inst;
  if (rc != SKEP_OK) return rc;
  memset(&attempt, 0, sizeof(attempt));
  attempt.size = sizeof(attempt);
  attempt.task_id = task_id;
  attempt.attempt = 1;
  attempt.worker_id = view_of("w");
  attempt.finished_ms = 7;
  return out->attempt(out->ctx, &attempt) < 0 ? SKEP_E_CANCELLED : SKEP_OK;
}

static skep_rc row_of_completion(void* ctx, const skep_queue_task* row) {
  const skep_queue_completions* out = ctx;
  return out->completion(out->ctx, row->attempt, row);
}
static skep_rc completions(skep_inst* inst, skep_call* call, int64_t sequence, uint32_t limit,
                           const skep_queue_completions* out, skep_err* err) {
  skep_queue_rows rows;
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)limit;
  if (rc != SKEP_OK) return rc;
  rows.ctx = (void*)out;
  rows.row = row_of_completion;
  return one_row(&rows, view_of("ended"), sequence + 1);
}

static skep_rc stats(skep_inst* inst, skep_call* call, const skep_queue_counts* out,
                     skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  if (rc != SKEP_OK) return rc;
  return out->count(out->ctx, SKEP_TASK_QUEUED, view_of("site"), view_of("t"), 5, 1);
}

static skep_rc wait_for_work(skep_inst* inst, skep_call* call, int64_t timeout_ms, uint64_t* token,
                             skep_err* err) {
  (void)inst;
  (void)call;
  (void)err;
  *token += (uint64_t)timeout_ms + 1;
  return SKEP_OK;
}

static skep_rc purge(skep_inst* inst, skep_call* call, int64_t before_ms, int64_t sequence,
                     uint32_t limit, uint32_t* removed, skep_err* err) {
  (void)inst;
  (void)before_ms;
  (void)sequence;
  *removed = limit;
  return stopped(call, err);
}

/* ---- store ---- */

static skep_rc one_statement(const void* theirs, uint32_t i, const skep_store_rows* rows,
                             skep_err* err) {
  skep_statement mine;
  skep_value columns[2];
  if (skep_read(&mine, sizeof(mine), theirs, SKEP_SIZE_1_0_STATEMENT) != SKEP_OK)
    return refuse(err, SKEP_E_INVALID, "museum: a statement");
  memset(columns, 0, sizeof(columns));
  columns[0].type = SKEP_VALUE_TEXT;
  columns[0].s = mine.sql;
  columns[1].type = SKEP_VALUE_INT;
  columns[1].i = mine.param_count > 0 ? mine.params[0].i : 0;
  return rows->row(rows->ctx, i, columns, 2) < 0 ? SKEP_E_CANCELLED : SKEP_OK;
}
static skep_rc batch(skep_inst* inst, skep_call* call, const skep_statement* statements, uint32_t n,
                     const skep_store_rows* rows, skep_err* err) {
  skep_rc rc = stopped(call, err);
  uint32_t i;
  (void)inst;
  for (i = 0; i < n && rc == SKEP_OK; ++i) rc = one_statement(SKEP_AT(statements, i), i, rows, err);
  return rc;
}
static skep_rc query(skep_inst* inst, skep_call* call, const skep_statement* statement,
                     const skep_store_rows* rows, skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  return rc != SKEP_OK ? rc : one_statement(statement, 0, rows, err);
}
static skep_rc migrate(skep_inst* inst, skep_call* call, const char* name,
                       const skep_view* migrations, uint32_t n, skep_err* err) {
  (void)inst;
  (void)name;
  (void)migrations;
  (void)n;
  return stopped(call, err);
}

/* ---- spool ---- */

static skep_rc reserve(skep_inst* inst, skep_call* call, uint64_t bytes, skep_err* err) {
  (void)inst;
  (void)bytes;
  return stopped(call, err);
}
static void unreserve(skep_inst* inst, skep_call* call, uint64_t bytes) {
  (void)inst;
  (void)call;
  (void)bytes;
}
static skep_rc one_item(const skep_spool_items* to, uint32_t i, skep_view name, skep_view body) {
  skep_spool_item item;
  memset(&item, 0, sizeof(item));
  item.size = sizeof(item);
  item.name = name;
  item.payload_type = view_of("facts");
  item.task_id = view_of("task");
  item.body = body;
  return to->item(to->ctx, i, &item) < 0 ? SKEP_E_CANCELLED : SKEP_OK;
}
static skep_rc put(skep_inst* inst, skep_call* call, const skep_spool_item* items, uint32_t n,
                   const skep_spool_items* names, skep_err* err) {
  skep_spool_item item;
  skep_rc rc = stopped(call, err);
  uint32_t i;
  (void)inst;
  for (i = 0; i < n && rc == SKEP_OK; ++i) {
    rc = skep_read(&item, sizeof(item), SKEP_AT(items, i), SKEP_SIZE_1_0_SPOOL_ITEM);
    if (rc == SKEP_OK) rc = one_item(names, i, item.task_id, item.body);
  }
  return rc;
}
static skep_rc names(skep_inst* inst, skep_call* call, const skep_view* list, uint32_t n,
                     skep_err* err) {
  (void)inst;
  (void)list;
  (void)n;
  return stopped(call, err);
}
static skep_rc reject(skep_inst* inst, skep_call* call, skep_view name, skep_view reason,
                      skep_err* err) {
  (void)inst;
  (void)name;
  (void)reason;
  return stopped(call, err);
}
static skep_rc next(skep_inst* inst, skep_call* call, uint32_t max, const skep_spool_items* items,
                    skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)max;
  return rc != SKEP_OK ? rc : one_item(items, 0, view_of("item"), view_of("{}"));
}
static skep_rc spool_stats(skep_inst* inst, skep_call* call, skep_spool_stats* out, skep_err* err) {
  skep_spool_stats mine;
  (void)inst;
  memset(&mine, 0, sizeof(mine));
  mine.size = sizeof(mine);
  mine.ready = 3;
  mine.oldest_ms = 9;
  if (skep_write(out, &mine, sizeof(mine), SKEP_SIZE_1_0_SPOOL_STATS) != SKEP_OK)
    return refuse(err, SKEP_E_INVALID, "museum: stats");
  return stopped(call, err);
}
static skep_rc verify(skep_inst* inst, skep_call* call, const skep_spool_items* problems,
                      skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  return rc != SKEP_OK ? rc : one_item(problems, 0, view_of("bad"), view_of("why"));
}

/* ---- heartbeat, task, script host ---- */

static skep_rc beat(skep_inst* inst, skep_call* call, skep_view control_plane, skep_view token,
                    skep_view beat_json, const skep_sink* reply, skep_err* err) {
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)control_plane;
  (void)token;
  return rc != SKEP_OK ? rc : reply->put(reply->ctx, beat_json);
}

static skep_rc run_task(skep_inst* inst, skep_call* call, skep_view request_json) {
  (void)inst;
  (void)request_json;
  if (call->ops->cancelled(call) != 0)
    return call->ops->fail(call, SKEP_E_CANCELLED, 0, view_of("museum: cancelled"));
  call->ops->progress(call, 500, view_of("half"));
  call->ops->log(call, SKEP_LOG_INFO, view_of("museum_ran"), view_of("{}"));
  call->ops->emit(call, SKEP_CH_STDOUT, view_of("out"));
  return call->ops->emit(call, SKEP_CH_RESULT, view_of("{\"kind\":\"task\"}"));
}

static const char* endings(skep_inst* inst) {
  (void)inst;
  return ".museum";
}
static skep_rc load(skep_inst* inst, skep_call* call, skep_view script_id, skep_view file,
                    skep_view source, const skep_sink* manifest, skep_err* err) {
  char text[256];
  const skep_rc rc = stopped(call, err);
  (void)inst;
  (void)script_id;
  (void)file;
  if (rc != SKEP_OK) return rc;
  snprintf(text, sizeof(text), "{\"name\":\"%.*s\"}", (int)source.n, (const char*)source.p);
  return manifest->put(manifest->ctx, view_of(text));
}
static skep_rc drop(skep_inst* inst, skep_call* call, skep_view script_id, skep_err* err) {
  (void)inst;
  (void)script_id;
  return stopped(call, err);
}
static skep_rc run_script(skep_inst* inst, skep_call* call, skep_view script_id,
                          skep_view request_json) {
  (void)script_id;
  return run_task(inst, call, request_json);
}

/* ---- tables ---- */

static const void* iface(const skep_plugin_v1* self, const char* component, const char* id) {
  static const skep_queue_v1 queue = {
      sizeof(queue), 0,        enqueue,     claim, renew,         complete,
      release,       tick,     overdue,     lose,  cancel,        requeue,
      read_rows,     attempts, completions, stats, wait_for_work, purge};
  static const skep_store_v1 store = {sizeof(store), 0, batch, query, migrate};
  static const skep_spool_v1 spool = {sizeof(spool), 0,      reserve, unreserve,   put,   names,
                                      names,         reject, next,    spool_stats, verify};
  static const skep_heartbeat_v1 heartbeat = {sizeof(heartbeat), 0, beat};
  static const skep_task_v1 task = {sizeof(task), 0, run_task};
  static const skep_script_host_v1 language = {sizeof(language), 0, endings, load, drop,
                                               run_script};
  (void)self;
  (void)component;
  if (strcmp(id, SKEP_KIND_QUEUE) == 0) return &queue;
  if (strcmp(id, SKEP_KIND_STORE) == 0) return &store;
  if (strcmp(id, SKEP_KIND_SPOOL) == 0) return &spool;
  if (strcmp(id, SKEP_KIND_HEARTBEAT) == 0) return &heartbeat;
  if (strcmp(id, SKEP_KIND_TASK) == 0) return &task;
  return strcmp(id, SKEP_KIND_SCRIPT_HOST) == 0 ? &language : NULL;
}

const skep_plugin_v1* skep_plugin_entry_v1(void) {
  static const skep_plugin_v1 table = {
      sizeof(table), SKEP_MINOR, open_plugin, close_plugin, create,          step,
      step,          step,       destroy,     iface,        (void*)&instance};
  return &table;
}
