#include <skep/kind/queue.h>

#include <skep/testkit.hpp>

int main() {
  skep::testkit::Plugin plugin(skep::Json::object({{"path", "test.db"}}), "@NAME@");
  const auto* queue = plugin.iface<skep_queue_v1>(SKEP_KIND_QUEUE, "@NAME@");
  skep::testkit::Call call;
  char words[256] = {};
  skep_err err{sizeof(skep_err), 0, sizeof(words), 0, words};
  const skep_queue_counts counts{};
  SKEP_CHECK(queue->stats(plugin.instance(), call.handle(), &counts, &err) == SKEP_E_UNSUPPORTED);
  SKEP_CHECK(err.n > 0);
  return skep_check_failures();
}
