// The components that a TOML table chose follow their plugin: heartbeat beside, spool after.
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

class ReloadSlotsTest : public ReloadTest {
 protected:
  /// The same code with another digest, in service.
  void replace(const std::string& path, const std::string& id, const std::string& tail) {
    install_file(path, tail);
    const auto done = registry_->reload(id);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(done->changed);
  }
};

constexpr const char* kBeats = "odd/beats.so";

TEST_F(ReloadSlotsTest, a_heartbeat_goes_on_while_its_plugin_is_replaced) {
  install_file(fixture(kBeats));
  begin();
  const auto drum = registry_->heartbeat("drum", R"({"reply":"bang"})");
  ASSERT_TRUE(drum) << drum.error().message;
  const auto beat = [&] { return (*drum)->beat("http://x", "", "{}", Millis(1)); };
  const std::string usual = beat().value();
  EXPECT_NE(usual.find("bang"), std::string::npos) << usual;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread caller([&] {
    while (!stop)
      if (const auto got = beat(); !got || *got != usual) ++wrong;
  });
  for (int i = 0; i < 20; ++i) replace(fixture(kBeats), "beats", std::to_string(i));
  stop = true;
  caller.join();
  EXPECT_EQ(wrong, 0);
  registry_->wait_drained();
  const auto generations = info_of(*registry_, "beats.so").generations;
  EXPECT_EQ(generations.at(0).number, 21u);
  EXPECT_EQ(generations.at(1).state, GenerationState::kRetired);
  ASSERT_TRUE(registry_->configure({{"beats", R"({"loud":true})"}}));
  EXPECT_EQ(beat().value(), R"({"loud":true,"reply":"bang"})");
}

TEST_F(ReloadSlotsTest, a_heartbeat_without_the_component_in_use_is_refused) {
  install_file(fixture(kBeats));
  begin();
  const auto drum = registry_->heartbeat("drum", "{}");
  ASSERT_TRUE(drum) << drum.error().message;
  install_bytes(patched(bytes_of(fixture(kBeats)), R"("name": "drum")", R"("name": "dram")"),
                "beats.so");
  const auto done = registry_->reload("beats");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("no component \"drum\""), std::string::npos)
      << done.error().message;
  EXPECT_TRUE((*drum)->beat("http://x", "", "{}", Millis(1)));
}

class ReloadSpoolTest : public ReloadSlotsTest {
 protected:
  static constexpr std::int64_t kMaxBytes = 1 << 20;

  void begin_spool() {
    install_file(kSpool);
    options_.tables = {{"spool_file", R"({"dir":")" + dir_.file("spool") +
                                          R"(","keep_free_bytes":0,"max_bytes":)" +
                                          std::to_string(kMaxBytes) + "}"}};
    begin();
    auto spool = registry_->spool("file", "{}");
    ASSERT_TRUE(spool) << spool.error().message;
    spool_ = std::move(*spool);
  }
  void TearDown() override { spool_.reset(); }
  void replace_spool(const std::string& tail) { replace(kSpool, "spool_file", tail); }
  std::string put(const std::string& task_id) {
    const std::vector items{
        ports::SpoolItem{"", "execution_result", task_id, R"({"task":")" + task_id + "\"}"}};
    const auto names = spool_->put(items);
    EXPECT_TRUE(names) << names.error().message;
    return names ? names->at(0) : std::string();
  }
  std::vector<std::string> ready() {
    std::vector<std::string> out;
    const auto items = spool_->next(100);
    EXPECT_TRUE(items) << items.error().message;
    if (items)
      for (const auto& item : *items) out.push_back(item.task_id);
    return out;
  }

  const std::string kSpool = SKEP_BUILD_DIR "/lib/skep/plugins/spool_file.so";
  std::unique_ptr<ports::Spool> spool_;
};

TEST_F(ReloadSpoolTest, items_put_before_are_there_after) {
  begin_spool();
  const std::string first = put("t-1");
  const std::string second = put("t-2");
  ASSERT_TRUE(spool_->defer(std::vector{first}));
  replace_spool("2");
  EXPECT_EQ(ready(), (std::vector<std::string>{"t-2", "t-1"}));  // newest first
  ASSERT_TRUE(spool_->ack(std::vector{first, second}));
  replace_spool("3");
  EXPECT_TRUE(ready().empty());
  EXPECT_TRUE(spool_->verify()->empty());
}

TEST_F(ReloadSpoolTest, what_is_reserved_stays_so_over_a_reload) {
  begin_spool();
  constexpr std::uint64_t kMost = kMaxBytes * 3 / 4;
  ASSERT_TRUE(spool_->reserve(kMost));
  replace_spool("2");
  EXPECT_FALSE(spool_->reserve(kMost));
  replace_spool("3");
  spool_->unreserve(kMost);
  spool_->unreserve(kMost);  // once too often: gives nothing away
  EXPECT_TRUE(spool_->reserve(kMost));
  EXPECT_FALSE(spool_->reserve(kMost));
}

TEST_F(ReloadSpoolTest, nothing_is_lost_while_it_is_replaced) {
  begin_spool();
  std::atomic<bool> stop{false};
  std::vector<std::string> names;
  std::atomic<std::size_t> count{0};
  std::thread worker([&] {
    for (; !stop && count < 500; ++count) names.push_back(put("t-" + std::to_string(count)));
  });
  for (int i = 0; i < 20; ++i) replace_spool(std::to_string(i));
  stop = true;
  worker.join();
  const auto stats = spool_->stats();
  ASSERT_TRUE(stats);
  EXPECT_EQ(static_cast<std::size_t>(stats->ready + stats->in_flight), names.size());
  ASSERT_TRUE(spool_->defer(names));
  std::size_t seen = 0;
  for (auto items = spool_->next(1000); items && !items->empty(); items = spool_->next(1000)) {
    std::vector<std::string> got;
    for (const auto& item : *items) got.push_back(item.name);
    seen += got.size();
    ASSERT_TRUE(spool_->ack(got));
  }
  EXPECT_EQ(seen, names.size());
}

}  // namespace
}  // namespace skep::plugin
