/* What each function promises is in skep/abi/base.h and skep/kind/task.h. */
#include <stdio.h>
#include <string.h>

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

/* The value of member "name" in the request, still escaped as JSON, which is how it goes out
 * again. */
static skep_view name_of(skep_view request) {
  static const char key[] = "\"name\":\"";
  const char* text = request.p;
  skep_view found = {"world", 5};
  for (uint64_t i = 0; i + sizeof(key) - 1 < request.n; ++i) {
    if (memcmp(text + i, key, sizeof(key) - 1) != 0) continue;
    uint64_t begin = i + sizeof(key) - 1, end = begin;
    while (end < request.n && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= request.n) break;
    found.p = text + begin;
    found.n = end - begin;
  }
  return found;
}

static skep_rc run(skep_inst* inst, skep_call* call, skep_view request) {
  char json[1024];
  const skep_view name = name_of(request);
  const int n = snprintf(json, sizeof(json), "{\"greeting\":\"hello %.*s\"}", (int)name.n,
                         (const char*)name.p);
  static const char too_long[] = "the name is too long";
  (void)inst;
  if (n < 0 || (size_t)n >= sizeof(json)) {
    const skep_view message = {too_long, sizeof(too_long) - 1};
    return call->ops->fail(call, SKEP_E_INVALID, 0, message);
  }
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
