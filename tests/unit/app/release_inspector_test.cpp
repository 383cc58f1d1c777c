// What the control plane finds in the files that are published.
#include "core/app/release_inspector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "core/api/schema.hpp"
#include "core/base/text.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::app {
namespace {

class ReleaseInspector : public testing::Test {
 protected:
  ReleaseInspector() { EXPECT_TRUE(registry.scan()); }

  plugin::RegistryOptions options() const {
    plugin::RegistryOptions o;
    o.paths = {SKEP_TEST_PLUGIN_DIR};
    o.staging_dir = dir.file("staging");
    return o;
  }
  /// A control plane whose [plugins.lua] is `lua`.
  config::Config config(const std::string& lua) const {
    config::Config c;
    c.node.state_dir = dir.path();
    c.plugins.tables["lua"] = lua;
    return c;
  }
  Result<std::optional<control::SelfDescription>> ask(api::ReleaseKind kind, std::string content,
                                                      plugin::Admission admission = {},
                                                      const std::string& lua = "{}") {
    control::Publication p;
    p.kind = kind;
    p.name = "declared";
    p.version = "9.9.9";
    p.content = std::move(content);
    return release_inspector(registry, std::move(admission), config(lua))(p);
  }
  plugin::PluginInfo info(const std::string& id) {
    for (plugin::PluginInfo& known : registry.list())
      if (known.id == id) return std::move(known);
    return {};
  }

  const test::TempDir dir;
  plugin::Registry registry{options()};
  static constexpr auto kScript = api::ReleaseKind::kScript;
  static constexpr auto kPlugin = api::ReleaseKind::kPlugin;
  const std::string probe =
      R"(return skep.task { name = "probe", version = "1.2.3",
      params = { type = "object", properties = { depth = { type = "integer" } } }, run = function() return {} end })";
};

TEST_F(ReleaseInspector, a_plugin_says_what_its_manifest_does) {
  const auto known = info("collect_facts");
  const auto said = ask(kPlugin, read_file(known.path).value());
  ASSERT_TRUE(said) << said.error().message;
  ASSERT_TRUE(*said);
  EXPECT_EQ((*said)->name, "collect_facts");
  EXPECT_EQ((*said)->version, known.version);
  ASSERT_EQ((*said)->types.size(), 1u);
  EXPECT_TRUE(api::Schema::compile((*said)->types.at("collect_facts")));
  EXPECT_FALSE(std::filesystem::exists(dir.file("staging"))) << "it was to be loaded";
}

TEST_F(ReleaseInspector, a_plugin_without_task_types_says_that_it_has_none) {
  const auto said = ask(kPlugin, read_file(info("sqlite").path).value());
  ASSERT_TRUE(said) << said.error().message;
  ASSERT_TRUE(*said);
  EXPECT_EQ((*said)->name, "sqlite");
  EXPECT_TRUE((*said)->types.empty());
}

TEST_F(ReleaseInspector, a_script_is_read_in_a_child_and_the_list_hears_nothing_of_it) {
  const auto said = ask(kScript, probe);
  ASSERT_TRUE(said) << said.error().message;
  ASSERT_TRUE(*said);
  EXPECT_EQ((*said)->name, "probe");
  EXPECT_EQ((*said)->version, "1.2.3");
  EXPECT_NE((*said)->types.at("probe").find("depth"), std::string::npos);
  EXPECT_EQ(info("lua").state, plugin::PluginState::kAvailable);
}

TEST_F(ReleaseInspector, a_script_gets_what_the_control_planes_table_gives) {
  const std::string large = "local large = ('x'):rep(8 << 20)\n" + probe;
  const auto said = ask(kScript, large);
  ASSERT_TRUE(said) << said.error().message;
  const auto refused = ask(kScript, large, {}, R"({"memory_mb":4})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().id(), "bad-script");
  EXPECT_NE(refused.error().message.find("4 MiB"), std::string::npos) << refused.error().message;
}

TEST_F(ReleaseInspector, a_child_that_takes_too_long_says_nothing_of_the_text) {
  // Its process does not start in that time, or it does and the text goes on for longer.
  const std::string slow = "while true do local x = ('x'):rep(1 << 20) end\n" + probe;
  const auto said = ask(kScript, slow, {}, R"({"limits":{"start_timeout_ms":10}})");
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Code::kUnavailable) << said.error().message;
  EXPECT_EQ(said.error().next, "try again");
}

TEST_F(ReleaseInspector, a_script_is_read_in_a_child_where_others_run_in_this_process) {
  // Only children have a time to start in. In this process the language stops it: a bad script.
  const auto said = ask(kScript, "while true do end\n" + probe, {},
                        R"({"isolation":"inproc","limits":{"start_timeout_ms":10}})");
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Code::kUnavailable) << said.error().message;
}

TEST_F(ReleaseInspector, what_is_neither_is_refused) {
  const auto script = ask(kScript, "print(1)");
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().id(), "bad-script");
  EXPECT_TRUE(script.error().message.starts_with("publish: declared.lua:1: "))
      << script.error().message;
  const auto plugin = ask(kPlugin, "no library");
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().id(), "bad-plugin");
  EXPECT_EQ(plugin.error().next, "skep plugin check FILE");
}

TEST_F(ReleaseInspector, what_no_node_would_load_is_refused_in_the_words_of_a_start) {
  const auto refused = [&](const std::string& name) {
    const auto bytes =
        read_file(std::string(SKEP_BUILD_DIR) + "/lib/skep/test-plugins/bad/" + name).value();
    const auto said = ask(kPlugin, bytes);
    EXPECT_FALSE(said);
    return said ? "" : std::string(said.error().id()) + ": " + said.error().message;
  };
  EXPECT_TRUE(refused("newer_minor.so")
                  .starts_with("incompatible-plugin: publish: plugin newer_minor 1.0.0 (sha256 "));
  EXPECT_NE(refused("newer_minor.so").find("plugin needs a newer host  <- upgrade skep"),
            std::string::npos);
  EXPECT_NE(refused("wrong_abi.so").find("another ABI  <- rebuild the plugin"), std::string::npos);
}

TEST_F(ReleaseInspector, a_name_of_ours_is_refused_with_its_owner) {
  std::string bytes =
      read_file(std::string(SKEP_BUILD_DIR) + "/lib/skep/test-plugins/odd/beats.so").value();
  const std::string name = R"("name": "drum")";
  bytes.replace(bytes.find(name), name.size(), R"("name": "http")");
  const auto plugin = ask(kPlugin, bytes);
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().id(), "name-taken");
  EXPECT_EQ(plugin.error().message,
            "publish: component \"http\" of plugin beats has a name that belongs to plugin "
            "heartbeat_http, which comes with skep");
  const auto script = ask(kScript, R"(return skep.task { name = "execute_script", version = "1.0.0",
      run = function() return {} end })");
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().message,
            "publish: script \"execute_script\" has a name that belongs to plugin "
            "execute_script, which comes with skep");
}

TEST_F(ReleaseInspector, without_the_language_a_script_says_nothing) {
  const auto nobody = [](const plugin::Candidate&) -> Status {
    return Error{Code::kDenied, "not in the lock"};
  };
  const auto denied = ask(kScript, probe, nobody);
  ASSERT_TRUE(denied) << denied.error().message;
  EXPECT_FALSE(*denied);
  plugin::Registry empty{plugin::RegistryOptions{}};
  control::Publication p;
  p.name = "declared";
  p.content = probe;
  const auto said = release_inspector(empty, {}, config("{}"))(p);
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_FALSE(*said);
}

}  // namespace
}  // namespace skep::app
