/* What each function promises is in skep/abi/base.h and skep/kind/task.h. */
#include <stdio.h>
#include <string.h>

#include <skep/json.h>
#include <skep/kind/task.h>

static const char instance; /* stateless: any address serves as the instance */

static skep_rc open_plugin(const skep_plugin_v1* self, const skep_host* host, skep_err* err) {
  (void)self, (void)host, (void)err;
  return SKEP_OK;
}
static void close_plugin(const skep_plugin_v1* self) { (void)self; }

static skep_rc create(const skep_plugin_v1* self, const char* component, skep_view config, skep_inst** out, skep_err* err) {
  static const char message[] = "no such component";
  (void)self, (void)config;
  if (strcmp(component, "@NAME@") == 0) {
    *out = (skep_inst*)&instance;
    return SKEP_OK;
  }
  if (err != NULL && err->cap >= sizeof(message)) {
    memcpy(err->text, message, sizeof(message) - 1);
    err->n = sizeof(message) - 1;
  }
  return SKEP_E_NOT_FOUND;
}
static skep_rc start(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst, (void)call, (void)err;
  return SKEP_OK;
}
static skep_rc drain(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst, (void)call, (void)err;
  return SKEP_OK;
}
static skep_rc stop(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst, (void)call, (void)err;
  return SKEP_OK;
}
static void destroy(skep_inst* inst) { (void)inst; }

static skep_rc fail(skep_call* call, skep_rc code, const char* why) {
  const skep_view message = {why, strlen(why)};
  return call->ops->fail(call, code, 0, message);
}

static skep_rc run(skep_inst* inst, skep_call* call, skep_view request) {
  char name[256] = "world", greeting[300], text[1024], json[1100];
  const skep_rc rc = skep_json_text(request, "/params/name", name, sizeof(name), NULL);
  (void)inst;
  if (rc != SKEP_OK && rc != SKEP_E_NOT_FOUND)
    return fail(call, SKEP_E_INVALID, "the name is no text, or too long");
  snprintf(greeting, sizeof(greeting), "hello %s", name);
  if (skep_json_quote(text, sizeof(text), greeting, strlen(greeting)) >= sizeof(text))
    return fail(call, SKEP_E_INVALID, "the name is too long");
  const int n = snprintf(json, sizeof(json), "{\"greeting\":%s}", text);
  const skep_view result = {json, (uint64_t)n};
  call->ops->emit(call, SKEP_CH_RESULT, result);
  return SKEP_OK;
}

static const void* iface(const skep_plugin_v1* self, const char* component, const char* id) {
  static const skep_task_v1 table = {sizeof(skep_task_v1), 0, run};
  (void)self;
  return strcmp(component, "@NAME@") == 0 && strcmp(id, SKEP_KIND_TASK) == 0 ? &table : NULL;
}

const skep_plugin_v1* skep_plugin_entry_v1(void) {
  static const skep_plugin_v1 table = {sizeof(skep_plugin_v1),
                                       SKEP_MINOR,
                                       open_plugin,
                                       close_plugin,
                                       create,
                                       start,
                                       drain,
                                       stop,
                                       destroy,
                                       iface,
                                       NULL};
  return &table;
}
