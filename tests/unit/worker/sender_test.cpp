#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "core/base/events.hpp"
#include "core/worker/sender.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/memory_spool.hpp"
#include "tests/unit/worker/scripted_control.hpp"

namespace skep::test {
namespace {

using worker::PendingEnvelope;
using worker::Submission;

class SenderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    membership_.set_registered(true);
    sender_ = std::make_unique<worker::Sender>(options(), control_.factory()(abort_, Millis{1000}),
                                               spool_, membership_, clock_);
  }
  static worker::SenderOptions options() {
    worker::SenderOptions o;
    o.backoff = {Millis{5}, Millis{5}};
    o.first_pause = Millis{5};
    return o;
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
    std::vector<PendingEnvelope> envelopes;
    for (std::size_t i = 0; i < items.size(); ++i)
      envelopes.push_back({names[i],
                           "execution_result",
                           items[i].task_id,
                           key_of(items[i].body),
                           items[i].body,
                           {}});
    sender_->push(std::move(envelopes));
  }
  bool delivered() {
    return eventually([&] { return spool_.kept() == 0; });
  }

  SystemClock clock_;
  ScriptedControl control_;
  MemorySpool spool_;
  worker::Membership membership_{{}, clock_};
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
  sender_ = std::make_unique<worker::Sender>(options(), control_.factory()(abort_, Millis{1000}),
                                             spool_, membership_, clock_);
  for (int i = 1; i <= 3; ++i)
    names.push_back(std::to_string(1'000'000'000 + i) + "-execution_result-task-" +
                    std::to_string(i));
  ASSERT_TRUE(spool_.defer(names));
  sender_->start();
  ASSERT_TRUE(delivered());
  EXPECT_EQ(control_.finished(), (std::vector<std::string>{"task-3", "task-2", "task-1"}));
}

TEST_F(SenderTest, reads_again_and_again_what_an_earlier_process_left) {
  const auto names =
      *spool_.put(std::vector<ports::SpoolItem>{{{}, "execution_result", "task-1", body(1)}});
  ASSERT_TRUE(spool_.defer(names));
  spool_.fail_reads(Code::kUnavailable);
  sender_->start();
  ASSERT_TRUE(eventually([&] { return spool_.failed_reads() >= 3; }));
  EXPECT_FALSE(membership_.may_register()) << "its tasks would be given out again";
  push(2, 2);
  EXPECT_TRUE(eventually([&] { return control_.finished().size() == 1; })) << "this one is at hand";
  spool_.fail_reads(std::nullopt);
  ASSERT_TRUE(delivered());
  EXPECT_TRUE(eventually([&] { return membership_.may_claim(); }));
}

TEST_F(SenderTest, holds_the_worker_up_for_a_minute_at_most_when_its_spool_stays_unreadable) {
  FakeClock still;
  worker::Membership membership{{}, still};
  membership.set_registered(true);
  std::mutex mutex;
  std::string why;
  const auto told = [&] {
    const std::scoped_lock lock(mutex);
    return why;
  };
  worker::SenderOptions o = options();
  o.on_unread = [&](const std::string& text) {
    const std::scoped_lock lock(mutex);
    why = text;
  };
  spool_.fail_reads(Code::kUnavailable);
  const std::uint64_t before = events::newest();
  worker::Sender sender(o, control_.factory()(abort_, Millis{1000}), spool_, membership, still);
  sender.start();
  ASSERT_TRUE(eventually([&] { return spool_.failed_reads() == 1; }));
  still.advance(Millis{59'000});
  ASSERT_TRUE(eventually([&] { return spool_.failed_reads() == 2; }));
  EXPECT_FALSE(membership.may_register());
  EXPECT_NE(told().find("cannot be read: read fails"), std::string::npos) << "people see it";
  still.advance(Millis{1'000});
  EXPECT_TRUE(eventually([&] { return membership.may_register() && membership.may_claim(); }));
  EXPECT_EQ(told(), "") << "it is no reason any more why nothing is claimed";
  for (const events::Event& event : events::since(before, 64, Millis{0}, {}))
    EXPECT_NE(event.name, "worker.delivered") << event.fields;
}

/// The fields of the first event of that name after `since`; waits for it.
std::string event_after(std::uint64_t since, std::string_view name) {
  for (;;) {
    const auto found = events::since(since, 16, Millis{60'000}, {});
    if (found.empty()) return "none came";
    for (const events::Event& event : found)
      if (event.name == name) return event.fields;
    since = found.back().id;
  }
}

TEST_F(SenderTest, says_when_it_is_cut_off_and_when_all_is_delivered) {  // O13
  const std::uint64_t before = events::newest();
  control_.set_away(true);
  sender_->start();
  push(1, 3);
  EXPECT_NE(event_after(before, "worker.cut_off").find("\"held\":3,"), std::string::npos);
  control_.set_away(false);
  EXPECT_NE(event_after(before, "worker.delivered").find("\"count\":3,"), std::string::npos);
}

/// A sender whose spool has, of an earlier process, what cannot be read.
class SenderWithUnread : public SenderTest {
 protected:
  void begin(worker::SenderOptions o, Clock& clock) {
    const auto names =
        *spool_.put(std::vector<ports::SpoolItem>{{{}, "execution_result", "task-1", body(1)}});
    ASSERT_TRUE(spool_.defer(names));
    spool_.fail_reads_of("task-1");
    o.longest_hold = Millis{0};
    sender_ = std::make_unique<worker::Sender>(o, control_.factory()(abort_, Millis{1000}), spool_,
                                               membership_, clock);
    sender_->start();
    ASSERT_TRUE(eventually([&] { return spool_.failed_reads() > 0; }));
  }
  void TearDown() override { sender_.reset(); }  // before the clock
  bool only_that_is_left() {
    return eventually([&] { return spool_.kept() == 1; });
  }
  FakeClock still_;
};

TEST_F(SenderWithUnread, tells_of_each_time_it_is_cut_off_and_delivers) {
  begin(options(), clock_);
  for (int i = 2; i <= 4; ++i) {
    const std::uint64_t before = events::newest();
    control_.set_away(true);
    push(i, i);
    ASSERT_NE(event_after(before, "worker.cut_off"), "none came") << i;
    control_.set_away(false);
    ASSERT_NE(event_after(before, "worker.delivered").find("\"count\":1,"), std::string::npos) << i;
    EXPECT_TRUE(only_that_is_left());
  }
}

TEST_F(SenderWithUnread, sends_what_can_be_read_as_soon_as_the_control_plane_is_back) {
  worker::SenderOptions o = options();
  o.backoff = {Millis{60'000}, Millis{60'000}};
  begin(o, still_);
  membership_.reached();
  control_.set_away(true);
  push(2, 3);
  ASSERT_TRUE(eventually([&] { return spool_.stats()->ready == 3; }));
  control_.set_away(false);
  membership_.reached();
  EXPECT_TRUE(only_that_is_left()) << "how often the other is tried is another matter";
}

TEST_F(SenderTest, does_not_say_how_long_results_of_an_earlier_process_were_held) {
  const std::uint64_t before = events::newest();
  const auto names =
      *spool_.put(std::vector<ports::SpoolItem>{{{}, "execution_result", "task-1", body(1)}});
  ASSERT_TRUE(spool_.defer(names));
  sender_->start();
  EXPECT_EQ(event_after(before, "worker.delivered"), R"({"count":1})");
}

api::Ack refusal_of(const std::string& key) {
  return {"", "", "", 422, R"({"code":"schema","detail":"it is wrong"})", key};
}

TEST_F(SenderTest, sets_one_refused_result_aside_after_two_tries_and_delivers_the_rest) {  // S12
  std::atomic<int> tries{0};
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    Submission out = echo(envelopes);
    for (api::Ack& ack : out.acks)
      if (ack.key == "key-50") {
        ack = refusal_of("key-50");
        ++tries;
      }
    return out;
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(delivered());
  ASSERT_EQ(spool_.rejected().size(), 1u);
  EXPECT_NE(spool_.rejected()[0].first.find("task-50"), std::string::npos);
  EXPECT_NE(spool_.rejected()[0].second.find("it is wrong"), std::string::npos);
  EXPECT_EQ(tries, 2);
}

/// Answers that are none, whatever they say.
std::vector<Submission> strangers() {
  const auto ack = [](int status, api::Ack one) {
    return Submission{status, {std::move(one)}, Millis{0}, ""};
  };
  std::vector<Submission> out;
  for (const int status : {200, 204, 302, 400, 401, 403, 404, 409, 413, 415, 422, 500, 503})
    out.push_back({status, {}, Millis{0}, "<html>please log in</html>"});
  out.push_back(ack(200, {"another-key", "applied", "", 200, "", "another-key"}));
  out.push_back(ack(200, refusal_of("another-key")));
  out.push_back(ack(200, refusal_of("")));
  return out;
}

TEST_F(SenderTest, believes_no_stranger) {  // P1
  for (const Submission& answer : strangers()) {
    SCOPED_TRACE("status " + std::to_string(answer.status));
    MemorySpool spool;
    ScriptedControl control;
    control.judge([&](const auto&) -> Result<Submission> { return answer; });
    worker::Sender sender(options(), control.factory()(abort_, Millis{1000}), spool, membership_,
                          clock_);
    std::vector<ports::SpoolItem> items;
    for (int i = 1; i <= 8; ++i)
      items.push_back({{}, "execution_result", "task-" + std::to_string(i), body(i)});
    ASSERT_TRUE(spool.defer(*spool.put(items)));
    sender.start();
    ASSERT_TRUE(eventually([&] { return control.submissions() >= 12; }));
    sender.stop();
    EXPECT_EQ(spool.kept(), 8u);
    EXPECT_TRUE(spool.rejected().empty());
  }
}

TEST_F(SenderTest, believes_no_refusal_without_a_reason) {  // P1
  for (const char* error : {"", "{}", "null", R"({"detail":"no"})", "<html>"}) {
    MemorySpool spool;
    ScriptedControl control;
    std::atomic<int> refusals{0};
    control.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
      Submission out = echo(envelopes);
      for (api::Ack& ack : out.acks)
        if (ack.key == "key-1") ack = {"", "", "", 422, error, "key-1"};
      ++refusals;
      return out;
    });
    worker::Sender sender(options(), control.factory()(abort_, Millis{1000}), spool, membership_,
                          clock_);
    const auto names =
        spool.put(std::vector<ports::SpoolItem>{{{}, "execution_result", "task-1", body(1)}});
    ASSERT_TRUE(spool.defer(*names));
    sender.start();
    ASSERT_TRUE(eventually([&] { return refusals >= 2; })) << error;
    sender.stop();
    EXPECT_EQ(spool.kept(), 1u) << error;
  }
}

TEST_F(SenderTest, sends_less_at_a_time_when_somebody_on_the_way_minds_the_size) {  // P1
  std::atomic<std::size_t> largest{0};
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    if (envelopes.size() > 5) return Submission{413, {}, Millis{0}, "<html>too large</html>"};
    largest = std::max<std::size_t>(largest, envelopes.size());
    return echo(envelopes);
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(delivered());
  EXPECT_GT(largest, 1u) << "no smaller than needed";
  EXPECT_TRUE(spool_.rejected().empty());
}

TEST_F(SenderTest, one_result_that_somebody_on_the_way_minds_holds_up_no_other) {  // P1
  control_.judge([&](const std::vector<std::string>& envelopes) -> Result<Submission> {
    for (const std::string& e : envelopes)
      if (key_of(e) == "key-50") return Submission{403, {}, Millis{0}, "attack detected"};
    return echo(envelopes);
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(eventually([&] { return spool_.kept() == 1; }));
  EXPECT_TRUE(spool_.rejected().empty());
  EXPECT_TRUE(membership_.registered()) << "it was no word on the token";
}

TEST_F(SenderTest, what_no_spool_holds_is_kept_until_it_is_delivered) {
  control_.judge([](const auto&) -> Result<Submission> {
    return Submission{400, {}, Millis{0}, "<html>"};
  });
  sender_->start();
  sender_->push({{"", "execution_result", "task-1", "key-1", body(1), {}}});
  ASSERT_TRUE(eventually([&] { return control_.submissions() >= 1; }));
  sender_->stop();
  const auto left = sender_->take_unspooled();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].key, "key-1");
}

TEST_F(SenderTest, keeps_everything_while_its_token_is_refused_and_asks_to_register) {  // S13
  control_.judge([](const auto&) -> Result<Submission> {
    return Submission{401, {}, Millis{0}, "token", true};
  });
  sender_->start();
  push(1, 100);
  ASSERT_TRUE(eventually([&] { return !membership_.registered(); }));
  ASSERT_TRUE(sender_->flush(clock_.mono_ms() + 600'000));
  EXPECT_EQ(control_.submissions(), 1);
  EXPECT_EQ(spool_.kept(), 100u);
  control_.judge({});
  membership_.set_registered(true);
  membership_.reached();
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
    membership_.reached();
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
    membership_.reached();
    return spool_.kept() == 0;
  }));
  EXPECT_EQ(committed.size(), 4u) << "sent twice with the same keys";
}

TEST_F(SenderTest, hands_new_results_to_the_spool_at_once_while_nobody_answers) {
  control_.judge([](const std::vector<std::string>&) -> Result<Submission> {
    Error away = unavailable("connect: Connection refused");
    away.retry_after = Millis{3'600'000};
    return away;
  });
  sender_->start();
  push(1, 1);
  ASSERT_TRUE(eventually([&] { return spool_.stats()->ready == 1; }));
  for (int i = 2; i <= 50; ++i) push(i, i);
  ASSERT_TRUE(eventually([&] { return spool_.stats()->ready == 50; }));
  EXPECT_EQ(control_.submissions(), 1) << "no connection attempt for each of them";
}

TEST_F(SenderTest, goes_on_with_others_when_one_item_is_never_answered) {
  worker::SenderOptions patient = options();
  patient.first_pause = Millis{60'000};
  sender_ = std::make_unique<worker::Sender>(patient, control_.factory()(abort_, Millis{1000}),
                                             spool_, membership_, clock_);
  control_.judge([](const std::vector<std::string>& envelopes) -> Result<Submission> {
    Submission out = echo(envelopes);
    for (api::Ack& ack : out.acks)
      if (ack.key == "key-3") ack = {"", "", "", 500, "{}", "key-3"};
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
