#include "core/plugin/isolation/limits.hpp"

#include <gtest/gtest.h>

#include "core/plugin/running.hpp"

namespace skep::plugin {
namespace {

TEST(ChildLimits, every_key_is_read_over_the_defaults) {
  ChildLimits defaults;
  defaults.cancel_grace = Millis(250);
  const auto some = parse_limits(R"({"memory_mb":64,"output_mb":1})", defaults);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->memory_mb, 64);
  EXPECT_EQ(some->output_mb, 1);
  EXPECT_EQ(some->cancel_grace, Millis(250));
  const auto rest = parse_limits(
      R"({"open_files":32,"start_timeout_ms":10,"cancel_grace_ms":0,"idle_timeout_ms":5,)"
      R"("max_tasks":7,"recycle_mb":9})");
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->open_files, 32);
  EXPECT_EQ(rest->start_timeout, Millis(10));
  EXPECT_EQ(rest->cancel_grace, Millis(0));
  EXPECT_EQ(rest->idle_timeout, Millis(5));
  EXPECT_EQ(rest->max_tasks, 7);
  EXPECT_EQ(rest->recycle_mb, 9);
}

TEST(ChildLimits, the_grace_is_that_of_the_manifest_unless_the_table_has_one) {
  Recipe recipe;
  recipe.manifest.id = "slow";
  recipe.manifest.components.resize(1);
  ManifestComponent& component = recipe.manifest.components.front();
  component.name = component.kind = "skep.kind.task/1";
  component.cancel_grace_ms = 8'000;
  const auto grace = [&] { return child_plugin(recipe, component, 1, {"", "/plughost"})->grace(); };
  EXPECT_EQ(grace(), Millis(8'000));
  recipe.table.limits = *parse_limits(R"({"cancel_grace_ms":0})");
  EXPECT_EQ(grace(), Millis(0));
}

TEST(ChildLimits, errors_name_the_key_and_what_fits) {
  const auto message = [](std::string_view table) {
    const auto limits = parse_limits(table);
    return limits ? std::string() : limits.error().message;
  };
  EXPECT_EQ(message(R"({"memry_mb":1})"),
            "limits: unknown key \"memry_mb\"; did you mean \"memory_mb\"?");
  EXPECT_EQ(message(R"({"open_files":3})"),
            "limits.open_files is 3; an integer from 32 to 1048576 is needed");
  EXPECT_NE(message(R"({"memory_mb":"1G"})").find("limits.memory_mb is \"1G\""), std::string::npos);
  EXPECT_NE(message("[]").find("must be a table"), std::string::npos);
  EXPECT_NE(message("{").find("limits: "), std::string::npos);
}

}  // namespace
}  // namespace skep::plugin
