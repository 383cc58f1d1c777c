#include <skep/testkit.hpp>

int main() {
  skep::testkit::Plugin plugin;
  const auto run = plugin.run({{"name", "bob"}});
  SKEP_CHECK(run.rc == SKEP_OK);
  SKEP_CHECK_EQ(run.out, "hello bob\n");
  SKEP_CHECK_EQ(run.result, R"({"greeting":"hello bob"})");
  return skep_check_failures();
}
