// Whole-system figures: a control plane and a worker as separate processes, driven over HTTP.
// Prints lines `bench NAME VALUE UNIT`. Usage: http_bench BUILD_DIR [NAME-PREFIX]
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <thread>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/net/http.hpp"
#include "core/proc/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace skep;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void report(const std::string& name, double value, const std::string& unit) {
  std::printf("bench %s %.*f %s\n", name.c_str(), value < 100 ? 2 : 0, value, unit.c_str());
  std::fflush(stdout);
}

[[noreturn]] void die(const std::string& what) {
  std::cerr << "bench: " << what << "\n";
  std::exit(1);
}

/// Tries `probe` every `pause` until it answers true.
void await(const std::string& what, const std::function<bool()>& probe, Millis pause = Millis{1},
           double limit_seconds = 120) {
  const auto start = Clock::now();
  while (!probe()) {
    if (seconds_since(start) > limit_seconds) die("gave up waiting for " + what);
    std::this_thread::sleep_for(pause);
  }
}

class Node {
 public:
  Node(const std::string& build, const fs::path& folder, const std::string& toml)
      : folder_(folder), started_(Clock::now()) {
    fs::create_directories(folder);
    std::ofstream(folder / "node.toml") << toml;
    proc::Spec spec;
    spec.argv = {build + "/bin/skep", "start", "-c", (folder / "node.toml").string()};
    spec.env = {"PATH=/usr/bin:/bin", "MALLOC_ARENA_MAX=2"};
    // A setting to compare: SKEP_CONTROL_EVENTS='*' ./dev bench tasks_batched
    for (char** variable = environ; *variable != nullptr; ++variable)
      if (std::string_view(*variable).starts_with("SKEP_")) spec.env.push_back(*variable);
    auto child = proc::Background::spawn(spec, (folder / "log").string());
    if (!child) die(child.error().message);
    child_ = std::make_unique<proc::Background>(std::move(*child));
  }
  ~Node() { child_->stop(Millis{5'000}); }
  Clock::time_point started() const { return started_; }
  /// CPU time of the process so far, in microseconds.
  double cpu_us() const {
    std::ifstream stat("/proc/" + std::to_string(child_->pid()) + "/stat");
    stat.ignore(std::numeric_limits<std::streamsize>::max(), ')');
    std::string skipped;
    for (int field = 3; field < 14; ++field) stat >> skipped;
    double user = 0;
    double kernel = 0;
    stat >> user >> kernel;
    return (user + kernel) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  double rss_mib() const {
    std::ifstream status("/proc/" + std::to_string(child_->pid()) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
    return 0;
  }

 private:
  fs::path folder_;
  Clock::time_point started_;
  std::unique_ptr<proc::Background> child_;
};

class Api {
 public:
  explicit Api(std::string url) : url_(std::move(url)) {}
  json::value call(const std::string& method, const std::string& path, std::string body = {}) {
    net::ClientRequest r;
    r.method = method;
    r.url = url_ + path;
    r.body = std::move(body);
    if (!r.body.empty()) r.headers = {"Content-Type: application/json"};
    auto response = client_.send(r);
    if (!response) return nullptr;
    if (response->status >= 300) die(method + " " + path + ": " + response->body);
    auto parsed = parse_json(response->body);
    return parsed ? std::move(*parsed) : json::value();
  }

 private:
  std::string url_;
  net::HttpClient client_;
};

class Bench {
 public:
  Bench(std::string build, std::string only) : build_(std::move(build)), only_(std::move(only)) {
    plugins_ = "\"" + build_ + "/lib/skep/plugins\", \"" + build_ + "/lib/skep/test-plugins/good\"";
    start_control();
    start_worker();
  }
  ~Bench() {
    worker_.reset();
    control_.reset();
  }

  void run() {
    idle_rss();
    latency();
    one_by_one();
    batched();
  }

 private:
  bool wanted(const std::string& name) const { return name.starts_with(only_); }

  void start_control() {
    control_ = std::make_unique<Node>(build_, root_ / "control",
                                      "[node]\nroles = [\"control\"]\nstate_dir = \"" +
                                          (root_ / "control").string() +
                                          "\"\n[http]\nlisten = [\"127.0.0.1:0\"]\n[log]\nlevel = "
                                          "\"warn\"\n[plugins]\npaths = [" +
                                          plugins_ + "]\n");
    const fs::path endpoints = root_ / "control" / "endpoints";
    await("the control plane's endpoints", [&] {
      const auto text = read_file(endpoints.string());
      if (text) url_ = text->substr(0, text->find('\n'));
      return !url_.empty();
    });
    api_ = std::make_unique<Api>(url_);
    await("/readyz", [&] { return api_->call("GET", "/readyz").is_object(); });
    report("control_ready", seconds_since(control_->started()) * 1000, "ms");
  }

  void start_worker() {
    worker_ = std::make_unique<Node>(
        build_, root_ / "worker",
        "[node]\nid = \"bench-worker\"\nroles = [\"worker\"]\nstate_dir = \"" +
            (root_ / "worker").string() + "\"\n[worker]\ncontrol_plane_url = \"" + url_ +
            "\"\nconcurrency = 2\nbatch_size = 256\n[spool]\ndir = \"" +
            (root_ / "worker" / "offline").string() +
            "\"\n[log]\nlevel = \"warn\"\n[plugins]\npaths = [" + plugins_ + "]\n");
    await("the first heartbeat", [&] {
      const auto all = api_->call("GET", "/api/workers");
      const auto& items = all.at("items").as_array();
      return !items.empty() && get_int(items[0].as_object(), "heartbeats") > 0;
    });
    report("worker_first_heartbeat", seconds_since(worker_->started()) * 1000, "ms");
  }

  void idle_rss() {
    std::this_thread::sleep_for(Millis{3'000});
    report("rss_idle_control", control_->rss_mib(), "MiB");
    report("rss_idle_worker", worker_->rss_mib(), "MiB");
  }

  std::int64_t finished() {
    const auto health = api_->call("GET", "/api/workers/health");
    const auto& queue = health.at("queue").as_object();
    return get_int(queue, "succeeded") + get_int(queue, "failed") + get_int(queue, "dead");
  }

  void await_finished(std::int64_t target) {
    await(
        std::to_string(target) + " finished tasks", [&] { return finished() >= target; },
        Millis{100});
  }

  void batched() {
    if (!wanted("tasks_batched")) return;
    constexpr int kTasks = 40'000;
    constexpr int kPerRequest = 500;
    std::string body = "[";
    for (int i = 0; i < kPerRequest; ++i)
      body += std::string(i > 0 ? "," : "") + R"({"type":"noop"})";
    body += "]";
    const std::int64_t before = finished();
    const double control_before = control_->cpu_us();
    const double worker_before = worker_->cpu_us();
    const auto start = Clock::now();
    for (int sent = 0; sent < kTasks; sent += kPerRequest) api_->call("POST", "/api/tasks", body);
    report("tasks_batched_submitted", kTasks / seconds_since(start), "tasks/s");
    await_finished(before + kTasks);
    report("tasks_batched", kTasks / seconds_since(start), "tasks/s");
    report("tasks_batched_control_cpu", (control_->cpu_us() - control_before) / kTasks, "us/task");
    report("tasks_batched_worker_cpu", (worker_->cpu_us() - worker_before) / kTasks, "us/task");
  }

  void one_by_one() {
    if (!wanted("tasks_one_by_one")) return;
    constexpr int kThreads = 16;
    constexpr int kEach = 500;
    const std::int64_t before = finished();
    const auto start = Clock::now();
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([this] {
        Api api(url_);
        for (int i = 0; i < kEach; ++i) api.call("POST", "/api/tasks", R"({"type":"noop"})");
      });
    threads.clear();
    await_finished(before + kThreads * kEach);
    report("tasks_one_by_one", kThreads * kEach / seconds_since(start), "tasks/s");
  }

  /// Submits at 50 a second to an idle worker; the task answers with the instant at which it began.
  void latency() {
    if (!wanted("enqueue_to_start")) return;
    constexpr int kTasks = 300;
    std::vector<double> sent(kTasks);
    std::vector<std::string> ids(kTasks);
    const auto epoch = Clock::now();
    for (std::size_t i = 0; i < kTasks; ++i) {
      std::this_thread::sleep_until(epoch + std::chrono::milliseconds(20) * i);
      sent[i] = std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
      ids[i] =
          get_string(api_->call("POST", "/api/tasks", R"({"type":"stamp"})").as_object(), "id");
    }
    std::vector<double> ms;
    for (std::size_t i = 0; i < kTasks; ++i) {
      const auto task = api_->call("GET", "/api/tasks/" + ids[i] + "?wait=30");
      const auto& result = task.at("result");
      if (!result.is_object()) die("stamp failed: " + json::serialize(task));
      ms.push_back(get_double(result.as_object(), "mono_ms") - sent[i]);
    }
    std::sort(ms.begin(), ms.end());
    report("enqueue_to_start_p50", ms[ms.size() / 2], "ms");
    report("enqueue_to_start_p99", ms[ms.size() * 99 / 100], "ms");
  }

  std::string build_;
  std::string only_;
  const test::TempDir dir_;  ///< outlives the nodes
  const fs::path root_ = dir_.path();
  std::string plugins_;
  std::string url_;
  std::unique_ptr<Node> control_;
  std::unique_ptr<Node> worker_;
  std::unique_ptr<Api> api_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) die("usage: http_bench BUILD_DIR [NAME-PREFIX]");
  Bench(fs::absolute(argv[1]).string(), argc > 2 ? argv[2] : "").run();
  return 0;
}
