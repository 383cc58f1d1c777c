/* A host of a later minor: its structs and tables are longer than those of the plugin that it
 * loads, and full of bytes that the plugin cannot know. Calls every function of one kind.
 *
 *   museum_host KIND COMPONENT FILE */
#define _XOPEN_SOURCE 700
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skep/kind/heartbeat.h"
#include "skep/kind/queue.h"
#include "skep/kind/script_host.h"
#include "skep/kind/spool.h"
#include "skep/kind/store.h"
#include "skep/kind/task.h"
#include "skep/testkit/fake_host.h"

#define N 3
#define NOW INT64_C(1768000000000)

static skep_call* call; /* not the run of a task */
static char words[512];
static skep_err err = {sizeof(skep_err), 0, sizeof(words), 0, words, 0, {NULL, 0}};
static int echoes; /* the plugin is of the museum: it answers with what it read */

static void need(int holds, const char* what, int line) {
  if (holds) return;
  fprintf(stderr, "host.c:%d: %s; the plugin says: %.*s\n", line, what, (int)err.n, words);
  exit(1);
}
#define NEED(holds) need((holds), #holds, __LINE__)
#define OK(expression) NEED((expression) == SKEP_OK)

static skep_view view_of(const char* text) {
  skep_view v;
  v.p = text;
  v.n = strlen(text);
  return v;
}
static int is(skep_view v, const char* text) {
  return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

/* A struct of which the plugin knows the beginning: that is 0, the rest is full. */
#define FRESH(type, name, size_1_0)  \
  type name;                         \
  memset(&name, 0xa5, sizeof(name)); \
  memset(&name, 0, (size_1_0));      \
  (name).size = sizeof(name)

static const char* const ids[N] = {"q0", "q1", "q2"};

/* ---- queue ---- */

static int told;
static skep_rc verdict(void* ctx, uint32_t index, int32_t what, skep_view note) {
  NEED(index < N && what == 0);
  NEED(note.n == 0 || ctx == NULL || is(note, ids[index]));
  told++;
  return SKEP_OK;
}
static char leases[N][160];
static int seen;
static skep_rc row(void* ctx, const skep_queue_task* theirs) {
  skep_queue_task mine;
  (void)ctx;
  OK(skep_read(&mine, sizeof(mine), theirs, SKEP_SIZE_1_0_QUEUE_TASK));
  NEED(mine.later == 0 && mine.later_text.n == 0);
  NEED(is(mine.type, "t") && mine.id.n > 0);
  if (seen < N)
    snprintf(leases[seen], sizeof(leases[0]), "%.*s", (int)mine.lease_id.n,
             (const char*)mine.lease_id.p);
  seen++;
  return SKEP_OK;
}
static skep_rc attempt(void* ctx, const skep_queue_attempt* theirs) {
  skep_queue_attempt mine;
  (void)ctx;
  OK(skep_read(&mine, sizeof(mine), theirs, SKEP_SIZE_1_0_QUEUE_ATTEMPT));
  NEED(mine.attempt == 1 && mine.later == 0);
  seen++;
  return SKEP_OK;
}
static skep_rc completion(void* ctx, int64_t sequence, const skep_queue_task* task) {
  NEED(sequence > 0);
  return row(ctx, task);
}
static skep_rc count(void* ctx, uint32_t state, skep_view site, skep_view type, int64_t n,
                     int64_t oldest_ms) {
  (void)ctx;
  (void)state;
  (void)site;
  (void)oldest_ms;
  NEED(is(type, "t") && n > 0);
  seen++;
  return SKEP_OK;
}

static void all_leases(skep_queue_lease* out) {
  uint32_t i;
  for (i = 0; i < N; ++i) {
    FRESH(skep_queue_lease, lease, SKEP_SIZE_1_0_QUEUE_LEASE);
    lease.task_id = view_of(ids[i]);
    lease.lease_id = view_of(leases[i]);
    lease.attempt = echoes ? (int64_t)i : 1;
    out[i] = lease;
  }
}

static void enqueue_all(const skep_queue_v1* q, skep_inst* inst, const skep_queue_verdicts* v) {
  skep_queue_task tasks[N];
  uint32_t i;
  for (i = 0; i < N; ++i) {
    FRESH(skep_queue_task, task, SKEP_SIZE_1_0_QUEUE_TASK);
    task.id = view_of(ids[i]);
    task.type = view_of("t");
    task.idempotency_key = view_of(ids[i]);
    task.max_attempts = 5;
    tasks[i] = task;
  }
  OK(q->enqueue(inst, call, NOW, tasks, N, v, &err));
}
static void claim_all(const skep_queue_v1* q, skep_inst* inst, const skep_queue_rows* rows) {
  const skep_view type = view_of("t");
  FRESH(skep_queue_filter, filter, SKEP_SIZE_1_0_QUEUE_FILTER);
  filter.max = N;
  filter.worker_id = view_of("w");
  filter.incarnation = view_of("i");
  filter.types = &type;
  filter.type_count = 1;
  filter.lease_ms = 60000;
  seen = 0;
  OK(q->claim(inst, call, NOW, &filter, rows, &err));
  NEED(seen == (echoes ? 1 : N));
}
static void complete_all(const skep_queue_v1* q, skep_inst* inst, const skep_queue_verdicts* v) {
  skep_queue_result results[N];
  uint32_t i;
  for (i = 0; i < N; ++i) {
    FRESH(skep_queue_result, result, SKEP_SIZE_1_0_QUEUE_RESULT);
    result.idempotency_key = view_of(leases[i][0] != 0 ? leases[i] : ids[i]);
    result.body_sha256 = view_of("00");
    result.task_id = view_of(ids[i]);
    result.lease_id = view_of(leases[i]);
    result.worker_id = view_of("w");
    result.incarnation = view_of("i");
    result.attempt = 1;
    result.retry_delay_ms = (int64_t)i;
    results[i] = result;
  }
  OK(q->complete(inst, call, NOW, results, N, v, &err));
}

static void drive_queue(const void* table, skep_inst* inst) {
  const skep_queue_v1* q = table;
  const skep_queue_verdicts v = {&told, verdict};
  const skep_queue_rows rows = {NULL, row};
  const skep_queue_attempts attempts = {NULL, attempt};
  const skep_queue_completions ended = {NULL, completion};
  const skep_queue_counts counts = {NULL, count};
  skep_queue_lease held[N];
  skep_queue_loss losses[N];
  int64_t next = 0;
  uint64_t token = 0;
  uint32_t removed = 0, i;

  enqueue_all(q, inst, &v);
  claim_all(q, inst, &rows);
  all_leases(held);
  OK(q->renew(inst, call, NOW, held, N, 60000, &v, &err));
  OK(q->release(inst, call, NOW, held, N, &v, &err));
  claim_all(q, inst, &rows);
  OK(q->tick(inst, call, NOW, 1000, &next, &err));
  NEED(next > NOW);
  OK(q->overdue(inst, call, NOW, view_of("w"), view_of("other"), &rows, &err));
  for (i = 0; i < N; ++i) {
    FRESH(skep_queue_loss, loss, SKEP_SIZE_1_0_QUEUE_LOSS);
    loss.crashed = 1;
    loss.task_id = view_of(ids[i]);
    loss.lease_id = view_of(leases[i]);
    loss.attempt = 2;
    loss.max_crashes = echoes ? (int64_t)i : 9;
    loss.error = view_of("{}");
    losses[i] = loss;
  }
  OK(q->lose(inst, call, NOW, NOW, losses, N, &v, &err));
  OK(q->tick(inst, call, NOW + 1, 1001, &next, &err));
  OK(q->cancel(inst, call, NOW, view_of(ids[0]), view_of("{}"), &v, &err));
  {
    FRESH(skep_queue_requeue, what, SKEP_SIZE_1_0_QUEUE_REQUEUE);
    what.task_id = view_of(ids[0]);
    what.expected_attempt = -1;
    OK(q->requeue(inst, call, NOW, &what, &v, &err));
  }
  claim_all(q, inst, &rows);
  NEED(told == 4 * N + 2); /* enqueue, renew, release, lose: N each; cancel, requeue: one */
  if (echoes) complete_all(q, inst, &v);
  {
    FRESH(skep_queue_query, query, SKEP_SIZE_1_0_QUEUE_QUERY);
    query.limit = N;
    query.id = view_of(ids[1]);
    seen = 0;
    OK(q->read(inst, call, &query, &rows, &err));
    NEED(seen == 1);
  }
  seen = 0;
  OK(q->stats(inst, call, &counts, &err));
  NEED(seen > 0);
  OK(q->wait(inst, call, 0, &token, &err));
  NEED(token > 0);
  if (echoes) {
    OK(q->attempts(inst, call, view_of(ids[1]), &attempts, &err));
    OK(q->completions(inst, call, 0, N, &ended, &err));
  } else {
    const skep_queue_attempts any = {NULL, NULL};
    OK(q->attempts(inst, call, view_of("unknown"), &any, &err));
    OK(q->completions(inst, call, 0, N, &ended, &err));
    NEED(seen > 1);
  }
  OK(q->purge(inst, call, NOW, 0, 7, &removed, &err));
}

/* ---- store ---- */

static skep_rc columns(void* ctx, uint32_t statement, const skep_value* values, uint32_t n) {
  (void)ctx;
  NEED(statement < N && n > 0);
  if (!echoes) NEED(values[0].type == SKEP_VALUE_INT && values[0].i == 42);
  seen++;
  return SKEP_OK;
}
static void drive_store(const void* table, skep_inst* inst) {
  static const char* const sql[N] = {"CREATE TABLE x (a BIGINT)", "INSERT INTO x (a) VALUES ($1)",
                                     "SELECT a FROM x"};
  const skep_store_v1* s = table;
  const skep_store_rows rows = {NULL, columns};
  const skep_view migration = view_of("CREATE TABLE y (a BIGINT)");
  skep_statement statements[N];
  skep_value value;
  uint32_t i;
  memset(&value, 0, sizeof(value));
  value.type = SKEP_VALUE_INT;
  value.i = 42;
  for (i = 0; i < N; ++i) {
    FRESH(skep_statement, statement, SKEP_SIZE_1_0_STATEMENT);
    statement.sql = view_of(sql[i]);
    statement.params = i == 1 ? &value : NULL;
    statement.param_count = i == 1 ? 1 : 0;
    statement.expect_changes = i == 1 ? 1 : -1;
    statements[i] = statement;
  }
  OK(s->migrate(inst, call, "museum", &migration, 1, &err));
  OK(s->batch(inst, call, statements, N, &rows, &err));
  NEED(seen == (echoes ? N : 1));
  OK(s->query(inst, call, &statements[2], &rows, &err));
}

/* ---- spool ---- */

static char names[N][256];
static skep_rc item(void* ctx, uint32_t index, const skep_spool_item* theirs) {
  skep_spool_item mine;
  (void)ctx;
  OK(skep_read(&mine, sizeof(mine), theirs, SKEP_SIZE_1_0_SPOOL_ITEM));
  NEED(index < N && mine.name.n > 0 && mine.later == 0);
  if (seen < N)
    snprintf(names[seen], sizeof(names[0]), "%.*s", (int)mine.name.n, (const char*)mine.name.p);
  seen++;
  return SKEP_OK;
}
static void drive_spool(const void* table, skep_inst* inst) {
  const skep_spool_v1* s = table;
  const skep_spool_items to = {NULL, item};
  skep_spool_item items[N];
  skep_view kept[N];
  uint32_t i;
  FRESH(skep_spool_stats, stats, SKEP_SIZE_1_0_SPOOL_STATS);
  for (i = 0; i < N; ++i) {
    FRESH(skep_spool_item, one, SKEP_SIZE_1_0_SPOOL_ITEM);
    one.payload_type = view_of("execution_result");
    one.task_id = view_of(ids[i]);
    one.body = view_of("{\"n\":1}");
    items[i] = one;
  }
  OK(s->reserve(inst, call, 1000, &err));
  OK(s->put(inst, call, items, N, &to, &err));
  NEED(seen == N);
  for (i = 0; i < N; ++i) {
    NEED(strstr(names[i], ids[i]) != NULL);
    kept[i] = view_of(names[i]);
  }
  s->unreserve(inst, call, 1000);
  OK(s->defer(inst, call, kept, N, &err));
  seen = N;
  OK(s->next(inst, call, N, &to, &err));
  NEED(seen == N + (echoes ? 1 : N));
  OK(s->stats(inst, call, &stats, &err));
  NEED(stats.ready == N && stats.size == sizeof(stats));
  OK(s->reject(inst, call, kept[0], view_of("a reason"), &err));
  OK(s->ack(inst, call, kept + 1, N - 1, &err));
  OK(s->verify(inst, call, &to, &err));
}

/* ---- heartbeat, task, language ---- */

static char answer[4096];
static skep_rc take(void* ctx, skep_view bytes) {
  (void)ctx;
  NEED(strlen(answer) + bytes.n < sizeof(answer));
  strncat(answer, bytes.p, bytes.n);
  return SKEP_OK;
}
static const skep_sink sink = {NULL, take};

static void drive_heartbeat(const void* table, skep_inst* inst) {
  const skep_heartbeat_v1* h = table;
  OK(h->beat(inst, call, view_of("http://cp"), view_of(""),
             view_of("{\"worker_id\":\"w1\",\"incarnation\":\"i\"}"), &sink, &err));
  NEED(strstr(answer, echoes ? "w1" : "\"drained\"") != NULL);
}

static void ran(skep_fake_call* run, skep_rc rc) {
  const skep_fake_result* r = skep_fake_call_ended(run, rc);
  snprintf(words, sizeof(words), "%s", r->message);
  err.n = (uint32_t)strlen(words);
  NEED(r->rc == SKEP_OK && r->result[0] != 0);
  if (echoes) {
    NEED(r->permille == 500 && strcmp(r->out, "out") == 0);
    NEED(strstr(r->logs, "museum_ran") != NULL);
  }
  skep_fake_call_free(run);
}
static const char request[] =
    "{\"task_id\":\"t1\",\"type\":\"t\",\"attempt\":1,\"worker_id\":\"w\",\"site\":\"s\","
    "\"idempotency_key\":\"\",\"timeout_ms\":0,\"params\":{},\"permissions\":[]}";

static void drive_task(const void* table, skep_inst* inst) {
  const skep_task_v1* t = table;
  skep_fake_call* run = skep_fake_call_new();
  ran(run, t->run(inst, skep_fake_call_handle(run), view_of(request)));
}
static void drive_language(const void* table, skep_inst* inst) {
  static const char script[] =
      "return skep.task {\n name = \"hi\", version = \"1.0.0\", description = \"says hi\",\n"
      " run = function(ctx, p) return {said = \"hi\"} end }\n";
  const skep_script_host_v1* l = table;
  skep_fake_call* run = skep_fake_call_new();
  NEED(l->endings(inst)[0] == '.');
  OK(l->load(inst, call, view_of("s1"), view_of("hi.lua"), view_of(echoes ? "hi" : script), &sink,
             &err));
  NEED(strstr(answer, "\"hi\"") != NULL);
  ran(run, l->run(inst, skep_fake_call_handle(run), view_of("s1"), view_of(request)));
  OK(l->drop(inst, call, view_of("s1"), &err));
}

/* ---- the host ---- */

static const struct kind {
  const char* word;
  const char* id;
  const char* config;
  void (*drive)(const void* table, skep_inst* inst);
} kinds[] = {{"queue", SKEP_KIND_QUEUE, "{\"path\":\"queue.db\"}", drive_queue},
             {"store", SKEP_KIND_STORE, "{\"path\":\"store.db\"}", drive_store},
             {"spool", SKEP_KIND_SPOOL, "{\"dir\":\"spool\"}", drive_spool},
             {"heartbeat", SKEP_KIND_HEARTBEAT, "{}", drive_heartbeat},
             {"task", SKEP_KIND_TASK, "{}", drive_task},
             {"language", SKEP_KIND_SCRIPT_HOST, "{}", drive_language}};

static const skep_plugin_v1* load_plugin(const char* file) {
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  union {
    void* object;
    skep_plugin_entry_fn function;
  } entry;
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  NEED(library != NULL);
  entry.object = dlsym(library, SKEP_PLUGIN_ENTRY_SYMBOL);
  NEED(entry.object != NULL);
  return entry.function();
}

static void drive(const struct kind* kind, const skep_plugin_v1* plugin, const char* component) {
  skep_plugin_v1 known;
  skep_inst* inst = NULL;
  const void* table;
  skep_fake_call* life = skep_fake_call_new();
  skep_fake_host* host = skep_fake_host_new();
  skep_fake_call_plain(life);
  call = skep_fake_call_handle(life);
  skep_fake_http_reply(host, "/api/workers/w1/heartbeat", 200, "{\"drained\":false}");
  OK(skep_read(&known, sizeof(known), plugin, SKEP_SIZE_1_0_PLUGIN_V1));
  OK(plugin->open(plugin, skep_fake_host_handle(host), &err));
  table = plugin->iface(plugin, component, kind->id);
  NEED(table != NULL);
  OK(plugin->create(plugin, component, view_of(kind->config), &inst, &err));
  OK(plugin->start(inst, call, &err));
  kind->drive(table, inst);
  OK(plugin->drain(inst, call, &err));
  OK(plugin->stop(inst, call, &err));
  plugin->destroy(inst);
  plugin->close(plugin);
  skep_fake_call_free(life);
  skep_fake_host_free(host);
}

int main(int argc, char** argv) {
  char folder[] = "/tmp/museum_host.XXXXXX";
  char file[4096];
  size_t i;
  NEED(argc == 4);
  NEED(realpath(argv[3], file) != NULL);
  NEED(mkdtemp(folder) != NULL && chdir(folder) == 0);
  echoes = strncmp(argv[2], "museum_", 7) == 0;
  for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i)
    if (strcmp(kinds[i].word, argv[1]) == 0) {
      drive(&kinds[i], load_plugin(file), argv[2]);
      execlp("rm", "rm", "-rf", folder, (char*)NULL);
      return 1;
    }
  fprintf(stderr, "unknown kind %s\n", argv[1]);
  return 2;
}
