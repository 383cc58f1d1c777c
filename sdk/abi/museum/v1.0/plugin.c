/* A task of the time of ABI 1.0, built from the headers beside it for ever: do not modernise it. */
#include <string.h>

#include <skep/kind/task.h>

static const char instance; /* stateless: any address serves as the instance */

static skep_rc open_plugin(const skep_plugin_v1* self, const skep_host* host, skep_err* err) {
  (void)self;
  (void)host;
  (void)err;
  return SKEP_OK;
}

static void close_plugin(const skep_plugin_v1* self) { (void)self; }

static skep_rc create(const skep_plugin_v1* self, const char* component, skep_view config_json,
                      skep_inst** out, skep_err* err) {
  (void)self;
  (void)component;
  (void)config_json;
  (void)err;
  *out = (skep_inst*)&instance;
  return SKEP_OK;
}

static skep_rc start(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst;
  (void)call;
  (void)err;
  return SKEP_OK;
}

static skep_rc drain(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst;
  (void)call;
  (void)err;
  return SKEP_OK;
}

static skep_rc stop(skep_inst* inst, skep_call* call, skep_err* err) {
  (void)inst;
  (void)call;
  (void)err;
  return SKEP_OK;
}

static void destroy(skep_inst* inst) { (void)inst; }

/* Requests are small and made by the host, so looking for a text in them is exact enough here: the
 * host has checked that language is one of three words. */
static int asks_for(skep_view request, const char* member) {
  const char* text = request.p;
  const size_t n = strlen(member);
  for (uint64_t i = 0; i + n <= request.n; ++i)
    if (memcmp(text + i, member, n) == 0) return 1;
  return 0;
}

static skep_rc run(skep_inst* inst, skep_call* call, skep_view request_json) {
  const char* result = "{\"greeting\":\"hello\"}";
  skep_view view;
  (void)inst;
  if (asks_for(request_json, "\"language\":\"de\"")) result = "{\"greeting\":\"hallo\"}";
  if (asks_for(request_json, "\"language\":\"fr\"")) result = "{\"greeting\":\"salut\"}";
  view.p = result;
  view.n = strlen(result);
  return call->ops->emit(call, SKEP_CH_RESULT, view);
}

static const void* iface(const skep_plugin_v1* self, const char* component, const char* id) {
  static const skep_task_v1 table = {sizeof(skep_task_v1), 0, run};
  (void)self;
  (void)component;
  return strcmp(id, SKEP_KIND_TASK) == 0 ? &table : NULL;
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
