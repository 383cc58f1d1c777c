#include "core/base/descriptors.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/resource_limits.hpp"

namespace skep {
namespace {

TEST(Descriptors, are_too_few_while_hardly_any_is_left) {
  EXPECT_EQ(descriptor_trouble(), "");
  std::optional<test::UsedDescriptors> few(std::in_place);
  const std::string trouble = descriptor_trouble();
  few.reset();
  EXPECT_EQ(descriptor_trouble(), "");
  EXPECT_NE(trouble.find("too few descriptors"), std::string::npos) << trouble;
  EXPECT_NE(trouble.find("the limit is 64"), std::string::npos) << trouble;
}

}  // namespace
}  // namespace skep
