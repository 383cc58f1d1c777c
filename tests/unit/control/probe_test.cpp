// Whether queue and store are well is asked elsewhere; who wants to know waits for neither.
#include "core/control/probe.hpp"

#include <future>
#include <optional>

#include "bundle.hpp"
#include "tests/support/resource_limits.hpp"

namespace skep::test {
namespace {

TEST(Probe, that_gets_no_answer_says_so_in_time_and_holds_nobody) {
  FakeClock clock;
  std::promise<void> asked;
  std::promise<void> answered;
  control::Probe probe(
      "queue",
      [&]() -> Status {
        asked.set_value();
        answered.get_future().wait();
        return Error{Code::kUnavailable, "the disk is back, and full"};
      },
      clock);
  EXPECT_TRUE(probe.check().status);
  auto look = std::async(std::launch::async, [&] { probe.look(); });
  asked.get_future().wait();
  EXPECT_TRUE(probe.check().status) << "it may take a moment";
  clock.advance(Millis{7'000});
  const control::Check overdue = probe.check();
  EXPECT_EQ(overdue.name, "queue");
  ASSERT_FALSE(overdue.status);
  EXPECT_EQ(overdue.status.error().message, "has not answered for 7 s; its disk may hang");
  answered.set_value();
  look.get();
  EXPECT_EQ(probe.check().status.error().message, "the disk is back, and full");
}

class ReadinessTest : public ControlTest {};

TEST_F(ReadinessTest, of_one_that_hangs_is_told_beside_the_other) {
  std::promise<void> asked;
  std::promise<void> answered;
  queue.before_read = [&, once = std::make_shared<std::once_flag>()] {
    std::call_once(*once, [&] {
      asked.set_value();
      answered.get_future().wait();
    });
  };
  auto look = std::async(std::launch::async, [&] { control.look(); });
  asked.get_future().wait();
  clock.advance(Millis{7'000});
  EXPECT_EQ(unwell(), "queue: has not answered for 7 s; its disk may hang\n");
  answered.set_value();
  look.get();
  EXPECT_EQ(unwell(), "");
}

TEST_F(ReadinessTest, ends_while_hardly_a_descriptor_is_left) {
  std::optional<UsedDescriptors> few(std::in_place);
  const std::string told = unwell();
  few.reset();
  EXPECT_TRUE(told.starts_with("descriptors: too few descriptors")) << told;
  EXPECT_EQ(unwell(), "");
}

TEST_F(ReadinessTest, ends_for_good_with_the_first_damage_that_anybody_met) {
  queue.read_failure = Error{Code::kCorrupt, "queue.db: database disk image is malformed"};
  EXPECT_EQ(call("GET", "/api/tasks").status, 500);
  queue.read_failure->message = "and once more";
  EXPECT_EQ(call("GET", "/api/tasks").status, 500);
  queue.read_failure.reset();
  for (int i = 0; i < 2; ++i) {
    control.look();
    EXPECT_EQ(unwell(), "queue: queue.db: database disk image is malformed\n");
  }
  EXPECT_NE(call("GET", "/metrics").body.find("skep_check_failed{check=\"queue\"} 1\n"),
            std::string::npos);
}

TEST_F(ReadinessTest, and_the_queue_agree_on_damage) {
  enrol("w1");
  const std::string id = submit();
  queue.read_failure = Error{Code::kCorrupt, "queue.db: file is not a database"};
  control.look();
  queue.read_failure.reset();
  EXPECT_EQ(unwell(), "queue: queue.db: file is not a database\n");
  const auto claimed =
      call("POST", "/api/workers/w1/claim", api::encode(api::ClaimRequest{"i1", 1, 0, {}}));
  EXPECT_EQ(claimed.status, 503) << claimed.body;
  EXPECT_NE(claimed.body.find("queue-damaged"), std::string::npos) << claimed.body;
  EXPECT_EQ(call("POST", "/api/tasks", R"({"type":"echo"})").status, 503);
  EXPECT_EQ(status_of(id), "queued");
}

TEST_F(ReadinessTest, is_measured_also_when_the_queue_has_no_figures) {
  enrol("w1");
  queue.stats_failure = Error{Code::kUnavailable, "queue.db is gone"};
  const auto answer = call("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  for (const char* line : {"skep_check_failed{check=\"metrics\"} 1\n", "skep_workers{"})
    EXPECT_NE(answer.body.find(line), std::string::npos) << answer.body;
  queue.stats_failure.reset();
  clock.advance(Millis{1});  // what could not be counted is good for ten times what it took
  EXPECT_NE(call("GET", "/metrics").body.find("skep_check_failed{check=\"metrics\"} 0\n"),
            std::string::npos);
}

}  // namespace
}  // namespace skep::test
