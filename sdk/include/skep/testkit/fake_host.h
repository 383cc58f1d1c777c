/* A host for unit tests of plugins: no skep, no network, no processes, no schema checks.
 *
 * The plugin is linked into the test program. Link skep::testkit; skep_add_plugin_test() does.
 *
 *   skep_fake_component* hello = skep_fake_start(skep_plugin_entry_v1(), "hello", "{}");
 *   const skep_fake_result* r = skep_fake_run(hello, "{\"name\":\"bob\"}");
 *   SKEP_CHECK(r->rc == SKEP_OK);
 *   SKEP_CHECK_TEXT(r->result, "{\"greeting\":\"hello bob\"}");
 *   skep_fake_stop(hello);
 *   return skep_check_failures();
 *
 * The real host checks parameters and settings against the schemas and fills in defaults before the
 * plugin sees them. This one does not: give complete documents.
 *
 * Texts returned here end with a zero byte and belong to the object they came from. Functions may
 * be called from any thread unless they say otherwise. Out of memory ends the test program. */
#ifndef SKEP_TESTKIT_FAKE_HOST_H
#define SKEP_TESTKIT_FAKE_HOST_H

#include <stdio.h>
#include <string.h>

#include "skep/kind/task.h"
#include "skep/svc/http.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the host ---- */

/* skep.svc.log, http, process, kv, task, secret and node. */
typedef struct skep_fake_host skep_fake_host;
skep_fake_host* skep_fake_host_new(void);
/* The plugin must be closed by then. */
void skep_fake_host_free(skep_fake_host* host);
/* What open() takes. */
const skep_host* skep_fake_host_handle(skep_fake_host* host);
/* A copy of that table, of another size or elsewhere in memory, means this host as well. Once. */
void skep_fake_host_lend(skep_fake_host* host, const skep_host* handle);

/* From now on the host has no service `id` (null = none at all): what an older host is like. */
void skep_fake_hide_service(skep_fake_host* host, const char* id);

/* Answers. The newest one whose text fits is taken, any number of times; without one, the call
 * fails as SKEP_E_UNAVAILABLE (http), SKEP_E_NOT_FOUND (process, task) and says so. */

/* HTTP requests whose URL contains `url_part`. */
void skep_fake_http_reply(skep_fake_host* host, const char* url_part, int status, const char* body);
/* Programs whose argv[0] ends with `program`. */
void skep_fake_process_reply(skep_fake_host* host, const char* program, int exit_code,
                             const char* out, const char* err);
/* Tasks of `type`: rc 0 gives `text` as the result, a negative rc fails with `text`. */
void skep_fake_task_reply(skep_fake_host* host, const char* type, skep_rc rc, const char* text);

/* The value of a secret; without one it is SKEP_E_NOT_FOUND. */
void skep_fake_secret(skep_fake_host* host, const char* name, const char* value);
/* What skep.svc.node says, one JSON object; without it node "fake-node", and the working folder is
 * the plugin's state folder. */
void skep_fake_facts(skep_fake_host* host, const char* facts_json);

/* What the plugin asked for, a line each: "POST http://.. BODY", "/bin/sh -c ..", "TYPE PARAMS",
 * "secret NAME". */
const char* skep_fake_requests(skep_fake_host* host);
/* What it logged by skep.svc.log, a line each: "warn printer_slow {..}". */
const char* skep_fake_log(skep_fake_host* host);
/* Values of skep.svc.kv; get returns null when there is none, else text that lasts until the key
 * changes. The service has the limits of the real one, these have none. */
void skep_fake_kv_set(skep_fake_host* host, const char* key, const char* value);
const char* skep_fake_kv_get(skep_fake_host* host, const char* key);

/* ---- one call ---- */

typedef struct skep_fake_result {
  skep_rc rc;        /* what run() returned */
  skep_rc fail_code; /* of the last fail(), 0 = none */
  uint32_t retry_ms; /* of the last fail() */
  uint32_t permille; /* of the last progress() */
  uint32_t emits;    /* calls of emit() */
  uint32_t reserved;
  const char* message; /* of the last fail() */
  const char* out;     /* channel 1 */
  const char* err;     /* channel 2 */
  const char* result;  /* last document on channel 3; "" when it was over 4 MiB */
  const char* logs;    /* channel 4, and "warn printer_slow {..}" of log(): a line each */
  const char* note;    /* of the last progress() */
} skep_fake_result;

typedef struct skep_fake_call skep_fake_call;
skep_fake_call* skep_fake_call_new(void);
void skep_fake_call_free(skep_fake_call* call);
skep_call* skep_fake_call_handle(skep_fake_call* call);
/* From now on it is not the run of a task or script: emit, progress and fail give SKEP_E_STATE. */
void skep_fake_call_plain(skep_fake_call* call);
/* The call comes with this table of operations, such as a longer copy of its own elsewhere in
 * memory. It must live as long as the call. */
void skep_fake_call_lend(skep_fake_call* call, const skep_call_ops* ops);
/* Cancels the call with SKEP_CANCEL_*; the first reason stands. */
void skep_fake_call_cancel(skep_fake_call* call, int reason);
/* Cancels it as SKEP_CANCEL_USER at its n-th emit(), 1 = the first, which then returns
 * SKEP_E_CANCELLED. */
void skep_fake_call_cancel_at_emit(skep_fake_call* call, uint32_t n);
/* Its time is up `ms` from now. */
void skep_fake_call_deadline(skep_fake_call* call, int64_t ms);
/* What was captured so far; valid until the next call of this function or the call's end. */
const skep_fake_result* skep_fake_call_result(skep_fake_call* call);
/* The same, with what run() returned; for tests that call run() themselves. */
const skep_fake_result* skep_fake_call_ended(skep_fake_call* call, skep_rc rc);

/* ---- a component, from open() to close() ---- */

typedef struct skep_fake_component skep_fake_component;
/* open, create, start. When the plugin refuses, says why on stderr and ends the program with 1. */
skep_fake_component* skep_fake_start(const skep_plugin_v1* plugin, const char* component,
                                     const char* config_json);
/* stop, destroy, close. */
void skep_fake_stop(skep_fake_component* component);
skep_fake_host* skep_fake_host_of(skep_fake_component* component);
skep_inst* skep_fake_instance(skep_fake_component* component);
/* Runs a task on this thread with a call of its own. The result is valid until the next run. One
 * thread at a time; tests of concurrency take skep_fake_run_call(). */
const skep_fake_result* skep_fake_run(skep_fake_component* component, const char* params_json);
/* The same with your call, cancelled or late as you like. */
const skep_fake_result* skep_fake_run_call(skep_fake_component* component, skep_fake_call* call,
                                           const char* params_json);

/* ---- HTTP with delay and failure ---- */

/* Requests whose URL contains `url_part` take `ms` of real time before they are answered; one whose
 * timeout_ms is not longer fails as SKEP_E_UNAVAILABLE when that is over, and one whose call ends
 * before as SKEP_E_DEADLINE or SKEP_E_CANCELLED.
 * The newest of these and of skep_fake_http_fail() whose text fits counts. */
void skep_fake_http_delay(skep_fake_host* host, const char* url_part, int64_t ms);
/* They fail with `rc`, such as SKEP_E_UNAVAILABLE, and `message`. */
void skep_fake_http_fail(skep_fake_host* host, const char* url_part, skep_rc rc,
                         const char* message);
/* Requests for which no skep_fake_http_reply() fits are answered by `answer`, which is what
 * skep_svc_http_v1.request would be; it may be called from several threads at once. */
typedef skep_rc (*skep_fake_http_fn)(void* ctx, skep_call* call, const skep_http_request* request,
                                     int32_t* status, const skep_sink* body, skep_err* err);
void skep_fake_http_answer_by(skep_fake_host* host, skep_fake_http_fn answer, void* ctx);

/* ---- checks, for tests without a framework ---- */

/* How many checks failed, at most 100: what main() returns. */
int skep_check_failures(void);
void skep_check_failed(const char* file, int line, const char* what, const char* got,
                       const char* wanted);

#define SKEP_CHECK(cond) \
  ((cond) ? (void)0 : skep_check_failed(__FILE__, __LINE__, #cond, NULL, NULL))
#define SKEP_CHECK_TEXT(got, wanted)      \
  (strcmp((got), (wanted)) == 0 ? (void)0 \
                                : skep_check_failed(__FILE__, __LINE__, #got, (got), (wanted)))

#ifdef __cplusplus
}
#endif
#endif
