// The conformance kit's cases of a kind as GoogleTest cases: CONTRACT.CASE/SOURCE.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "core/conformance/kind_case.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {

/// The seed of this run: SKEP_SEED, or any.
inline std::uint32_t seed_of_run() {
  static const std::uint32_t seed = [] {
    const char* wanted = std::getenv("SKEP_SEED");
    return wanted != nullptr ? static_cast<std::uint32_t>(std::stoul(wanted))
                             : std::random_device{}();
  }();
  return seed;
}

template <class Port>
class KindCaseTest : public testing::Test {
 public:
  KindCaseTest(conformance::Source<Port> source, conformance::KindCase<Port> one)
      : source_(std::move(source)), case_(one) {}

 protected:
  void TestBody() override {
    try {
      case_.run(source_, dir_.path());
    } catch (const conformance::Broken& broken) {
      FAIL() << broken.what() << "\nrepeat with SKEP_SEED=" << source_.seed;
    } catch (const conformance::Skipped& skipped) {
      GTEST_SKIP() << skipped.what();
    }
  }

 private:
  TempDir dir_;
  conformance::Source<Port> source_;
  conformance::KindCase<Port> case_;
};

/// Before main: one test for each case and source.
template <class Port>
bool register_cases(const char* contract, const std::vector<conformance::KindCase<Port>>& cases,
                    std::vector<conformance::Source<Port>> sources) {
  for (conformance::Source<Port>& source : sources) {
    source.seed = seed_of_run();
    source.rounds = 200;
    for (const conformance::KindCase<Port>& one : cases)
      testing::RegisterTest(contract, (std::string(one.name) + "/" + source.name).c_str(), nullptr,
                            nullptr, __FILE__, __LINE__, [source, one]() -> testing::Test* {
                              return new KindCaseTest<Port>(source, one);
                            });
  }
  return true;
}

}  // namespace skep::test
