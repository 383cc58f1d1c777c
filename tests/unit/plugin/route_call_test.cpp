#include "core/plugin/adapters/route_call.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace skep::plugin {
namespace {

/// A kind with one function.
struct Table {
  skep_rc (*call)(skep_inst*, skep_err*);
};

/// What the call owns: nothing.
struct Nothing {};

class SlotTest : public testing::Test {
 protected:
  SlotTest() {
    books_->on_end([this](CallEnd end) { ended_.push_back(end); });
  }
  Status call(skep_rc (*function)(skep_inst*, skep_err*), std::function<Status()> check = {}) {
    const Table table{function};
    const RouteHandle slot(std::make_shared<Route>(Route::Target{books_, &table, nullptr, {}, {}}),
                           {});
    return call_with<Table>(
        slot, {"call", Millis{3'600'000}}, std::make_shared<Nothing>(),
        [](const Table& t, const Inside& in, Nothing&) { return t.call(in.inst, in.err); },
        std::move(check));
  }
  template <skep_rc rc>
  static skep_rc answer(skep_inst*, skep_err*) {
    return rc;
  }

  const std::shared_ptr<Generation> books_ =
      std::make_shared<Generation>("acme", GenerationInfo{.number = 1});
  std::vector<CallEnd> ended_;
};

TEST_F(SlotTest, the_books_count_bugs_and_neither_input_nor_weather) {
  EXPECT_TRUE(call(answer<SKEP_OK>));
  for (const auto function : {answer<SKEP_E_INVALID>, answer<SKEP_E_UNAVAILABLE>,
                              answer<SKEP_E_BUSY>, answer<SKEP_E_STATE>, answer<SKEP_E_NO_MEMORY>})
    EXPECT_FALSE(call(function));
  EXPECT_EQ(ended_, std::vector(6, CallEnd::kOk));
  ended_.clear();
  EXPECT_FALSE(call(answer<SKEP_E_INTERNAL>));
  EXPECT_FALSE(call(answer<SKEP_E_CORRUPT>));
  EXPECT_EQ(ended_, std::vector(2, CallEnd::kFault));
}

TEST_F(SlotTest, a_broken_contract_names_the_plugin) {
  EXPECT_EQ(call(answer<7>).error().message,
            "plugin acme: returned 7, which is neither 0 nor an error code");
  const auto unkept = [] { return Status(internal_error("half an answer")); };
  EXPECT_EQ(call(answer<SKEP_OK>, unkept).error().message, "plugin acme: half an answer");
  EXPECT_EQ(ended_, std::vector(2, CallEnd::kFault));
}

TEST_F(SlotTest, an_exception_costs_its_call) {
  const auto out = call([](skep_inst*, skep_err*) -> skep_rc { throw std::runtime_error("oops"); });
  EXPECT_EQ(out.error().message,
            "plugin acme: an exception crossed the C boundary, which no plugin may let happen: "
            "oops");
  EXPECT_EQ(ended_, std::vector(1, CallEnd::kCrash));
}

}  // namespace
}  // namespace skep::plugin
