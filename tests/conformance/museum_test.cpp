// Plugins of all six kinds, built from the ABI headers of version 1.0 and of a minor that is yet to
// come, on the host of today. Each of their functions answers with what it read: see kinds.c there.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/open_engine.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

constexpr WallMs kNow = 1'768'000'000'000;
constexpr std::int64_t kThree = 3;

std::string id_of(std::int64_t i) { return "q" + std::to_string(i); }
model::Lease lease_of(std::int64_t i) { return {id_of(i), i, "lease"}; }

template <class T>
T value_of(const Result<T>& result) {
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : T{};
}

/// The plugin file of the folder that the parameter names.
class Museum : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto scanned = registry_.scan();
    ASSERT_TRUE(scanned) << scanned.error().message;
    ASSERT_EQ(registry_.list().size(), 1u);
    ASSERT_NE(registry_.list()[0].state, plugin::PluginState::kRefused)
        << registry_.list()[0].reason;
  }
  plugin::RegistryOptions options() const {
    plugin::RegistryOptions out;
    out.paths = {std::string(SKEP_BUILD_DIR "/lib/skep/test-plugins/kinds/") + GetParam()};
    out.staging_dir = staging_.path();
    out.probe = false;
    return out;
  }

  const TempDir staging_;
  plugin::Registry registry_{options()};
};

TEST_P(Museum, a_queue_and_its_host_mean_the_same) {
  auto opened = registry_.queue("museum_queue", "{}");
  ASSERT_TRUE(opened) << opened.error().message;
  ports::Queue& queue = **opened;

  std::vector<model::Task> tasks(kThree);
  std::vector<ports::Renewal> renewals;
  std::vector<model::Lease> leases;
  std::vector<ports::ResultRecord> results(kThree);
  std::vector<ports::Loss> losses(kThree);
  for (std::int64_t i = 0; i < kThree; ++i) {
    const auto at = static_cast<std::size_t>(i);
    tasks[at].id = id_of(i);
    tasks[at].spec.type = "t";
    leases.push_back(lease_of(i));
    renewals.push_back({lease_of(i), false});
    results[at].lease = lease_of(i);
    results[at].outcome.kind = model::OutcomeKind::kFailed;
    results[at].retry_delay_ms = i;
    losses[at].lease = lease_of(i);
    losses[at].max_crashes = i;
  }
  const auto enqueued = queue.enqueue(kNow, tasks);
  ASSERT_TRUE(enqueued) << enqueued.error().message;
  ASSERT_EQ(enqueued->size(), tasks.size());
  for (std::int64_t i = 0; i < kThree; ++i)
    EXPECT_EQ((*enqueued)[static_cast<std::size_t>(i)].id, id_of(i));

  using Verdicts = std::vector<ports::LeaseVerdict>;
  const Verdicts all_held(kThree, ports::LeaseVerdict::kHeld);
  EXPECT_EQ(value_of(queue.renew(kNow, renewals, 1'000)), all_held);
  EXPECT_EQ(value_of(queue.release(kNow, leases)), all_held);
  EXPECT_EQ(value_of(queue.lose(kNow, kNow, losses)), all_held);
  const auto completed = queue.complete(kNow, results);
  ASSERT_TRUE(completed) << completed.error().message;
  for (const model::Verdict verdict : *completed) EXPECT_EQ(verdict, model::Verdict::kApplied);

  ports::ClaimFilter filter;
  filter.worker.id = "w7";
  filter.worker.types = {"t"};
  filter.lease_ms = 77;
  const auto claimed = queue.claim(kNow, filter);
  ASSERT_TRUE(claimed) << claimed.error().message;
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ(claimed->front().id, "w7");
  EXPECT_EQ(claimed->front().attempt, 77);
  EXPECT_EQ(claimed->front().lease_id, "lease");
  ports::TaskQuery query;
  query.id = "one";
  query.after_seq = 5;
  const auto read = queue.read(query);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().id, "one");
  EXPECT_EQ(read->front().attempt, 5);
  const auto overdue = queue.overdue(11, "w8", "i");
  ASSERT_TRUE(overdue) << overdue.error().message;
  ASSERT_EQ(overdue->size(), 1u);
  EXPECT_EQ(overdue->front().id, "w8");
  const auto attempts = queue.attempts("one");
  ASSERT_TRUE(attempts) << attempts.error().message;
  ASSERT_EQ(attempts->size(), 1u);
  EXPECT_EQ(attempts->front().finished_ms, 7);
  const auto ended = queue.completions(4, 10, 1u << 20);
  ASSERT_TRUE(ended) << ended.error().message;
  ASSERT_EQ(ended->size(), 1u);
  EXPECT_EQ(ended->front().sequence, 5);
  const auto counts = queue.stats();
  ASSERT_TRUE(counts) << counts.error().message;
  ASSERT_EQ(counts->size(), 1u);
  EXPECT_EQ(counts->front().count, 5);
  EXPECT_EQ(value_of(queue.tick(kNow, 1)), kNow + 1);
  EXPECT_EQ(value_of(queue.cancel(kNow, "one", "{}")), ports::LeaseVerdict::kHeld);
  EXPECT_EQ(value_of(queue.requeue(kNow, "one")), ports::LeaseVerdict::kHeld);
  EXPECT_GT(value_of(queue.wait(Millis(9), 1)), 1u);
  EXPECT_EQ(value_of(queue.purge(kNow, 0, 12)), 12u);
}

TEST_P(Museum, a_store_and_its_host_mean_the_same) {
  auto opened = registry_.store("museum_store", "{}");
  ASSERT_TRUE(opened) << opened.error().message;
  const std::vector<ports::Statement> statements{
      {"A", {std::int64_t{1}}}, {"B", {std::int64_t{2}}, 1}, {"C", {}}};
  const auto rows = (*opened)->batch(statements);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ((*rows)[i].size(), 1u) << i;
    EXPECT_EQ(ports::as_text((*rows)[i][0][0]), statements[i].sql);
    EXPECT_EQ(ports::as_int((*rows)[i][0][1]), i < 2 ? static_cast<std::int64_t>(i) + 1 : 0);
  }
  const auto one = (*opened)->query(statements[1]);
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(ports::as_text(one->at(0).at(0)), "B");
  const std::string migration = "CREATE";
  EXPECT_TRUE((*opened)->migrate("m", {&migration, 1}));
}

TEST_P(Museum, a_spool_and_its_host_mean_the_same) {
  auto opened = registry_.spool("museum_spool", "{}");
  ASSERT_TRUE(opened) << opened.error().message;
  ports::Spool& spool = **opened;
  const std::vector<ports::SpoolItem> items{
      {"", "facts", "t0", "{}"}, {"", "facts", "t1", "{}"}, {"", "facts", "t2", "{}"}};
  const auto names = spool.put(items);
  ASSERT_TRUE(names) << names.error().message;
  EXPECT_EQ(*names, (std::vector<std::string>{"t0", "t1", "t2"}));
  EXPECT_TRUE(spool.reserve(10));
  spool.unreserve(10);
  EXPECT_TRUE(spool.ack(*names));
  EXPECT_TRUE(spool.defer(*names));
  EXPECT_TRUE(spool.reject("t0", "why"));
  const auto next = spool.next(1);
  ASSERT_TRUE(next) << next.error().message;
  ASSERT_EQ(next->size(), 1u);
  EXPECT_EQ(next->front().name, "item");
  const auto stats = spool.stats();
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(stats->ready, 3);
  EXPECT_EQ(stats->oldest_ms, 9);
  const auto problems = spool.verify();
  ASSERT_TRUE(problems) << problems.error().message;
  ASSERT_EQ(problems->size(), 1u);
  EXPECT_EQ(problems->front().reason, "why");
}

TEST_P(Museum, a_heartbeat_carries_a_beat) {
  auto opened = registry_.heartbeat("museum_heartbeat", "{}");
  ASSERT_TRUE(opened) << opened.error().message;
  const auto reply = (*opened)->beat("http://cp", "", R"({"worker_id":"w"})", Millis(10'000));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(*reply, R"({"worker_id":"w"})");
}

TEST_P(Museum, a_task_runs_and_says_what_it_has_to) {
  const auto tasks = registry_.tasks();
  ASSERT_TRUE(tasks) << tasks.error().message;
  ports::RunRequest request;
  request.task.lease.task_id = "t1";
  request.task.type = "museum_task";
  request.task.params = "{}";
  std::string out;
  ports::TaskEvents events;
  events.output = [&](bool, std::string_view bytes) { out += bytes; };
  ports::CancelToken cancel;
  const model::Outcome outcome = (*tasks)->run(request, 0, cancel, events);
  EXPECT_EQ(outcome.kind, model::OutcomeKind::kSucceeded) << outcome.error;
  EXPECT_EQ(outcome.result, R"({"kind":"task"})");
  EXPECT_EQ(out, "out");
}

TEST_P(Museum, a_language_reads_and_runs_a_script) {
  plugin::EngineOptions engine_options;
  engine_options.component = "museum_language";
  engine_options.isolation = "inproc";
  engine_options.staging_dir = staging_.path();
  const auto engine = plugin::open_script_engine(registry_, engine_options);
  ASSERT_TRUE(engine) << engine.error().message;
  const auto manifest = (*engine)->load("s1", "hi.museum", "hi");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(*manifest, R"({"name":"hi"})");
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  plugin::TaskCall call("hi", 0, cancel, events);
  const auto outcome = (*engine)->target("s1", "hi.museum", "hi")->run(call, "{}");
  EXPECT_EQ(outcome.kind, model::OutcomeKind::kSucceeded) << outcome.error;
  (*engine)->drop("s1");
}

INSTANTIATE_TEST_SUITE_P(Of, Museum, ::testing::Values("v1.0", "later_c", "later_cpp"),
                         [](const auto& each) {
                           return std::string(each.param) == "v1.0" ? "version_1_0" : each.param;
                         });

}  // namespace
}  // namespace skep::test
