// Tasks that a worker got and cannot run.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/worker/bench.hpp"

namespace skep::test {
namespace {

TEST(WorkerHandsBack, what_its_node_cannot_run_says_so_and_goes_on_by_itself) {  // F2
  Bench b;
  const auto lease = b.control.enqueue("disk");
  b.start(b.still);
  ASSERT_TRUE(eventually([&] { return b.control.released().size() == 1; }));
  EXPECT_EQ(b.control.released()[0].lease_id, lease.lease_id);
  EXPECT_TRUE(eventually([&] {
    for (const api::Beat& beat : b.heartbeat.beats())
      if (beat.troubles == std::vector<std::string>{"disk: No space left on device"}) return true;
    return false;
  }));
  EXPECT_TRUE(b.control.finished().empty()) << "it has not failed";
  EXPECT_EQ(b.worker->load().errors, 0);
  b.runner.let_go();
  b.control.enqueue("disk");
  b.still.advance(b.options.first_rest);
  EXPECT_TRUE(b.finished(1));
  EXPECT_TRUE(eventually([&] { return b.heartbeat.beats().back().troubles.empty(); }));
  b.worker->drain();
  EXPECT_EQ(b.spool.reserved(), 0);
}

std::vector<std::string> names_of(const std::vector<ports::TaskType>& types) {
  std::vector<std::string> names;
  for (const ports::TaskType& type : types) names.push_back(type.name);
  return names;
}

TEST(WorkerHandsBack, what_cannot_begin_here_and_does_not_offer_its_type_until_it_can) {
  Bench b;
  b.options.notices = {"scripts are not loaded: no script host"};
  b.options.look_every = Millis{1};
  const auto lease = b.control.enqueue("childless");
  b.start(b.still);
  const auto offers = [&] {
    const auto names = names_of(b.control.last_registration().types);
    return std::find(names.begin(), names.end(), "childless") != names.end();
  };
  ASSERT_TRUE(eventually([&] { return b.control.released().size() == 1; }));
  EXPECT_EQ(b.control.released()[0].lease_id, lease.lease_id);
  EXPECT_FALSE(offers());
  EXPECT_EQ(names_of(b.control.last_registration().withheld), std::vector<std::string>{"childless"})
      << "it says that it has it";
  EXPECT_EQ(b.worker->notices(),
            (std::vector<std::string>{"childless: its copy is gone",
                                      "scripts are not loaded: no script host"}));
  EXPECT_TRUE(b.worker->troubles().empty());
  EXPECT_TRUE(eventually([&] {
    const auto beats = b.heartbeat.beats();
    return !beats.empty() && beats.back().notices == b.worker->notices();
  }));
  b.control.enqueue("noop");
  EXPECT_TRUE(b.finished(1)) << "others go on";
  EXPECT_EQ(b.worker->load().errors, 0);
  b.runner.let_go();
  b.still.advance(b.options.first_rest);
  ASSERT_TRUE(eventually([&] { return offers(); })) << "nobody has to do anything";
  EXPECT_TRUE(b.control.last_registration().withheld.empty());
  b.control.enqueue("childless");
  EXPECT_TRUE(b.finished(2));
  EXPECT_EQ(b.worker->notices().size(), 1u);
}

TEST(WorkerHandsBack, once_what_its_version_of_a_type_does_not_take) {
  Bench b;
  model::Lease lease = b.control.enqueue("misfit");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.control.released().size() == 1; }));
  EXPECT_EQ(b.control.released()[0].lease_id, lease.lease_id);
  EXPECT_TRUE(eventually([&] { return b.control.registrations() == 2; }))
      << "the control plane hears what it takes now";
  EXPECT_TRUE(b.worker->troubles().empty()) << "its other tasks run on";
  lease.lease_id = "another";
  b.control.enqueue_again(lease, "misfit");
  ASSERT_TRUE(b.finished(1)) << "the second time it is a failure";
  EXPECT_EQ(b.control.released().size(), 1u);
  EXPECT_TRUE(has(b.control.outcome(lease.task_id), "params-refused"));
}

TEST(WorkerHandsBack, what_it_does_not_take_once_the_control_plane_knows_what_it_takes) {
  Bench b;
  b.options.heartbeat_interval = Millis{20};
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.refuse_registrations(Code::kUnavailable);
  b.control.enqueue("misfit");
  ASSERT_TRUE(eventually([&] { return b.control.refused_registrations() > 0; }));
  const std::size_t before = b.heartbeat.beats().size();
  EXPECT_TRUE(eventually([&] {
    const auto beats = b.heartbeat.beats();
    return beats.size() > before + 1 && beats.back().busy == 0 && beats.back().tasks.size() == 1;
  })) << "its lease lives on in the beats";
  EXPECT_TRUE(b.control.released().empty()) << "it would only come here again";
  b.control.refuse_registrations(std::nullopt);
  ASSERT_TRUE(eventually([&] { return b.control.released().size() == 1; }));
  EXPECT_EQ(b.control.registrations(), 2);
}

TEST(WorkerHandsBack, and_claims_nothing_while_it_holds_as_many_as_it_runs_at_once) {
  Bench b;
  b.options.concurrency = 2;
  b.options.batch_size = 2;
  b.start(b.still);
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.refuse_registrations(Code::kUnavailable);
  const int before = b.control.idle_polls();
  constexpr std::size_t kMany = 100;
  for (std::size_t i = 0; i < kMany; ++i) b.control.enqueue("misfit");
  // It listens for cancellations alone once it has looked for room some times.
  EXPECT_TRUE(
      eventually([&] { return b.control.idle_polls() > before || b.control.waiting() == 0; }));
  EXPECT_GT(b.control.waiting(), kMany / 2) << "it took in the whole backlog";
  EXPECT_TRUE(b.control.released().empty());
  EXPECT_TRUE(b.worker->troubles().empty()) << "it told of what may pass";
  int asked = 0;
  EXPECT_TRUE(eventually([&] {  // a look that comes late counts the time anew
    if (asked++ % 1'000 == 0) b.still.advance(Millis{10'000});
    const auto troubles = b.worker->troubles();
    return troubles.size() == 1 && has(troubles[0], "tasks wait to be handed back: ");
  }));
  EXPECT_LT(b.control.waiting(), kMany);
  b.control.refuse_registrations(std::nullopt);
  EXPECT_TRUE(eventually([&] { return b.control.released().size() == kMany; }));
  EXPECT_TRUE(eventually([&] { return b.worker->troubles().empty(); }));
}

TEST(WorkerHandsBack, what_it_does_not_take_though_its_registration_is_refused) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.refuse_registrations(Code::kInvalid);
  b.control.enqueue("misfit");
  EXPECT_TRUE(eventually([&] { return b.control.released().size() == 1; }));
}

TEST(WorkerHandsBack, at_its_end_what_no_registration_released) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.refuse_registrations(Code::kUnavailable);
  b.control.enqueue("misfit");
  ASSERT_TRUE(eventually([&] { return b.control.refused_registrations() > 0; }));
  b.worker->drain();
  EXPECT_EQ(b.control.released().size(), 1u);
}

}  // namespace
}  // namespace skep::test
