#include <skep/testkit/fake_host.h>

int main(void) {
  skep_fake_component* plugin = skep_fake_start(skep_plugin_entry_v1(), "@NAME@", "{}");
  const skep_fake_result* run = skep_fake_run(plugin, "{\"name\":\"bob\"}");
  SKEP_CHECK(run->rc == SKEP_OK);
  SKEP_CHECK_TEXT(run->result, "{\"greeting\":\"hello bob\"}");
  skep_fake_stop(plugin);
  return skep_check_failures();
}
