/* A component from open() to close(), and the checks of a test. */
#include <stdio.h>

#include "skep/testkit/fake_host.h"
#include "text.h"

struct skep_fake_component {
  const skep_plugin_v1* plugin;
  const skep_task_v1* task;
  skep_inst* inst;
  skep_fake_host* host;
  skep_fake_call* life; /* of start() and stop() */
  skep_fake_call* call; /* of the last skep_fake_run() */
  text type;
};

static void must(skep_rc rc, const char* doing, const skep_err* err) {
  if (rc >= 0) return;
  fprintf(stderr, "%s failed with %d: %.*s\n", doing, rc, (int)err->n, err->text);
  exit(1);
}

skep_fake_component* skep_fake_start(const skep_plugin_v1* plugin, const char* component,
                                     const char* config_json) {
  char words[1024];
  skep_err err = {sizeof(skep_err), 0, sizeof(words), 0, NULL};
  skep_fake_component* c = need(calloc(1, sizeof(*c)));
  err.text = words;
  c->plugin = plugin;
  c->host = skep_fake_host_new();
  text_add_str(&c->type, component);
  c->life = skep_fake_call_new();
  skep_fake_call_plain(c->life);
  must(plugin->open(plugin, skep_fake_host_handle(c->host), &err), "open()", &err);
  must(plugin->create(plugin, component, view_of(config_json), &c->inst, &err), "create()", &err);
  must(plugin->start(c->inst, skep_fake_call_handle(c->life), &err), "start()", &err);
  c->task = plugin->iface(plugin, component, SKEP_KIND_TASK);
  return c;
}

void skep_fake_stop(skep_fake_component* c) {
  char words[1024];
  skep_err err = {sizeof(skep_err), 0, sizeof(words), 0, NULL};
  err.text = words;
  must(c->plugin->stop(c->inst, skep_fake_call_handle(c->life), &err), "stop()", &err);
  c->plugin->destroy(c->inst);
  c->plugin->close(c->plugin);
  skep_fake_call_free(c->life);
  if (c->call != NULL) skep_fake_call_free(c->call);
  skep_fake_host_free(c->host);
  text_free(&c->type);
  free(c);
}

skep_fake_host* skep_fake_host_of(skep_fake_component* c) { return c->host; }
skep_inst* skep_fake_instance(skep_fake_component* c) { return c->inst; }

const skep_fake_result* skep_fake_run_call(skep_fake_component* c, skep_fake_call* call,
                                           const char* params_json) {
  text request = {NULL, 0};
  skep_view view;
  skep_rc rc;
  if (c->task == NULL) {
    fprintf(stderr, "component %s is not a task\n", text_str(&c->type));
    exit(1);
  }
  text_add_str(&request, "{\"task_id\":\"task-1\",\"type\":\"");
  text_add_str(&request, text_str(&c->type));
  text_add_str(&request,
               "\",\"attempt\":1,\"worker_id\":\"worker-1\",\"site\":\"site-a\","
               "\"idempotency_key\":\"key-1\",\"timeout_ms\":0,\"params\":");
  text_add_str(&request, params_json);
  text_add_str(&request, "}");
  view.p = request.p;
  view.n = request.n;
  rc = c->task->run(c->inst, skep_fake_call_handle(call), view);
  text_free(&request); /* a task that kept the view reads freed memory from now on */
  return skep_fake_call_ended(call, rc);
}

const skep_fake_result* skep_fake_run(skep_fake_component* c, const char* params_json) {
  if (c->call != NULL) skep_fake_call_free(c->call);
  c->call = skep_fake_call_new();
  return skep_fake_run_call(c, c->call, params_json);
}

/* ---- checks ---- */

static int failures;

int skep_check_failures(void) { return failures < 100 ? failures : 100; }

void skep_check_failed(const char* file, int line, const char* what, const char* got,
                       const char* wanted) {
  failures++;
  fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
  if (got != NULL) fprintf(stderr, "  got    %s\n  wanted %s\n", got, wanted);
}
