/* The services of a host, with the answers that a test prepared. */
#define _POSIX_C_SOURCE 200809L
#include "skep/testkit/fake_host.h"
#include "fake_http.h"
#include "fake_kv.h"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/log.h"
#include "skep/svc/node.h"
#include "skep/svc/process.h"
#include "skep/svc/secret.h"
#include "skep/svc/task.h"
#include "text.h"

enum answer_kind { HTTP, PROCESS, TASK, HIDDEN, SECRET, FACTS };

typedef struct answer {
  struct answer* next;
  enum answer_kind kind;
  int code;
  text key, first, second;
} answer;

struct skep_fake_host {
  skep_host abi;            /* first: the handle is the object's address */
  const skep_host* foreign; /* another handle that means this host, or null */
  skep_fake_host* next;     /* among those that have one */
  pthread_mutex_t lock;
  answer* answers; /* newest first */
  text requests, log;
  fake_kv kv;
  fake_http http;
};

static pthread_mutex_t foreign_lock = PTHREAD_MUTEX_INITIALIZER;
static skep_fake_host* foreign_hosts;

static skep_fake_host* of(const skep_host* handle) {
  skep_fake_host* h;
  pthread_mutex_lock(&foreign_lock);
  h = foreign_hosts;
  while (h != NULL && h->foreign != handle) h = h->next;
  pthread_mutex_unlock(&foreign_lock);
  return h != NULL ? h : (skep_fake_host*)(void*)handle;
}

/* ---- answers; all of these run under the lock ---- */

static void add(skep_fake_host* h, enum answer_kind kind, const char* key, int code,
                const char* first, const char* second) {
  answer* a = need(calloc(1, sizeof(*a)));
  a->kind = kind;
  a->code = code;
  text_add_str(&a->key, key);
  text_add_str(&a->first, first);
  text_add_str(&a->second, second);
  a->next = h->answers;
  h->answers = a;
}

static int fits(const answer* a, const char* asked) {
  const size_t n = strlen(asked);
  if (a->kind == HTTP) return strstr(asked, text_str(&a->key)) != NULL;
  if (a->kind == PROCESS)
    return n >= a->key.n && strcmp(asked + n - a->key.n, text_str(&a->key)) == 0;
  return strcmp(asked, text_str(&a->key)) == 0;
}

static answer** find(skep_fake_host* h, enum answer_kind kind, const char* asked) {
  answer** at = &h->answers;
  while (*at != NULL && ((*at)->kind != kind || !fits(*at, asked))) at = &(*at)->next;
  return at;
}

static void drop(answer** at) {
  answer* a = *at;
  *at = a->next;
  text_free(&a->key);
  text_free(&a->first);
  text_free(&a->second);
  free(a);
}

static char* copy(skep_view v) {
  text t = {NULL, 0};
  text_add_view(&t, v);
  return t.p;
}

/* Notes a request and finds its answer, which stays as long as the host. */
static const answer* ask(skep_fake_host* h, enum answer_kind kind, const char* asked,
                         const char* line) {
  const answer* found;
  pthread_mutex_lock(&h->lock);
  text_add_str(&h->requests, line);
  text_add_str(&h->requests, "\n");
  found = *find(h, kind, asked);
  pthread_mutex_unlock(&h->lock);
  return found;
}

/* ---- services ---- */

static void log_write(const skep_host* handle, uint32_t level, skep_view event, skep_view fields) {
  skep_fake_host* h = of(handle);
  pthread_mutex_lock(&h->lock);
  text_add_str(&h->log, level_word(level));
  text_add_view(&h->log, event);
  text_add_str(&h->log, " ");
  text_add_view(&h->log, fields);
  text_add_str(&h->log, "\n");
  pthread_mutex_unlock(&h->lock);
}

/* What the plugin asks for, as far as both know it. */
#define READ_OR_REFUSE(mine, theirs, size_1_0)                           \
  if (skep_read(&(mine), sizeof(mine), (theirs), (size_1_0)) != SKEP_OK) \
  return refuse(err, SKEP_E_INVALID, "a struct is smaller than in version 1.0 of the ABI")

/* SKEP_OK when it has to be answered, and by whom, if not by a prepared answer. */
static skep_rc befall(skep_fake_host* h, skep_call* call, const char* url, int64_t timeout_ms,
                      skep_fake_http_fn* handler, void** ctx, skep_err* err) {
  const fake_http_rule* rule;
  pthread_mutex_lock(&h->lock);
  rule = fake_http_find(&h->http, url);
  *handler = h->http.handler;
  *ctx = h->http.handler_ctx;
  pthread_mutex_unlock(&h->lock);
  return rule != NULL ? fake_http_suffer(rule, call, timeout_ms, err) : SKEP_OK;
}

static skep_rc http_request(const skep_host* handle, skep_call* call,
                            const skep_http_request* theirs, int32_t* status, const skep_sink* body,
                            skep_err* err) {
  skep_http_request request;
  const skep_http_request* r = &request;
  char* url;
  text line = {NULL, 0};
  const answer* a;
  skep_fake_http_fn handler = NULL;
  void* ctx = NULL;
  skep_rc rc;
  READ_OR_REFUSE(request, theirs, SKEP_SIZE_1_0_HTTP_REQUEST);
  if (call != NULL && call->ops->cancelled(call) != 0)
    return refuse(err, SKEP_E_CANCELLED, "the call is cancelled");
  url = copy(r->url);
  text_add_view(&line, r->method);
  text_add_str(&line, " ");
  text_add_str(&line, url);
  text_add_str(&line, " ");
  text_add_view(&line, r->body);
  a = ask(of(handle), HTTP, url, text_str(&line));
  rc = befall(of(handle), call, url, r->timeout_ms, &handler, &ctx, err);
  text_free(&line);
  free(url);
  if (rc != SKEP_OK) return rc;
  if (a == NULL && handler != NULL) return handler(ctx, call, r, status, body, err);
  if (a == NULL) return refuse(err, SKEP_E_UNAVAILABLE, "no skep_fake_http_reply() for this URL");
  *status = a->code;
  return body->put(body->ctx, view_of(text_str(&a->first)));
}

static skep_rc process_run(const skep_host* handle, skep_call* call,
                           const skep_process_spec* theirs, const skep_process_output* output,
                           skep_process_exit* out, skep_err* err) {
  skep_process_spec own;
  const skep_process_spec* spec = &own;
  skep_process_exit ended = {sizeof(ended), SKEP_EXIT_EXITED, 0, 0, 0, 0, 0};
  char* program;
  text line = {NULL, 0};
  const answer* a;
  uint32_t i;
  (void)call;
  READ_OR_REFUSE(own, theirs, SKEP_SIZE_1_0_PROCESS_SPEC);
  program = copy(spec->argc > 0 ? spec->argv[0] : view_of(""));
  for (i = 0; i < spec->argc; ++i) {
    if (i > 0) text_add_str(&line, " ");
    text_add_view(&line, spec->argv[i]);
  }
  a = ask(of(handle), PROCESS, program, text_str(&line));
  text_free(&line);
  free(program);
  if (a == NULL)
    return refuse(err, SKEP_E_NOT_FOUND, "no skep_fake_process_reply() for this program");
  ended.exit_code = a->code;
  if (skep_write(out, &ended, sizeof(ended), SKEP_SIZE_1_0_PROCESS_EXIT) != SKEP_OK)
    return refuse(err, SKEP_E_INVALID, "skep_process_exit.size is not set");
  if (a->first.n > 0) output->output(output->ctx, SKEP_CH_STDOUT, view_of(text_str(&a->first)));
  if (a->second.n > 0) output->output(output->ctx, SKEP_CH_STDERR, view_of(text_str(&a->second)));
  return SKEP_OK;
}

static skep_rc task_run(const skep_host* handle, skep_call* call, skep_view type, skep_view params,
                        const skep_sink* result, skep_err* err) {
  char* name = copy(type);
  text line = {NULL, 0};
  const answer* a;
  (void)call;
  text_add_str(&line, name);
  text_add_str(&line, " ");
  text_add_view(&line, params);
  a = ask(of(handle), TASK, name, text_str(&line));
  text_free(&line);
  free(name);
  if (a == NULL) return refuse(err, SKEP_E_NOT_FOUND, "no skep_fake_task_reply() for this type");
  if (a->code < 0) return refuse(err, a->code, text_str(&a->first));
  return result->put(result->ctx, view_of(text_str(&a->first)));
}

static skep_rc secret_get(const skep_host* handle, skep_call* call, skep_view name,
                          const skep_sink* value, skep_err* err) {
  char* asked = copy(name);
  text line = {NULL, 0};
  const answer* a;
  (void)call;
  text_add_str(&line, "secret ");
  text_add_str(&line, asked);
  a = ask(of(handle), SECRET, asked, text_str(&line));
  text_free(&line);
  free(asked);
  if (a == NULL) return refuse(err, SKEP_E_NOT_FOUND, "no skep_fake_secret() of this name");
  return value->put(value->ctx, view_of(text_str(&a->first)));
}

static skep_rc node_facts(const skep_host* handle, const skep_sink* sink, skep_err* err) {
  skep_fake_host* h = of(handle);
  const answer* a;
  (void)err;
  pthread_mutex_lock(&h->lock);
  a = *find(h, FACTS, "");
  pthread_mutex_unlock(&h->lock);
  return sink->put(sink->ctx,
                   view_of(a != NULL ? text_str(&a->first)
                                     : "{\"node_id\":\"fake-node\",\"site\":\"fake-site\","
                                       "\"mode\":\"check\",\"state_dir\":\".\",\"plugin\":\"fake\","
                                       "\"version\":\"0.0.0\"}"));
}

static skep_rc kv_get(const skep_host* handle, skep_call* call, skep_view key,
                      const skep_sink* value, skep_err* err) {
  text found = {NULL, 0};
  skep_rc rc = fake_kv_get(&of(handle)->kv, key, &found, err);
  (void)call;
  if (rc == SKEP_OK) rc = value->put(value->ctx, view_of_text(&found));
  text_free(&found);
  return rc;
}

static skep_rc kv_put(const skep_host* handle, skep_call* call, skep_view key, skep_view value,
                      skep_err* err) {
  (void)call;
  return fake_kv_put(&of(handle)->kv, key, value, err);
}

static skep_rc kv_remove(const skep_host* handle, skep_call* call, skep_view key, skep_err* err) {
  (void)call;
  return fake_kv_remove(&of(handle)->kv, key, err);
}

static skep_rc kv_keys(const skep_host* handle, skep_call* call, const skep_sink* key,
                       skep_err* err) {
  text keys = {NULL, 0};
  skep_rc rc = SKEP_OK;
  size_t at = 0;
  (void)call;
  (void)err;
  fake_kv_keys(&of(handle)->kv, &keys);
  while (rc >= 0 && at < keys.n) {
    const skep_view name = view_of(keys.p + at);
    at += (size_t)name.n + 1;
    rc = key->put(key->ctx, name);
  }
  text_free(&keys);
  return rc < 0 ? rc : SKEP_OK;
}

static const void* service(const skep_host* handle, const char* id) {
  static const skep_svc_log_v1 log = {sizeof(log), 0, log_write};
  static const skep_svc_http_v1 http = {sizeof(http), 0, http_request};
  static const skep_svc_process_v1 process = {sizeof(process), 0, process_run};
  static const skep_svc_kv_v1 kv = {sizeof(kv), 0, kv_get, kv_put, kv_remove, kv_keys};
  static const skep_svc_task_v1 task = {sizeof(task), 0, task_run};
  static const skep_svc_secret_v1 secret = {sizeof(secret), 0, secret_get};
  static const skep_svc_node_v1 node = {sizeof(node), 0, node_facts};
  skep_fake_host* h = of(handle);
  int hidden;
  pthread_mutex_lock(&h->lock);
  hidden = *find(h, HIDDEN, id) != NULL || *find(h, HIDDEN, "") != NULL;
  pthread_mutex_unlock(&h->lock);
  if (hidden) return NULL;
  if (strcmp(id, SKEP_SVC_LOG) == 0) return &log;
  if (strcmp(id, SKEP_SVC_HTTP) == 0) return &http;
  if (strcmp(id, SKEP_SVC_PROCESS) == 0) return &process;
  if (strcmp(id, SKEP_SVC_KV) == 0) return &kv;
  if (strcmp(id, SKEP_SVC_TASK) == 0) return &task;
  if (strcmp(id, SKEP_SVC_SECRET) == 0) return &secret;
  if (strcmp(id, SKEP_SVC_NODE) == 0) return &node;
  return NULL;
}

/* ---- the test's side ---- */

skep_fake_host* skep_fake_host_new(void) {
  skep_fake_host* h = need(calloc(1, sizeof(*h)));
  h->abi.size = sizeof(skep_host);
  h->abi.abi_minor = SKEP_ABI_MINOR;
  h->abi.service = service;
  pthread_mutex_init(&h->lock, NULL);
  fake_kv_init(&h->kv);
  return h;
}

void skep_fake_host_lend(skep_fake_host* h, const skep_host* handle) {
  pthread_mutex_lock(&foreign_lock);
  h->foreign = handle;
  h->next = foreign_hosts;
  foreign_hosts = h;
  pthread_mutex_unlock(&foreign_lock);
}

static void forget_foreign(skep_fake_host* h) {
  skep_fake_host** at = &foreign_hosts;
  pthread_mutex_lock(&foreign_lock);
  while (*at != NULL && *at != h) at = &(*at)->next;
  if (*at != NULL) *at = h->next;
  pthread_mutex_unlock(&foreign_lock);
}

void skep_fake_host_free(skep_fake_host* h) {
  forget_foreign(h);
  while (h->answers != NULL) drop(&h->answers);
  fake_kv_free(&h->kv);
  fake_http_free(&h->http);
  text_free(&h->requests);
  text_free(&h->log);
  pthread_mutex_destroy(&h->lock);
  free(h);
}

const skep_host* skep_fake_host_handle(skep_fake_host* h) { return &h->abi; }

static void prepare(skep_fake_host* h, enum answer_kind kind, const char* key, int code,
                    const char* first, const char* second) {
  pthread_mutex_lock(&h->lock);
  add(h, kind, key, code, first, second);
  pthread_mutex_unlock(&h->lock);
}

void skep_fake_hide_service(skep_fake_host* h, const char* id) {
  prepare(h, HIDDEN, id != NULL ? id : "", 0, "", "");
}
void skep_fake_http_delay(skep_fake_host* h, const char* url_part, int64_t ms) {
  pthread_mutex_lock(&h->lock);
  fake_http_add(&h->http, url_part, ms, SKEP_OK, "");
  pthread_mutex_unlock(&h->lock);
}
void skep_fake_http_fail(skep_fake_host* h, const char* url_part, skep_rc rc, const char* message) {
  pthread_mutex_lock(&h->lock);
  fake_http_add(&h->http, url_part, 0, rc, message);
  pthread_mutex_unlock(&h->lock);
}
void skep_fake_http_answer_by(skep_fake_host* h, skep_fake_http_fn handler, void* ctx) {
  pthread_mutex_lock(&h->lock);
  h->http.handler = handler;
  h->http.handler_ctx = ctx;
  pthread_mutex_unlock(&h->lock);
}

void skep_fake_http_reply(skep_fake_host* h, const char* url_part, int status, const char* body) {
  prepare(h, HTTP, url_part, status, body, "");
}
void skep_fake_process_reply(skep_fake_host* h, const char* program, int exit_code, const char* out,
                             const char* err) {
  prepare(h, PROCESS, program, exit_code, out, err);
}
void skep_fake_task_reply(skep_fake_host* h, const char* type, skep_rc rc, const char* t) {
  prepare(h, TASK, type, rc, t, "");
}

void skep_fake_secret(skep_fake_host* h, const char* name, const char* value) {
  prepare(h, SECRET, name, 0, value, "");
}
void skep_fake_facts(skep_fake_host* h, const char* facts_json) {
  prepare(h, FACTS, "", 0, facts_json, "");
}

const char* skep_fake_requests(skep_fake_host* h) { return text_str(&h->requests); }
const char* skep_fake_log(skep_fake_host* h) { return text_str(&h->log); }

void skep_fake_kv_set(skep_fake_host* h, const char* key, const char* value) {
  fake_kv_set(&h->kv, view_of(key), view_of(value));
}

const char* skep_fake_kv_get(skep_fake_host* h, const char* key) {
  return fake_kv_peek(&h->kv, view_of(key));
}
