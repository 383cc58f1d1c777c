// The kit tells good from bad: each row of the table in docs/test-a-plugin.md, and that without a
// mutation the same components pass everything.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <ostream>

#include "core/base/text.hpp"
#include "tests/unit/conformance/support.hpp"

namespace skep::conformance {
namespace {

struct Row {
  std::string component;
  std::string mutant;
  std::string check;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.component << " " << row.mutant;
}

std::string cell(std::string text) {
  std::erase(text, '`');
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

/// The rows whose last cell is a check of a kind's contract.
std::vector<Row> rows() {
  std::ifstream page(std::string(SKEP_SOURCE_DIR) + "/docs/test-a-plugin.md");
  std::vector<Row> out;
  for (std::string line; std::getline(page, line);) {
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() == 6 && cell(cells[4]).starts_with("contract."))
      out.push_back({cell(cells[1]), cell(cells[2]), cell(cells[4])});
  }
  return out;
}

CheckOptions mutant_options(const std::string& component, const std::string& mutant) {
  CheckOptions o = options_for("mutants/mutant.so", R"({"mutant":")" + mutant + R"("})");
  o.component = component;
  return o;
}

class Mutant : public ::testing::TestWithParam<Row> {};

TEST_P(Mutant, IsFound) {
  CheckOptions o = mutant_options(GetParam().component, GetParam().mutant);
  o.only = GetParam().check;
  const auto findings = found(o);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].status, TestStatus::kBroken) << findings[0].message;
  EXPECT_FALSE(findings[0].fix.empty());
  std::cout << findings[0].message << '\n';
}

INSTANTIATE_TEST_SUITE_P(Kit, Mutant, ::testing::ValuesIn(rows()), [](const auto& test) {
  return test.param.component + "_" + test.param.mutant;
});

TEST(Mutants, AreManyOfEachKind) {
  const auto all = rows();
  for (const auto& [component, least] :
       {std::pair{"queue", 18}, {"spool", 10}, {"store", 6}, {"heartbeat", 5}})
    EXPECT_GE(std::count_if(all.begin(), all.end(),
                            [&](const Row& row) { return row.component == component; }),
              least)
        << component;
}

class NoMutant : public ::testing::TestWithParam<const char*> {};

TEST_P(NoMutant, PassesEverything) {
  CheckOptions o = mutant_options(GetParam(), "");
  o.tiers = {"lifecycle", "contract", "hygiene", "reload"};
  for (const Finding& f : found(o))
    EXPECT_NE(f.status, TestStatus::kBroken) << f.id << ": " << f.message;
}

INSTANTIATE_TEST_SUITE_P(Kit, NoMutant, ::testing::Values("queue", "store", "spool", "heartbeat"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace skep::conformance
