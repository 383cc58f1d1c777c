#include "core/plugin/compat.hpp"

#include <gtest/gtest.h>

namespace skep::plugin {
namespace {

Manifest manifest_of(const std::string& abi, const std::string& minor, const std::string& requires_,
                     const std::string& kind = "skep.kind.task/1", const std::string& more = "") {
  auto m = parse_manifest(R"({"id":"com.acme.hello","version":"1.0.0","license":"MIT","abi":")" +
                          abi + R"(","min_minor":)" + minor + more +
                          R"(,"components":[{"name":"hello","kind":")" + kind +
                          R"(","requires":[)" + requires_ + "]}]}");
  if (!m) throw std::runtime_error(m.error().message);
  return std::move(*m);
}

const HostAbi kHost{
    1, 4, {"skep.kind.task/1", "skep.kind.task/2"}, {"skep.svc.blob/1", "skep.svc.log/1"}};
constexpr std::string_view kSha = "3f9c0011223344556677";

TEST(Compat, accepts_what_fits) {
  const Manifest m = manifest_of("skep/1", "4", R"("skep.svc.log/1")");
  const Compat c = check_compat(m, kHost);
  EXPECT_TRUE(c.ok());
  EXPECT_EQ(c.table(m, kSha),
            "plugin com.acme.hello 1.0.0 (sha256 3f9c00112233) fits this host\n"
            "  field           plugin          host            verdict\n"
            "  abi             skep/1 minor 4  skep/1 minor 4  ok\n"
            "  skep.kind.task  /1              /1 /2           ok\n"
            "  skep.svc.log    /1              /1              ok");
}

TEST(Compat, shows_every_field_that_differs) {
  const Manifest m = manifest_of("skep/1", "7", R"("skep.svc.blob/2","skep.svc.lgo/1")");
  const Compat c = check_compat(m, kHost);
  EXPECT_FALSE(c.ok());
  EXPECT_EQ(
      c.table(m, kSha),
      "plugin com.acme.hello 1.0.0 (sha256 3f9c00112233) refused: it does not fit this host\n"
      "  field           plugin          host            verdict\n"
      "  abi             skep/1 minor 7  skep/1 minor 4  plugin needs a newer host  <- upgrade "
      "skep, "
      "or build with an older SDK\n"
      "  skep.kind.task  /1              /1 /2           ok\n"
      "  skep.svc.blob   /2              /1              missing  <- rebuild the plugin with this "
      "host's SDK, or upgrade skep\n"
      "  skep.svc.lgo    /1              -               missing  <- this host has no such "
      "service; "
      "did you mean \"skep.svc.log\"?");
}

TEST(Compat, refuses_another_abi_and_unknown_kinds) {
  const Manifest m = manifest_of("skep/2", "0", "", "com.acme.kind.thing/1");
  const Compat c = check_compat(m, kHost);
  EXPECT_EQ(
      c.table(m, kSha),
      "plugin com.acme.hello 1.0.0 (sha256 3f9c00112233) refused: it does not fit this host\n"
      "  field                plugin          host            verdict\n"
      "  abi                  skep/2 minor 0  skep/1 minor 4  another ABI  <- rebuild the plugin "
      "with the SDK of skep/1\n"
      "  com.acme.kind.thing  /1              -               missing  <- this host has no such "
      "kind; known: skep.kind.task; upgrade skep, or ask for a build that does "
      "without");
}

TEST(Compat, this_host_has_the_kinds_and_services_of_its_headers) {
  const HostAbi& host = host_abi();
  EXPECT_EQ(host.kinds.size(), 6u);
  EXPECT_EQ(host.services, (std::vector<std::string>{
                               "skep.svc.artifact/1", "skep.svc.http/1", "skep.svc.kv/1",
                               "skep.svc.log/1", "skep.svc.metric/1", "skep.svc.node/1",
                               "skep.svc.process/1", "skep.svc.secret/1", "skep.svc.task/1"}));
}

}  // namespace
}  // namespace skep::plugin
