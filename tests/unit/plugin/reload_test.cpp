#include <future>

#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

TEST_F(ReloadTest, the_new_file_serves_the_next_call) {
  begin("answer_1");
  EXPECT_EQ(build(), 1);
  install("answer_2");
  const auto done = registry_->reload("answer");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->changed);
  EXPECT_EQ(done->generation, 2u);
  EXPECT_EQ(done->version, "2.0.0");
  EXPECT_EQ(build(), 2);
  registry_->wait_drained();
  EXPECT_EQ(generations(), "2 active, 1 retired");
  EXPECT_EQ(info().version, "2.0.0");
  EXPECT_GE(info().generations.at(1).drain_ms, 0);
}

TEST_F(ReloadTest, nothing_happens_without_a_change) {
  begin("answer_1");
  const auto done = registry_->reload("answer");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_FALSE(done->changed);
  EXPECT_EQ(done->generation, 1u);
  EXPECT_EQ(generations(), "1 active");
}

TEST_F(ReloadTest, generations_share_no_statics) {
  begin("answer_1");
  run();
  run();
  install("answer_1", "x");  // the same symbols, another file
  ASSERT_TRUE(registry_->reload("answer"));
  const auto fresh = run();
  EXPECT_EQ(number_in(fresh, "before"), 0);
  EXPECT_EQ(number_in(fresh, "thread"), 0);
}

TEST_F(ReloadTest, a_call_stays_where_it_began) {
  begin("answer_1");
  ports::CancelToken cancel;
  auto inside = std::async(std::launch::async, [&] { return run("wait", cancel); });
  while (info().generations.at(0).inside == 0) std::this_thread::yield();
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  EXPECT_EQ(build(), 2);
  EXPECT_EQ(generations(), "2 active, 1 draining");
  EXPECT_EQ(info().generations.at(1).inside, 1);
  cancel.cancel(ports::CancelReason::kUser);
  EXPECT_NE(inside.get().error.find("reason 1"), std::string::npos);
  registry_->wait_drained();
  EXPECT_EQ(generations(), "2 active, 1 retired");
}

TEST_F(ReloadTest, a_leaked_thread_finds_a_tombstone) {
  begin("answer_leaks_thread");
  run("leak");
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  await_event("plugin.late_call", "\"generation\":1");
  EXPECT_EQ(build(), 2);
}

TEST_F(ReloadTest, a_file_that_does_not_load_changes_nothing) {
  begin("answer_1");
  install_bytes("half a file", "answer.so");
  const auto cut = registry_->reload("answer");
  ASSERT_FALSE(cut);
  EXPECT_EQ(build(), 1);
  install_bytes(
      patched(bytes_of(fixture("reload/answer_2.so")), R"("abi": "skep/1")", R"("abi": "skep/9")"),
      "answer.so");
  const auto other = registry_->reload("answer");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("step verify"), std::string::npos) << other.error().message;
  EXPECT_EQ(build(), 1);
  EXPECT_EQ(info().state, PluginState::kLoaded);
  EXPECT_NE(info().reason.find("another ABI"), std::string::npos) << info().reason;
}

TEST_F(ReloadTest, what_is_refused_is_never_mapped_and_what_served_stays) {
  begin("answer_1");
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  registry_->wait_drained();
  install_bytes(bytes_of(fixture("odd/answer_nodelete.so")), "answer.so");
  ASSERT_FALSE(registry_->reload("answer"));
  const auto maps = split(read_file("/proc/self/maps", 64u << 20).value_or(""), '\n');
  const auto mapped = [&](int number) {  // of this test: others of this process leave theirs mapped
    const std::string name = "/answer." + std::to_string(number) + ".";
    return std::any_of(maps.begin(), maps.end(), [&](const std::string& line) {
      return line.find(options_.staging_dir) != std::string::npos &&
             line.find(name) != std::string::npos;
    });
  };
  EXPECT_TRUE(mapped(1));
  EXPECT_TRUE(mapped(2));
  EXPECT_FALSE(mapped(3));
}

TEST_F(ReloadTest, a_registry_that_goes_makes_no_events) {
  begin("answer_1");
  EXPECT_EQ(build(), 1);
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  const std::string drains = await_event("plugin.draining");
  EXPECT_EQ(drains.find("duration_ms"), std::string::npos) << drains;
  const std::string retired = await_event("plugin.retired");
  EXPECT_NE(retired.find("\"calls\":1"), std::string::npos) << retired;
  EXPECT_NE(retired.find("duration_ms"), std::string::npos) << retired;
  const auto before = events::newest();
  registry_.reset();
  EXPECT_EQ(events::newest(), before);
}

TEST_F(ReloadTest, all_events_on_the_way_name_the_same_generation) {
  begin("answer_1");
  const auto before = events::newest();
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  std::set<std::string> told;
  for (const auto& event : events::since(before, 64, Millis(1000), {}))
    if (event.fields.find("\"generation\":2") != std::string::npos) told.insert(event.name);
  for (const char* name : {"plugin.staged", "plugin.verified", "plugin.active"})
    EXPECT_TRUE(told.contains(name)) << name;
}

TEST_F(ReloadTest, a_file_with_a_hazard_runs_in_a_child_only) {
  begin("answer_1");
  install_bytes(bytes_of(fixture("odd/answer_nodelete.so")), "answer.so");
  const auto refused = registry_->reload("answer");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("step verify"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(refused.error().id(), "plugin-hazard");
  EXPECT_NE(refused.error().next.find("isolation = \"process\""), std::string::npos);
  EXPECT_EQ(build(), 1);
  ASSERT_TRUE(registry_->configure({{"answer", R"({"isolation":"process"})"}}));
  EXPECT_EQ(build(), 9);
}

TEST_F(ReloadTest, a_start_that_fails_leaves_the_old_one_serving) {
  for (const bool probe : {true, false}) {
    options_.probe = probe;
    begin("answer_1");
    install("answer_fails_start");
    const auto done = registry_->reload("answer");
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find(probe ? "step probe" : "step start"), std::string::npos)
        << done.error().message;
    EXPECT_NE(done.error().message.find("there is no answer machine"), std::string::npos);
    EXPECT_EQ(build(), 1);
    EXPECT_NE(info().reason.find("there is no answer machine"), std::string::npos);
    EXPECT_NE(await_event("plugin.failed").find("no answer machine"), std::string::npos);
    EXPECT_NE(info().failed_sha256, "");
    EXPECT_NE(info().failed_sha256, info().sha256);
    install("answer_1");
    ASSERT_TRUE(registry_->reload("answer"));
    EXPECT_EQ(info().failed_sha256, "");
    EXPECT_EQ(info().reason, "");
  }
}

TEST_F(ReloadTest, a_start_that_crashes_costs_a_probe_and_puts_the_file_away) {
  begin("answer_1");
  install("answer_crashes_start");
  const auto crash = registry_->reload("answer");
  ASSERT_FALSE(crash);
  EXPECT_NE(crash.error().message.find("step probe"), std::string::npos) << crash.error().message;
  await_event("plugin.quarantined");
  EXPECT_EQ(build(), 1);
  const auto again = registry_->reload("answer");
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("is in quarantine"), std::string::npos)
      << again.error().message;
  EXPECT_EQ(info().state, PluginState::kLoaded);
}

TEST_F(ReloadTest, a_start_that_hangs_costs_a_probe) {
  // Which the good one and a child have to start within as well.
  options_.tables = {{"answer", R"({"limits":{"start_timeout_ms":15000}})"}};
  begin("answer_1");
  install("answer_hangs_start");
  const auto hang = registry_->reload("answer");
  ASSERT_FALSE(hang);
  EXPECT_NE(hang.error().message.find("step probe"), std::string::npos) << hang.error().message;
  await_event("plugin.quarantined", "did not answer in time");
  EXPECT_EQ(build(), 1);
  const auto again = registry_->reload("answer");
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("is in quarantine"), std::string::npos)
      << again.error().message;
}

class ReloadCrashTest : public ReloadTest, public testing::WithParamInterface<const char*> {};

TEST_P(ReloadCrashTest, on_the_fifth_task_brings_the_old_one_back) {
  options_.isolation = GetParam();
  begin("answer_1");
  registry_->watch();
  install("answer_throws_on_fifth");
  ASSERT_TRUE(registry_->reload("answer"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(build(), 9);
  EXPECT_EQ(run().kind, model::OutcomeKind::kFailed);
  const std::string why = await_event("plugin.rolled_back");
  EXPECT_NE(why.find("crashed in call 5"), std::string::npos) << why;
  EXPECT_EQ(build(), 1);
  registry_->wait_drained();
  EXPECT_EQ(generations(), "3 active, 2 rolled_back, 1 retired");
  EXPECT_NE(info().reason.find("was rolled back: crashed in call 5"), std::string::npos);
  EXPECT_EQ(info().version, "1.0.0");
  const auto again = registry_->reload("answer");
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("quarantine"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(isolation, ReloadCrashTest, testing::Values("inproc", "process"));

TEST_F(ReloadTest, a_higher_share_of_faults_brings_the_old_one_back) {
  begin("answer_1");
  registry_->watch();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(build(), 1);
  install("answer_fails");
  ASSERT_TRUE(registry_->reload("answer"));
  for (int i = 0; i < 3; ++i) EXPECT_NE(run().error.find("lost the thread"), std::string::npos);
  await_event("plugin.rolled_back", "3 of its first 3 calls");
  EXPECT_EQ(build(), 1);
}

TEST_F(ReloadTest, what_came_back_is_not_judged_again) {
  options_.isolation = "process";
  begin("answer_throws_on_fifth");
  registry_->watch();
  install("answer_throws_on_fifth", "another file");
  ASSERT_TRUE(registry_->reload("answer"));
  for (int i = 0; i < 5; ++i) run();
  await_event("plugin.rolled_back");
  for (int i = 0; i < 10; ++i) run();
  registry_->wait_drained();
  EXPECT_EQ(generations(), "3 active, 2 rolled_back, 1 retired");
}

TEST_F(ReloadTest, exclusive_and_restart_stop_the_old_one_first) {
  begin("answer_1");
  for (const auto& [name, expected] :
       {std::pair{"answer_exclusive", 3}, {"answer_restart", 4}, {"answer_1", 1}}) {
    install(name);
    const auto done = registry_->reload("answer");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(build(), expected);
  }
}

TEST_F(ReloadTest, the_old_one_starts_again_when_the_new_one_cannot) {
  options_.probe = false;
  for (const char* old : {"answer_exclusive", "answer_restart"}) {
    begin(old);
    const auto before = build();
    install("answer_restart_fails");
    const auto done = registry_->reload("answer");
    ASSERT_FALSE(done);
    EXPECT_EQ(build(), before);
    EXPECT_EQ(generations(), "2 failed, 1 active");
  }
}

TEST_F(ReloadTest, the_watch_sees_files_come_change_and_go) {
  begin();
  registry_->watch();
  install("answer_1");
  await_event("plugin.active", "\"generation\":1");
  while (registry_->task_table()->types().empty()) std::this_thread::yield();
  EXPECT_EQ(build(), 1);
  install("answer_2");
  await_event("plugin.active", "\"generation\":2");
  EXPECT_EQ(build(), 2);
  const std::string whole = bytes_of(fixture("reload/answer_1.so"));
  write_bytes(folder() + "/answer.so", whole.substr(0, whole.size() / 2));  // in place: half
  EXPECT_EQ(build(), 2);
  write_bytes(folder() + "/answer.so", whole);
  await_event("plugin.active", "\"generation\":3");
  EXPECT_EQ(build(), 1);
  fs::remove(folder() + "/answer.so");
  await_event("plugin.failed", "its file is gone");
  EXPECT_EQ(build(), 1);
  ASSERT_EQ(registry_->list().at(0).state, PluginState::kLoaded);
  EXPECT_NE(registry_->list().at(0).reason.find("its file is gone"), std::string::npos);
  install("answer_1");
  while (!registry_->list().at(0).reason.empty()) std::this_thread::yield();
  EXPECT_EQ(build(), 1);
}

TEST_F(ReloadTest, the_watch_takes_a_file_that_nobody_else_may_write_any_more) {
  using fs::perms;
  options_.admission = [this](const Candidate&) -> Status {
    if ((fs::status(folder()).permissions() & perms::others_write) == perms::none) return {};
    return Error{Code::kDenied, "everybody may write its folder"};
  };
  install("answer_1");
  fs::permissions(folder() + "/answer.so", perms::others_write, fs::perm_options::add);
  fs::permissions(folder(), perms::others_write, fs::perm_options::add);
  begin();
  registry_->watch();
  EXPECT_NE(info().reason.find("everybody may write it"), std::string::npos);
  fs::permissions(folder() + "/answer.so", perms::others_write, fs::perm_options::remove);
  while (info().reason.find("everybody may write its folder") == std::string::npos)
    std::this_thread::yield();
  fs::permissions(folder(), perms::others_write, fs::perm_options::remove);
  await_event("plugin.active");
  while (registry_->task_table()->types().empty()) std::this_thread::yield();
  EXPECT_EQ(build(), 1);
}

TEST_F(ReloadTest, links_to_one_file_are_plugins_of_their_own) {
  begin("answer_1");
  fs::create_hard_link(folder() + "/answer.so", folder() + "/other.so");
  ASSERT_TRUE(registry_->scan());
  EXPECT_EQ(info_of(*registry_, "other.so").state, PluginState::kRefused);
  EXPECT_EQ(build(), 1);
}

#ifdef SKEP_SANITIZED
constexpr int kReloads = 100;  // a sanitizer keeps what is freed, and takes ten times as long
constexpr std::int64_t kMaxGrowthKib = 1 << 20;
#else
constexpr int kReloads = 1000;
constexpr std::int64_t kMaxGrowthKib = 32 * 1024;
#endif

TEST_F(ReloadTest, a_thousand_reloads_lose_no_call_and_little_memory) {
  options_.probe = false;
  begin("answer_1");
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> calls{0};
  std::atomic<std::int64_t> failed{0};
  std::atomic<std::int64_t> torn{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      while (!stop) {
        const auto out = run();
        ++calls;
        if (out.kind != model::OutcomeKind::kSucceeded) ++failed;
        if (number_in(out, "build") != number_in(out, "again")) ++torn;
      }
    });
  std::int64_t early = 0;
  for (int i = 0; i < kReloads; ++i) {
    install(i % 2 == 0 ? "answer_2" : "answer_1");
    const auto done = registry_->reload("answer");
    EXPECT_TRUE(done) << done.error().message;
    if (!done) break;
    if (i == kReloads / 10) early = rss_kib();
  }
  const std::int64_t late = rss_kib();
  stop = true;
  for (std::thread& caller : callers) caller.join();
  registry_->wait_drained();
  std::cout << "  " << kReloads << " reloads, " << calls << " calls, " << failed << " failed, "
            << torn << " torn, RSS " << early << " -> " << late
            << " KiB over the last nine tenths\n";
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(torn, 0);
  EXPECT_GT(calls, 0);
  EXPECT_LT(late - early, kMaxGrowthKib);
}

}  // namespace
}  // namespace skep::plugin
