#include <gtest/gtest.h>

#include <algorithm>

#include "core/worker/sender.hpp"
#include "tests/support/memory_spool.hpp"
#include "tests/unit/worker/scripted_control.hpp"

namespace skep::test {
namespace {

using worker::Parcel;
using worker::Submission;

class SenderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    link_.set_registered(true);
    sender_ = std::make_unique<worker::Sender>(
        worker::SenderOptions{}, control_.factory()(abort_, Millis{1000}), spool_, link_, clock_);
  }
  static std::string body(int i) {
    const std::string n = std::to_string(i);
    return R"({"idempotency_key":"key-)" + n + R"(","task_id":"task-)" + n +
           R"(","payload_type":"execution_result","payload":{}})";
  }
  /// Puts and pushes results first..last.
  void push(int first, int last) {
    std::vector<ports::SpoolItem> items;
    for (int i = first; i <= last; ++i)
      items.push_back({{}, "execution_result", "task-" + std::to_string(i), body(i)});
    const auto names = *spool_.put(items);
    std::vector<Parcel> parcels;
    for (std::size_t i = 0; i < items.size(); ++i)
      parcels.push_back({names[i],
                         "execution_result",
                         items[i].task_id,
                         key_of(items[i].body),
                         items[i].body,
                         {}});
    sender_->push(std::move(parcels));
  }
  bool delivered() {
    return eventually([&] { return spool_.kept() == 0; });
  }

  SystemClock clock_;
  ScriptedControl control_;
  MemorySpool spool_;
  worker::Link link_{{}};
  std::atomic<bool> abort_{false};
  std::unique_ptr<worker::Sender> sender_;
};

TEST_F(SenderTest, forgets_what_the_control_plane_acknowledged) {
  sender_->start();
  push(1, 300);
  EXPECT_TRUE(delivered());
  EXPECT_EQ(control_.finished().size(), 300u);
}

TEST_F(SenderTest, replays_what_an_earlier_process_left_newest_first) {
  push(1, 3);
  std::vector<std::string> names;
  sender_ = std::make_unique<worker::Sender>(
      worker::SenderOptions{}, control_.factory()(abort_, Millis{1000}), spool_, link_, clock_);
  for (int i = 1; i <= 3; ++i)
    names.push_back(std::to_string(1'000'000'000 + i) + "-execution_result-task-" +
                    std::to_string(i));
  ASSERT_TRUE(spool_.defer(names));
  sender_->start();
  ASSERT_TRUE(delivered());
  EXPECT_EQ(control_.finished(), (std::vector<std::string>{"task-3", "task-2", "task-1"}));
}

TEST_F(SenderTest, sets_one_refused_result_aside_after_two_tries_and_delivers_the_rest) {  // S12
  std::atomic<int> tries{0};
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    Submission out = echo(envelopes);
    const auto bad = std::find_if(envelopes.begin(), envelopes.end(),
                                  [](const auto& e) { return key_of(e) == "key-50"; });
    if (bad == envelopes.end()) return out;
    if (envelopes.size() > 1) return Submission{400, {}, Millis{0}, "one of them is wrong"};
    ++tries;
    return Submission{400, {}, Millis{0}, "it is wrong"};
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(delivered());
  ASSERT_EQ(spool_.rejected().size(), 1u);
  EXPECT_NE(spool_.rejected()[0].first.find("task-50"), std::string::npos);
  EXPECT_NE(spool_.rejected()[0].second.find("it is wrong"), std::string::npos);
  EXPECT_EQ(tries, 2);
}

TEST_F(SenderTest, sets_aside_what_its_own_ack_refuses_twice) {
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    Submission out = echo(envelopes);
    for (api::Ack& ack : out.acks)
      if (ack.ack == "key-2") ack = {"", "", "", 422, "{\"code\":\"key-conflict\"}"};
    return out;
  });
  sender_->start();
  push(1, 3);
  ASSERT_TRUE(delivered());
  ASSERT_EQ(spool_.rejected().size(), 1u);
  EXPECT_NE(spool_.rejected()[0].second.find("key-conflict"), std::string::npos);
}

TEST_F(SenderTest, deletes_nothing_without_its_key_echoed) {  // S17
  int call = 0;
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    switch (call++ % 5) {
      case 0:
        return Submission{200, {}, Millis{0}, "<html>please log in</html>"};
      case 1:
        return Submission{204, {}, Millis{0}, ""};
      case 2:
        return Submission{302, {}, Millis{0}, ""};
      case 3:
        return Submission{200, {{"another-key", "applied", "", 200, ""}}, Millis{0}, ""};
      default:
        return Submission{200, std::vector<api::Ack>(envelopes.size()), Millis{0}, ""};
    }
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(eventually([&] {
    link_.reached();  // as if another loop got through: no need to wait for the backoff
    return control_.submissions() >= 5;
  }));
  sender_->stop();
  EXPECT_EQ(spool_.kept(), 100u);
  EXPECT_TRUE(spool_.rejected().empty());
}

TEST_F(SenderTest, keeps_everything_while_its_token_is_refused_and_asks_to_register) {  // S13
  control_.judge([](const auto&) -> Result<Submission> {
    return Submission{401, {}, Millis{0}, "token"};
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(eventually([&] { return !link_.registered(); }));
  ASSERT_TRUE(sender_->flush(clock_.mono_ms() + 5000));
  EXPECT_EQ(control_.submissions(), 1);
  EXPECT_EQ(spool_.kept(), 100u);
  control_.judge({});
  link_.set_registered(true);
  link_.reached();
  EXPECT_TRUE(delivered());
}

TEST_F(SenderTest, asks_no_earlier_than_the_server_said) {  // S14
  std::atomic<bool> ready{false};
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    if (ready.exchange(true)) return echo(envelopes);
    return Submission{503, {}, Millis{700}, "starting"};
  });
  sender_->start();
  push(1, 1);
  ASSERT_TRUE(eventually([&] {
    link_.reached();
    return spool_.kept() == 0;
  }));
  const auto times = control_.submission_times();
  ASSERT_EQ(times.size(), 2u);
  EXPECT_GE(times[1] - times[0], 700);
}

TEST_F(SenderTest, sends_again_after_a_connection_that_broke_behind_the_commit) {  // S16
  std::vector<std::string> committed;
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    committed.insert(committed.end(), envelopes.begin(), envelopes.end());
    if (committed.size() == envelopes.size()) return unavailable("connection reset");
    return echo(envelopes);
  });
  sender_->start();
  push(1, 2);
  ASSERT_TRUE(eventually([&] {
    link_.reached();
    return spool_.kept() == 0;
  }));
  EXPECT_EQ(committed.size(), 4u) << "sent twice with the same keys";
}

TEST_F(SenderTest, hands_new_results_to_the_spool_at_once_while_nobody_answers) {
  control_.set_away(true);
  sender_->start();
  push(1, 1);
  ASSERT_TRUE(eventually([&] { return spool_.stats()->ready == 1; }));
  const int tries = control_.submissions();
  for (int i = 2; i <= 50; ++i) push(i, i);
  ASSERT_TRUE(eventually([&] { return spool_.stats()->ready == 50; }));
  EXPECT_LE(control_.submissions(), tries + 2) << "no connection attempt for each of them";
}

TEST_F(SenderTest, goes_on_with_others_when_one_item_is_never_answered) {
  control_.judge([](const std::vector<std::string>& envelopes) -> Result<Submission> {
    Submission out = echo(envelopes);
    for (api::Ack& ack : out.acks)
      if (ack.ack == "key-3") ack = {"", "", "", 500, "{}"};
    return out;
  });
  sender_->start();
  push(1, 3);
  ASSERT_TRUE(eventually([&] { return spool_.kept() == 1; }));
  const int before = control_.submissions();
  push(4, 4);
  ASSERT_TRUE(eventually([&] { return spool_.kept() == 1 && control_.submissions() > before; }));
  EXPECT_LE(control_.submissions(), before + 3) << "it waits longer each time";
}

TEST_F(SenderTest, sets_aside_a_file_that_is_no_envelope) {
  const auto names = *spool_.put(std::vector<ports::SpoolItem>{{{}, "facts", "t", "{\"a\":1}"}});
  ASSERT_TRUE(spool_.defer(names));
  sender_->start();
  ASSERT_TRUE(delivered());
  EXPECT_EQ(spool_.rejected().size(), 1u);
}

}  // namespace
}  // namespace skep::test
