#include "core/base/gauges.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace skep::gauges {
namespace {

std::vector<Gauge> of(std::string_view owner) {
  std::vector<Gauge> out = all();
  std::erase_if(out, [&](const Gauge& g) { return g.owner != owner; });
  return out;
}

TEST(Gauges, show_what_was_set_last) {
  set("last", "log_bytes", 1);
  set("last", "log_bytes", 2.5);
  set("last", "age", 3);
  const std::vector<Gauge> got = of("last");
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].name, "age");
  EXPECT_EQ(got[1].name, "log_bytes");
  EXPECT_EQ(got[1].value, 2.5);
}

TEST(Gauges, take_no_name_that_a_metric_could_not_bear) {
  for (const std::string_view name : {"", "9lives", "Upper", "a-b", "a\n", "na\xefve"})
    set("names", name, 1);
  set("names", std::string(65, 'a'), 1);
  EXPECT_TRUE(of("names").empty());
  set("names", std::string(64, 'a'), 1);
  EXPECT_EQ(of("names").size(), 1u);
}

TEST(Gauges, are_bounded_for_each_owner) {
  for (int i = 0; i < 100; ++i) set("many", "name_" + std::to_string(i), i);
  EXPECT_EQ(of("many").size(), 64u);
  set("many", "name_0", 7);
  EXPECT_EQ(of("many").front().value, 7) << "a known name is still set";
}

}  // namespace
}  // namespace skep::gauges
