#include <skep/kind/heartbeat.h>

#include <skep/testkit.hpp>

int main() {
  skep::testkit::Plugin plugin(skep::Json::object(), "@NAME@");
  skep_fake_http_reply(plugin.host(), "/api/workers/w1/heartbeat", 404,
                       R"({"type":"/problems/unknown-worker","code":"unknown-worker",)"
                       R"("to":{"worker_id":"w1"}})");
  const auto* heartbeat = plugin.iface<skep_heartbeat_v1>(SKEP_KIND_HEARTBEAT, "@NAME@");
  const skep_view url{"http://cp", 9}, token{"", 0}, beat{R"({"worker_id":"w1"})", 18};
  skep::testkit::Call call(1000);
  const skep_sink nothing{nullptr, [](void*, skep_view) -> skep_rc { return SKEP_OK; }};
  char words[256] = {};
  skep_err err{sizeof(skep_err), 0, sizeof(words), 0, words};
  SKEP_CHECK(heartbeat->beat(plugin.instance(), call.handle(), url, token, beat, &nothing, &err) ==
             SKEP_E_NOT_FOUND);
  skep_fake_http_reply(plugin.host(), "/api/workers/w1/heartbeat", 404, "<h1>Not Found</h1>");
  SKEP_CHECK(heartbeat->beat(plugin.instance(), call.handle(), url, token, beat, &nothing, &err) ==
             SKEP_E_UNAVAILABLE);
  SKEP_CHECK_EQ(skep_fake_requests(plugin.host()),
                "POST http://cp/api/workers/w1/heartbeat {\"worker_id\":\"w1\"}\n"
                "POST http://cp/api/workers/w1/heartbeat {\"worker_id\":\"w1\"}\n");
  return skep_check_failures();
}
