#include "core/app/node_metrics.hpp"

#include <gtest/gtest.h>

#include "core/base/gauges.hpp"

namespace skep::app {
namespace {

using enum plugin::GenerationState;

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

plugin::GenerationInfo generation(plugin::GenerationState state, std::int64_t leases) {
  plugin::GenerationInfo g;
  g.state = state;
  g.inside = leases;
  return g;
}

TEST(NodeMetrics, count_generations_by_state_and_the_calls_inside_all_of_them) {
  plugin::PluginInfo hello;
  hello.id = "hello";
  hello.state = plugin::PluginState::kLoaded;
  hello.generations = {generation(kActive, 2), generation(kTakenBack, 1), generation(kRetired, 0),
                       generation(kRetired, 0)};
  plugin::PluginInfo never;
  never.id = "never";
  never.state = plugin::PluginState::kRefused;
  plugin::ScriptInfo script;
  script.name = "tide";
  script.state = plugin::ScriptState::kActive;
  script.generations = {generation(kProbation, 0)};
  plugin::ScriptInfo ebb = script;
  ebb.name = "ebb";
  ebb.state = plugin::ScriptState::kRolledBack;
  hello.failed_sha256 = "f00";
  const std::string text =
      node_metrics({{"queue", ""}, {"worker", "no space", true}}, {hello, never}, {script, ebb},
                   {{"plugin.rolled_back", 3}, {"config.reloaded", 1}});
  for (const char* line :
       {R"(skep_check_failed{check="queue"} 0)", R"(skep_check_failed{check="worker"} 1)",
        R"(skep_plugin_files{kind="plugin",state="loaded"} 1)",
        R"(skep_plugin_files{kind="plugin",state="refused"} 1)",
        R"(skep_plugin_generations{kind="plugin",name="hello",state="active"} 1)",
        R"(skep_plugin_generations{kind="plugin",name="hello",state="retired"} 2)",
        R"(skep_plugin_generations{kind="script",name="tide",state="active"} 1)",
        R"(skep_plugin_newest_refused{kind="plugin",name="hello"} 1)",
        R"(skep_plugin_newest_refused{kind="script",name="ebb"} 1)",
        R"(skep_plugin_leases{kind="plugin",name="hello"} 3)",
        R"(skep_plugin_leases{kind="script",name="tide"} 0)",
        R"(skep_node_events_total{event="plugin.rolled_back"} 3)"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  EXPECT_EQ(text.find("name=\"never\""), std::string::npos) << text;
  EXPECT_EQ(text.find("newest_refused{kind=\"script\",name=\"tide\"}"), std::string::npos) << text;
}

TEST(NodeMetrics, show_the_gauges_of_plugins) {
  gauges::set("com.acme.shown", "log_bytes", 4096);
  const std::string text = node_metrics({}, {}, {}, {});
  EXPECT_TRUE(has_line(text, R"(skep_plugin_value{plugin="com.acme.shown",name="log_bytes"} 4096)"))
      << text;
}

TEST(NodeMetrics, leave_families_without_a_value_out) {
  const std::string text = node_metrics({}, {}, {}, {});
  EXPECT_EQ(text.find("skep_plugin_generations"), std::string::npos) << text;
  EXPECT_NE(text.find("skep_build_info"), std::string::npos) << text;
}

}  // namespace
}  // namespace skep::app
