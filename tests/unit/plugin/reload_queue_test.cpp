// The queue is exclusive: one generation has the file at a time, and its callers wait meanwhile.
#include <set>

#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

class ReloadQueueTest : public ReloadTest {
 protected:
  void begin_queue() {
    fs::copy_file(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so", folder() + "/sqlite.so");
    options_.tables = {{"sqlite", table_of("q.db")}};
    begin();
    auto queue = registry_->queue("sqlite_queue", "{}");
    ASSERT_TRUE(queue) << queue.error().message;
    queue_ = std::move(*queue);
  }
  void TearDown() override { queue_.reset(); }
  std::string table_of(const std::string& file) { return R"({"path":")" + dir_.file(file) + "\"}"; }
  /// The same code with another digest.
  void touch(int round) {
    install_bytes(
        bytes_of(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so") + std::to_string(round % 2),
        "sqlite.so");
  }
  static WallMs now() { return SystemClock().wall_ms(); }
  static model::Task task(const std::string& id) {
    model::Task t;
    t.id = id;
    t.spec.type = "noop";
    t.created_ms = now();
    return t;
  }
  std::unique_ptr<ports::Queue> queue_;
};

TEST_F(ReloadQueueTest, two_hundred_reloads_under_load_lose_and_double_nothing) {
#ifdef SKEP_SANITIZED
  constexpr int kReloads = 40;  // fifty times as slow
#else
  constexpr int kReloads = 200;
#endif
  begin_queue();
  std::atomic<bool> stop{false};
  std::atomic<bool> all_added{false};  // after the last enqueue: an empty claim is then the end
  std::atomic<int> added{0};
  std::atomic<int> errors{0};
  std::string first_error;
  std::mutex mutex;
  const auto wrong = [&](const Error& error) {
    const std::lock_guard lock(mutex);
    if (errors++ == 0) first_error = error.message;
  };
  std::thread producer([&] {
    while (!stop) {
      std::vector<model::Task> batch;
      for (int i = 0; i < 20; ++i) batch.push_back(task("t-" + std::to_string(added + i)));
      const auto done = queue_->enqueue(now(), batch);
      if (!done) return wrong(done.error());
      added += 20;
    }
  });
  std::multiset<std::string> ended;
  std::thread consumer([&] {
    ports::ClaimFilter filter;
    filter.worker = {"w-1", "i-1", "", {}, {"noop"}};
    filter.max = 50;
    filter.lease_ms = 60'000;
    for (;;) {
      const bool last = all_added;
      const auto claimed = queue_->claim(now(), filter);
      if (!claimed) return wrong(claimed.error());
      std::vector<ports::ResultRecord> results;
      for (const model::Task& t : *claimed) {
        ports::ResultRecord r;
        r.lease = {t.id, t.attempt, t.lease_id};
        r.idempotency_key = model::result_key(r.lease);
        r.body_sha256 = r.idempotency_key;
        r.worker_id = "w-1";
        r.incarnation = "i-1";
        r.outcome.kind = model::OutcomeKind::kSucceeded;
        r.outcome.result = "null";
        results.push_back(std::move(r));
      }
      if (!results.empty()) {
        const auto verdicts = queue_->complete(now(), results);
        if (!verdicts) return wrong(verdicts.error());
        for (std::size_t i = 0; i < results.size(); ++i)
          if ((*verdicts)[i] == model::Verdict::kApplied) ended.insert(results[i].lease.task_id);
      }
      if (last && claimed->empty()) return;
    }
  });
  std::thread waiter([&] {
    for (std::uint64_t token = 0; !stop;) {
      const auto next = queue_->wait(Millis(60'000), token);
      if (!next) return wrong(next.error());
      token = *next;
    }
  });
  const SystemClock clock;
  const MonoMs began = clock.mono_ms();
  MonoMs longest = 0;
  for (int i = 0; i < kReloads; ++i) {
    touch(i);
    const MonoMs from = clock.mono_ms();
    const auto done = registry_->reload("sqlite");
    longest = std::max(longest, clock.mono_ms() - from);
    EXPECT_TRUE(done) << done.error().message;
    if (!done) break;
    EXPECT_TRUE(done->changed);
  }
  const MonoMs took = clock.mono_ms() - began;
  stop = true;
  producer.join();
  const auto woke = queue_->enqueue(now(), std::vector{task("wake")});
  all_added = true;
  waiter.join();
  consumer.join();
  ASSERT_TRUE(woke) << woke.error().message;
  EXPECT_EQ(errors, 0) << first_error;
  const std::set<std::string> once(ended.begin(), ended.end());
  std::cout << "  " << kReloads << " reloads in " << took << " ms (longest " << longest << " ms), "
            << added << " tasks (" << added * 1000LL / std::max<MonoMs>(took, 1)
            << " a second), RSS " << rss_kib() << " KiB\n";
  EXPECT_EQ(once.size(), ended.size());
  EXPECT_EQ(once.size(), static_cast<std::size_t>(added) + 1);
}

TEST_F(ReloadQueueTest, the_old_one_serves_again_when_the_new_one_cannot_start) {
  begin_queue();
  ASSERT_TRUE(queue_->enqueue(now(), std::vector{task("kept")}));
  const auto wrong = registry_->configure({{"sqlite", table_of("no/such/folder/q.db")}});
  ASSERT_TRUE(wrong) << wrong.error().message;
  ASSERT_EQ(wrong->failed.size(), 1u);
  ports::TaskQuery query;
  query.id = "kept";
  query.limit = 1;
  const auto rows = queue_->read(query);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->size(), 1u);
}

TEST_F(ReloadQueueTest, who_waits_is_woken_however_short_the_drain) {
  options_.drain = {Millis(0), Millis(60'000)};
  begin_queue();
  const auto token = queue_->wait(Millis(0), 0);
  ASSERT_TRUE(token);
  std::thread waiter([&] { EXPECT_TRUE(queue_->wait(Millis(600'000), *token)); });
  while (info_of(*registry_, "sqlite.so").generations.at(0).inside == 0) std::this_thread::yield();
  touch(0);
  const SystemClock clock;
  const MonoMs began = clock.mono_ms();
  EXPECT_TRUE(registry_->reload("sqlite"));
  EXPECT_LT(clock.mono_ms() - began, 30'000);
  waiter.join();
}

TEST_F(ReloadQueueTest, one_that_answers_with_bugs_is_taken_back) {
  begin_queue();
  registry_->watch();
  ASSERT_TRUE(queue_->enqueue(now(), std::vector{task("kept")}));
  install_bytes(bytes_of(fixture("reload/broken_queue.so")), "sqlite.so");
  ASSERT_TRUE(registry_->reload("sqlite"));
  EXPECT_EQ(queue_->tick(now(), now()).error().message, "plugin sqlite: lost the thread");
  EXPECT_FALSE(queue_->wait(Millis(0), 0));
  EXPECT_FALSE(queue_->stats());
  await_event("plugin.rolled_back", "3 of its first 3 calls were faults");
  EXPECT_TRUE(is_refuted(info_of(*registry_, "sqlite.so").generations.at(1).state));
  ports::TaskQuery query;
  query.id = "kept";
  query.limit = 1;
  EXPECT_EQ(queue_->read(query)->size(), 1u);
}

TEST_F(ReloadQueueTest, a_component_in_use_cannot_be_turned_off) {
  begin_queue();
  const auto off = registry_->configure({{"sqlite", R"({"enabled":false})"}});
  ASSERT_FALSE(off);
  EXPECT_NE(off.error().message.find("is in use by this node"), std::string::npos);
}

}  // namespace
}  // namespace skep::plugin
