// A plugin with a call inside that does not come back: reload and end.
#include "core/plugin/call_threads.hpp"
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

const std::string kShipped = SKEP_BUILD_DIR "/lib/skep/plugins/";

class ReloadHungTest : public ReloadTest {
 protected:
  ReloadHungTest() {
    options_.probe = false;                           // a child would hang as well
    options_.drain = {Millis{0}, Millis{3'600'000}};  // cancels at once, gives up never
  }
  ~ReloadHungTest() override { release(); }
  void TearDown() override {
    spool_.reset();
    heartbeat_.reset();
  }

  /// `inner` is the members "inner" and "component".
  void begin_with(const std::string& inner) {
    install_file(fixture("odd/hanging.so"));
    options_.tables = {{"hanging", R"({"hang":")" + hang_ + "\"," + inner + "}"}};
    begin();
  }
  void begin_heartbeat() {
    begin_with(R"("inner":")" + kShipped + R"(heartbeat_http.so")");
    auto heartbeat = registry_->heartbeat("hanging_heartbeat", "{}");
    ASSERT_TRUE(heartbeat) << heartbeat.error().message;
    heartbeat_ = std::move(*heartbeat);
  }
  void begin_spool(const std::string& inner) {
    begin_with(inner);
    auto spool = registry_->spool("hanging_spool", R"({"dir":")" + dir_.file("spool") + "\"}");
    ASSERT_TRUE(spool) << spool.error().message;
    spool_ = std::move(*spool);
  }

  std::string beat(Millis timeout) {
    const auto reply = heartbeat_->beat("http://127.0.0.1:1", "", "{}", timeout);
    return reply ? "a reply" : std::string(reply.error().id());
  }
  /// A beat that its caller gave up.
  void lose_a_beat() {
    write_bytes(hang_, "beat");
    EXPECT_EQ(beat(Millis{0}), "plugin-hangs");
    fs::remove(hang_);
  }
  /// A put() that hangs while another version comes; what the reload said.
  Result<Reloaded> reload_during_a_put() {
    write_bytes(hang_, "put");
    std::string id;
    std::thread caller([&] {
      const auto put = spool_->put(
          std::vector{ports::SpoolItem{"", "execution_result", "t-1", R"({"task":"t-1"})"}});
      id = put ? "an answer" : std::string(put.error().id());
    });
    while (!fs::exists(hang_ + ".inside")) std::this_thread::yield();
    fs::remove(hang_);
    install_file(fixture("odd/hanging.so"), "2");
    auto done = registry_->reload("hanging");
    caller.join();
    EXPECT_EQ(id, "plugin-hangs");
    return done;
  }
  /// Until everything has come back.
  void release() {
    write_bytes(hang_ + ".release", "");
    while (given_up_calls() > given_up_before_) std::this_thread::yield();
  }
  std::string stops() { return read_file(hang_ + ".stopped").value_or(""); }

  const std::string hang_ = dir_.file("hang");
  const int given_up_before_ = given_up_calls();
  std::unique_ptr<ports::Spool> spool_;
  std::unique_ptr<ports::Heartbeat> heartbeat_;
};

TEST_F(ReloadHungTest, a_hang_is_told_and_a_reload_takes_over) {
  begin_heartbeat();
  lose_a_beat();
  await_event("plugin.hangs", R"("component":"heartbeat hanging_heartbeat","call":"beat")");
  ASSERT_EQ(registry_->hangs().size(), 1u);
  const std::string hang = "heartbeat hanging_heartbeat: beat has not answered for ";
  EXPECT_EQ(registry_->hangs()[0].find("plugin hanging: " + hang), 0u) << registry_->hangs()[0];
  EXPECT_EQ(info_of(*registry_, "hanging.so").reason.find(hang), 0u);
  const auto done = registry_->reload("hanging");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->changed) << "the file is the same, and the way out of the hang";
  EXPECT_TRUE(registry_->hangs().empty());
  EXPECT_EQ(beat(Millis{60'000}), "unavailable") << "nobody listens there";
  registry_->wait_drained();
  EXPECT_EQ(info_of(*registry_, "hanging.so").generations.at(1).state, GenerationState::kRetired);
  EXPECT_EQ(stops(), "") << "a call is inside";
  release();
  await_event("plugin.answers", R"("call":"beat")");
  EXPECT_EQ(stops(), "stop\n");
}

TEST_F(ReloadHungTest, what_cannot_be_two_is_replaced_all_the_same) {
  begin_spool(R"("inner":")" + fixture("odd/bad_spool.so") + R"(","component":"bad_spool")");
  const auto done = reload_during_a_put();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(spool_->stats());
  EXPECT_EQ(stops(), "");
  release();
  EXPECT_EQ(stops(), "stop\n");
}

TEST_F(ReloadHungTest, what_holds_a_lock_goes_on_serving) {
  begin_spool(R"("inner":")" + kShipped + R"(spool_file.so")");
  const auto done = reload_during_a_put();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("calls that hang keep the generation"), std::string::npos)
      << done.error().message;
  EXPECT_TRUE(spool_->stats());
  release();
  EXPECT_EQ(spool_->stats()->in_flight, 0) << "what was put too late is nobody's";
  EXPECT_TRUE(registry_->reload("hanging"));
}

TEST_F(ReloadHungTest, the_end_waits_for_no_hang) {
  begin_heartbeat();
  lose_a_beat();
  heartbeat_.reset();
  registry_.reset();
  EXPECT_EQ(given_up_calls(), given_up_before_ + 1);
  EXPECT_EQ(stops(), "");
  release();
  EXPECT_EQ(stops(), "stop\n");
}

}  // namespace
}  // namespace skep::plugin
