// A plugin with a call inside that does not come back: reload, roll-back and end.
#include "core/plugin/call_threads.hpp"
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

class ReloadHungTest : public ReloadTest {
 protected:
  ReloadHungTest() {
    options_.probe = false;                          // a child would need the plugin inside as well
    options_.drain = {Millis{0}, Millis{3'600'000}};  // cancels at once, gives up never
  }
  ~ReloadHungTest() override {
    write_bytes(hang_ + ".release", "");
    while (given_up_calls() > given_up_before_) std::this_thread::yield();
  }

  void begin_with(const std::string& inner, const std::string& config) {
    install_file(fixture("odd/hanging.so"));
    options_.tables = {{"hanging", R"({"inner":")" SKEP_BUILD_DIR "/lib/skep/plugins/" + inner +
                                       R"(","hang":")" + hang_ + R"(","config":)" + config + "}"}};
    begin();
  }
  void begin_spool() {
    begin_with("spool_file.so", R"({"dir":")" + dir_.file("spool") +
                                    R"(","max_bytes":1048576,"max_items":100,"keep_free_bytes":0})");
    auto spool = registry_->spool("hanging_spool", "{}");
    ASSERT_TRUE(spool) << spool.error().message;
    spool_ = std::move(*spool);
  }
  void TearDown() override {
    spool_.reset();
    queue_.reset();
  }
  void hang_in(const std::string& function) { write_bytes(hang_, function); }
  /// Waits until a call of `function` hangs, and lets the next ones pass.
  void await_hang(const std::string& function) {
    while (read_file(hang_ + ".inside").value_or("").find(function + "\n") == std::string::npos)
      std::this_thread::yield();
    fs::remove(hang_);
  }
  /// A call that its caller gave up.
  template <class Call>
  void lose(const std::string& function, Call call) {
    hang_in(function);
    std::string id;
    std::thread caller([&] {
      const auto answer = call();
      id = answer ? "an answer" : std::string(answer.error().id());
    });
    await_hang(function);
    registry_->hurry();
    caller.join();
    EXPECT_EQ(id, "plugin-hangs");
  }
  std::string stops() { return read_file(hang_ + ".stopped").value_or(""); }

  const std::string hang_ = dir_.file("hang");
  const int given_up_before_ = given_up_calls();
  std::unique_ptr<ports::Spool> spool_;
  std::unique_ptr<ports::Queue> queue_;
};

}  // namespace
}  // namespace skep::plugin
