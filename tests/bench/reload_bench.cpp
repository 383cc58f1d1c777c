// How long a reload keeps callers waiting. Four threads call without end, a new build comes again
// and again; the pause of a reload is the longest call that ran during it. Beside it, in turns: the
// longest call of a window of the same length without a reload.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "core/base/text.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/bench/measure.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace skep;
using namespace skep::bench;

constexpr int kReloads = 200;
constexpr int kCallers = 4;
/// Between two calls of one caller: with all CPUs full, the figure would be the scheduler's.
constexpr std::chrono::microseconds kBetweenCalls{200};

struct Span {
  Steady::time_point from, to;
};

/// Threads that call `work` until the end, and remember when.
class Callers {
 public:
  explicit Callers(const std::function<void()>& work) {
    for (int i = 0; i < kCallers; ++i)
      threads_.emplace_back([this, &work, &spans = spans_[i]] {
        while (!stop_) {
          const auto from = Steady::now();
          work();
          spans.push_back({from, Steady::now()});
          std::this_thread::sleep_for(kBetweenCalls);
        }
      });
  }
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;
  ~Callers() { end(); }
  void end() {
    stop_ = true;
    for (std::thread& t : threads_)
      if (t.joinable()) t.join();
  }
  /// Microseconds of the longest call that ran during `window`. REQUIRES: end().
  double longest(const Span& window) const {
    Steady::duration out{};
    for (const auto& spans : spans_)
      for (const Span& call : spans)
        if (call.from < window.to && call.to > window.from)
          out = std::max(out, call.to - call.from);
    return std::chrono::duration<double, std::micro>(out).count();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<Span> spans_[kCallers];
  std::vector<std::thread> threads_;
};

/// A registry over one folder with one plugin, whose file gets other bytes each time.
class Node {
 public:
  Node(std::string id, const std::vector<std::string>& builds, const std::string& table = "{}")
      : id_(std::move(id)) {
    for (const std::string& build : builds) {
      auto bytes = read_file(SKEP_BUILD_DIR "/lib/skep/" + build);
      if (!bytes) die("cannot read " + build);
      bytes_.push_back(std::move(*bytes));
    }
    std::filesystem::create_directory(dir_.file("plugins"));
    install(0);
    plugin::RegistryOptions options;
    options.paths = {dir_.file("plugins")};
    options.staging_dir = dir_.file("staging");
    options.state_dir = dir_.path();
    options.tables = {{id_, table}};
    registry_ = std::make_unique<plugin::Registry>(std::move(options));
    if (const auto scanned = registry_->scan(); !scanned) die(scanned.error().message);
  }
  plugin::Registry& registry() { return *registry_; }

  /// Prints NAME_pause and NAME_without, and how long the reloads took.
  void measure(const std::string& name, const std::function<void()>& work) {
    work();
    std::vector<Span> during, without;
    std::vector<double> took;
    Callers callers(work);
    for (int i = 1; i <= kReloads; ++i) {
      install(i);
      const auto from = Steady::now();
      if (!checked(registry_->reload(id_)).changed) die("nothing was reloaded");
      const auto to = Steady::now();
      during.push_back({from, to});
      took.push_back(std::chrono::duration<double, std::micro>(to - from).count());
      registry_->wait_drained();
      const auto rest = Steady::now();
      std::this_thread::sleep_for(to - from);
      without.push_back({rest, Steady::now()});
    }
    callers.end();
    const auto longest = [&](const std::vector<Span>& windows) {
      std::vector<double> out;
      for (const Span& w : windows) out.push_back(callers.longest(w));
      return out;
    };
    report(name + "_longest_call_without", longest(without));
    report(name + "_reload_pause", longest(during));
    report(name + "_reload_took", std::move(took));
  }

 private:
  void install(int round) const {
    const auto& bytes = bytes_[static_cast<std::size_t>(round) % bytes_.size()];
    std::ofstream(dir_.file("temp"), std::ios::binary) << bytes << round;
    std::filesystem::rename(dir_.file("temp"), dir_.file("plugins/" + id_ + ".so"));
  }

  test::TempDir dir_;
  std::string id_;
  std::vector<std::string> bytes_;
  std::unique_ptr<plugin::Registry> registry_;
};

void parallel_tasks() {
  Node node("answer", {"test-plugins/reload/answer_1.so", "test-plugins/reload/answer_2.so"});
  const auto tasks = checked(node.registry().tasks());
  node.measure("parallel_task", [&] {
    ports::CancelToken cancel;
    ports::RunRequest request;
    request.task.type = "answer";
    request.task.params = "{}";
    const auto outcome = tasks->run(request, 0, cancel, {});
    if (outcome.kind != model::OutcomeKind::kSucceeded) die(outcome.error);
  });
}

void exclusive_queue() {
  const test::TempDir dir;
  Node node("sqlite", {"plugins/sqlite.so"}, R"({"path":")" + dir.file("q.db") + "\"}");
  const auto queue = checked(node.registry().queue("sqlite_queue", "{}"));
  node.measure("exclusive_queue", [&] {
    ports::TaskQuery query;
    query.id = "none";
    query.limit = 1;
    checked(queue->read(query));
  });
}

}  // namespace

int main() {
  parallel_tasks();
  exclusive_queue();
}
