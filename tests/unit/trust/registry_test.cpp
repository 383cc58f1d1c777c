// The policy at the only place where code is loaded, with files that change under our hands.
#include "core/plugin/registry.hpp"
#include "core/plugin/task_table.hpp"

#include "core/app/admission.hpp"
#include "tests/unit/trust/support.hpp"

namespace skep::trust {
namespace {

std::string bytes_of(const char* fixture) {
  return read_file(std::string(SKEP_BUILD_DIR "/lib/skep/test-plugins/") + fixture, 64u << 20)
      .value();
}

class RegistryTrustTest : public TrustTest {
 protected:
  RegistryTrustTest() {
    fs::create_directories(dir.file("plugins"));
    write_text(plugin, bytes_of("good/noop.so"));
    use({{"noop", {acme.public_key().line()}}});
    sign_file(acme, plugin, comment_of("noop", "1.0.0", "skep/1"));
    require(false, true);
  }
  /// Runs the task types of a node; "" or why noop was refused.
  std::string load(const plugin::Admission& admission) {
    plugin::RegistryOptions options;
    options.paths = {dir.file("plugins")};
    options.staging_dir = dir.file("staging");
    options.admission = admission;
    plugin::Registry registry(options);
    EXPECT_TRUE(registry.scan());
    if (between) between();
    const auto runner = registry.tasks();
    EXPECT_TRUE(runner);
    types = (*runner)->types().size();
    sha256 = registry.list().at(0).sha256;
    return registry.list().at(0).reason;
  }
  plugin::Admission gate() const { return app::admission(std::make_shared<Gate>(settings)); }

  const std::string plugin = dir.file("plugins/noop.so");
  std::function<void()> between;
  std::size_t types = 0;
  std::string sha256;
};

TEST_F(RegistryTrustTest, signed_plugins_are_loaded) {
  EXPECT_EQ(load(gate()), "");
  EXPECT_EQ(types, 1u);
}

TEST_F(RegistryTrustTest, tampered_plugins_are_refused_and_not_loaded) {
  write_text(plugin, bytes_of("good/noop.so") + "x");
  expect_refused(load(gate()), {"noop 1.0.0", "not a signature of this file", "next: "});
  EXPECT_EQ(types, 0u);
}

TEST_F(RegistryTrustTest, a_file_swapped_after_the_copy_was_made_does_not_get_in) {
  const std::string verified = digests_of(plugin).sha256;
  const auto swapping = [&](const plugin::Candidate& c) {
    const Status admitted = gate()(c);
    write_text(plugin, bytes_of("bad/throws_in_create.so"));
    return admitted;
  };
  EXPECT_EQ(load(swapping), "") << "the verified copy is what runs";
  EXPECT_EQ(types, 1u);
  EXPECT_EQ(sha256, verified);
}

TEST_F(RegistryTrustTest, a_copy_swapped_after_the_check_does_not_get_in) {
  const auto swapping = [&](const plugin::Candidate& c) {
    const Status admitted = gate()(c);
    EXPECT_EQ(::chmod(c.staged_path.c_str(), 0600), 0);
    write_text(c.staged_path, bytes_of("good/echo.so"));
    return admitted;
  };
  expect_refused(load(swapping), {"was changed after it was checked"});
  EXPECT_EQ(types, 0u);
}

TEST_F(RegistryTrustTest, a_file_swapped_between_scan_and_copy_does_not_get_in) {
  between = [&] { write_text(plugin, bytes_of("good/noop.so") + "x"); };
  const std::string why = load(gate());
  EXPECT_NE(why, "");
  EXPECT_EQ(types, 0u);
}

}  // namespace
}  // namespace skep::trust
