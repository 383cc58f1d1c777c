#include <skep/kind/store.h>

#include <skep/testkit.hpp>

int main() {
  skep::testkit::Plugin plugin(skep::Json::object({{"path", "test.db"}}), "@NAME@");
  const auto* store = plugin.iface<skep_store_v1>(SKEP_KIND_STORE, "@NAME@");
  skep::testkit::Call call;
  char words[256] = {};
  skep_err err{sizeof(skep_err), 0, sizeof(words), 0, words};
  const skep_store_rows rows{};
  SKEP_CHECK(store->batch(plugin.instance(), call.handle(), nullptr, 0, &rows, &err) == SKEP_E_UNSUPPORTED);
  SKEP_CHECK(err.n > 0);
  return skep_check_failures();
}
