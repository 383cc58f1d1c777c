#include <skep/kind/spool.h>

#include <skep/testkit.hpp>

int main() {
  skep::testkit::Plugin plugin(skep::Json::object({{"path", "test.db"}}), "@NAME@");
  const auto* spool = plugin.iface<skep_spool_v1>(SKEP_KIND_SPOOL, "@NAME@");
  skep::testkit::Call call;
  char words[256] = {};
  skep_err err{sizeof(skep_err), 0, sizeof(words), 0, words};
  SKEP_CHECK(spool->reserve(plugin.instance(), call.handle(), 1, &err) == SKEP_E_UNSUPPORTED);
  SKEP_CHECK(err.n > 0);
  return skep_check_failures();
}
