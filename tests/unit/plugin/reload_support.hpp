// A registry over one folder whose files are replaced while it runs.
#pragma once

#include <atomic>
#include <thread>

#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    fs::create_directories(folder());
    options_.paths = {folder()};
    options_.staging_dir = dir_.file("staging");
    options_.state_dir = dir_.path();
  }
  std::string folder() const { return dir_.file("plugins"); }

  /// Puts a build of "answer" in place, as an installer would: whole, or not at all.
  void install(const std::string& build, const std::string& tail = {}) {
    install_bytes(bytes_of(fixture("reload/" + build + ".so")) + tail, "answer.so");
  }
  void install_bytes(const std::string& bytes, const std::string& name) {
    write_bytes(dir_.file("temp"), bytes);
    fs::rename(dir_.file("temp"), folder() + "/" + name);
  }
  /// A build of a shipped or fixture plugin, told from others by `tail`.
  void install_file(const std::string& path, const std::string& tail = {}) {
    install_bytes(bytes_of(path) + tail, fs::path(path).filename().string());
  }
  /// A registry that serves `build`.
  void begin(const std::string& build) {
    install(build);
    begin();
  }
  void begin() {
    seen_ = events::newest();
    registry_ = std::make_unique<Registry>(options_);
    ASSERT_TRUE(registry_->scan());
    ASSERT_TRUE(registry_->tasks());
  }

  void restart() {
    registry_.reset();
    begin();
  }
  /// A registry that runs children and has taken back `answer_throws_on_fifth`, the version after
  /// "answer_1", because it crashed on the fifth task.
  void roll_back() {
    options_.isolation = "process";
    begin("answer_1");
    registry_->watch();
    install("answer_throws_on_fifth");
    ASSERT_TRUE(registry_->reload("answer"));
    for (int i = 0; i < 5; ++i) run();
    await_event("plugin.rolled_back");
  }

  model::Outcome run(const std::string& how = "") {
    ports::CancelToken cancel;
    return run(how, cancel);
  }
  model::Outcome run(const std::string& how, ports::CancelToken& cancel) {
    ports::RunRequest request;
    request.task.type = "answer";
    request.task.params = R"({"how":")" + how + "\"}";
    return registry_->task_table()->run(request, 0, cancel, {});
  }
  static std::int64_t number_in(const model::Outcome& outcome, const char* member) {
    const auto parsed = parse_json(outcome.result);
    if (!parsed || !parsed->is_object()) return -1;
    return parsed->get_object().at(member).to_number<std::int64_t>();
  }
  std::int64_t build() { return number_in(run(), "build"); }

  PluginInfo info() const { return info_of(*registry_, "answer.so"); }
  /// "2 active, 1 retired": newest first.
  std::string generations() const {
    std::string out;
    for (const GenerationInfo& g : info().generations)
      out += (out.empty() ? "" : ", ") + std::to_string(g.number) + " " +
             std::string(public_word(g.state));
    return out;
  }
  /// Waits for an event since begin() whose name and fields contain these.
  std::string await_event(std::string_view name, std::string_view part = {}) {
    const SystemClock clock;
    const MonoMs deadline = clock.mono_ms() + 60'000;
    while (clock.mono_ms() < deadline)
      for (const auto& event : events::since(seen_, 64, Millis(1000), {})) {
        seen_ = event.id;
        if (event.name == name && event.fields.find(part) != std::string::npos) return event.fields;
      }
    ADD_FAILURE() << "no event " << name << " with " << part;
    return {};
  }
  static std::int64_t rss_kib() {
    const std::string status = read_file("/proc/self/status").value_or("");
    const auto at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : std::stoll(status.substr(at + 6));
  }

  TempDir dir_;
  RegistryOptions options_;
  std::unique_ptr<Registry> registry_;
  std::uint64_t seen_ = 0;
};

}  // namespace skep::plugin
