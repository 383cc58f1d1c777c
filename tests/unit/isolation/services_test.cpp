// What a plugin gets from services, the same in this process and in children.
#include <sys/stat.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/base/gauges.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/net/http.hpp"
#include "core/plugin/adapters/task.hpp"
#include "core/plugin/services/secret_rules.hpp"
#include "skep/kind/task.h"
#include "tests/unit/isolation/support.hpp"

namespace skep::plugin {
namespace {

class Services : public testing::TestWithParam<const char*> {
 protected:
  Services() : plugin_(staging_.plugin("odd/services.so", "services")) {
    plugin_.per_task = mode() == "per-task";
    plugin_.limits.output_mb = 256;
  }
  static std::string mode() { return GetParam(); }

  TaskTarget& target() {
    if (target_) return *target_;
    if (mode() != "inproc") {
      auto group = ChildGroup::start(plugin_);
      if (!group) throw std::runtime_error(group.error().message);
      group_ = *group;
      target_ = group_->task_target();
      return *target_;
    }
    auto code = LoadedPlugin::load(facts_of(plugin_), plugin_.file);
    if (!code) throw std::runtime_error(code.error().message);
    auto instance = Instance::start(*code, "services", SKEP_KIND_TASK, "{}");
    if (!instance) throw std::runtime_error(instance.error().message);
    target_ = std::make_unique<InprocTarget>(static_cast<const skep_task_v1*>((*instance)->iface()),
                                             (*instance)->handle(), *instance, "services");
    return *target_;
  }

  /// As a task of the node runs, through its component.
  model::Outcome run(const std::string& how, const std::string& word = "") {
    if (!component_) {
      static_cast<void>(target());
      TaskComponent::Options options;
      options.plugin_id = "services";
      options.type.name = "services";
      component_.emplace(std::move(target_), std::move(options));
    }
    ports::RunRequest request;
    request.task.type = "services";
    request.task.lease.task_id = "task-5";
    JsonOut params;
    params.object().key("how").str(how).key("word").str(word).end_object();
    request.task.params = params.take();
    return component_->run(request, 0, cancel_, events_, nullptr).outcome;
  }

  std::string logged(const std::string& how, const std::string& word) {
    log::configure("json", "info");
    testing::internal::CaptureStderr();
    outcome_ = run(how, word);
    std::string lines = testing::internal::GetCapturedStderr();
    log::configure("text", "info");
    return lines;
  }

  Staging staging_;
  ChildPlugin plugin_;
  ports::CancelToken cancel_;
  std::mutex mutex_;  ///< several threads of a task may speak at once
  std::string out_;
  std::string err_;
  std::string progress_;
  std::string log_;
  ports::TaskEvents events_{[this](bool is_stderr, std::string_view bytes) {
                              const std::lock_guard lock(mutex_);
                              (is_stderr ? err_ : out_) += bytes;
                            },
                            [this](std::uint32_t, std::string_view note) {
                              const std::lock_guard lock(mutex_);
                              progress_ += std::string(note) + ";";
                            },
                            [this](std::string_view json) {
                              const std::lock_guard lock(mutex_);
                              log_ += json;
                            }};
  std::shared_ptr<ChildGroup> group_;
  std::unique_ptr<TaskTarget> target_;
  std::optional<TaskComponent> component_;
  model::Outcome outcome_;
};

INSTANTIATE_TEST_SUITE_P(Mode, Services, testing::Values("inproc", "process", "per-task"),
                         [](const auto& mode) {
                           std::string name = mode.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(Services, several_threads_of_a_task_may_speak_at_once) {
  EXPECT_EQ(run("shout", "5").result, "\"shouted\"");
  for (const std::string& line : split(out_, '\n')) {
    if (line.empty()) continue;
    // A child's pieces are at most a frame, each of them whole.
    if (mode() == "inproc") {
      EXPECT_EQ(line, std::string(100'000, line.front()));
    }
  }
  std::map<char, std::size_t> bytes;
  for (const char c : out_) ++bytes[c];
  for (const char c : {'a', 'b', 'c', 'd'}) EXPECT_EQ(bytes[c], 500'000U) << c;
}

TEST_P(Services, lines_of_a_call_bear_component_and_task) {
  const std::string lines = logged("tell", "half");
  EXPECT_EQ(outcome_.result, "\"told\"");
  EXPECT_EQ(progress_, "half;half;half;half;");
  for (const char* n : {"0", "1", "2", "3"}) {
    const std::size_t at = lines.find(std::string("\"n\":") + n);
    ASSERT_NE(at, std::string::npos) << lines;
    const std::string line = lines.substr(lines.rfind('\n', at) + 1, 400);
    EXPECT_NE(
        line.find(R"("level":"warn","event":"told","plugin":"services","component":"services",)"
                  R"("task_id":"task-5")"),
        std::string::npos)
        << line;
  }
}

TEST_P(Services, a_failure_may_be_told_on_any_thread) {
  const auto outcome = run("fail", "try later");
  EXPECT_TRUE(outcome.retryable);
  EXPECT_EQ(outcome.retry_after_ms, 5);
  EXPECT_EQ(member(outcome.error, "message"), "try later");
}

TEST_P(Services, a_wait_on_any_thread_ends_with_the_call) {
  std::promise<void> waits;
  events_.output = [&](bool, std::string_view) { waits.set_value(); };
  std::thread user([&] {
    waits.get_future().wait();
    cancel_.cancel(ports::CancelReason::kUser);
  });
  const auto outcome = run("wait");
  user.join();
  EXPECT_EQ(outcome.kind, model::OutcomeKind::kCancelled);
  EXPECT_EQ(member(outcome.error, "message"), "woken with 1");
}

TEST_P(Services, the_facts_of_the_node_are_known_from_the_constructor_on) {
  const auto facts = run("facts");
  EXPECT_EQ(member(facts.result, "node_id"), "worker-9");
  EXPECT_EQ(member(facts.result, "site"), "site-a");
  EXPECT_EQ(member(facts.result, "mode"), mode());
  EXPECT_EQ(member(facts.result, "plugin"), "services");
  EXPECT_EQ(member(facts.result, "version"), "1.2.3");
  const std::string folder = member(facts.result, "state_dir");
  EXPECT_EQ(folder, plugin_.state_dir + "/plugin-state/services");
  struct stat info {};
  ASSERT_EQ(::stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  EXPECT_EQ(run("none").result, "\"" + mode() + "\"");
}

TEST_P(Services, a_secret_is_nowhere_in_what_its_task_says) {
  const std::string value = "s3cret \"word\" \xc3\xa4";
  const std::string file = plugin_.state_dir + ".value";
  write_bytes(file, value + "\n");
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  set_secret_rules({{"db", {file, {"services"}}}});
  const std::string lines = logged("secret", "db");
  set_secret_rules({});
  EXPECT_EQ(out_, "a***bs3");
  EXPECT_EQ(err_, "***!");
  EXPECT_EQ(progress_, "***;");
  EXPECT_EQ(log_, R"({"said":"***"})");
  EXPECT_EQ(member(outcome_.result, "value"), "***");
  EXPECT_EQ(member(outcome_.error, "message"), "do not say ***");
  EXPECT_NE(lines.find(R"("said":"***")"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("s3cret"), std::string::npos) << lines;
}

TEST_P(Services, a_secret_is_for_those_whom_the_node_names) {
  set_secret_rules({{"db", {"/nowhere", {"other"}}}});
  const auto denied = run("secret", "db");
  set_secret_rules({});
  EXPECT_EQ(member(denied.error, "code"), "denied");
  EXPECT_NE(denied.error.find("[secrets.db] plugins"), std::string::npos) << denied.error;
  EXPECT_EQ(member(run("secret", "db").error, "code"), "not-found");
}

TEST_P(Services, several_threads_may_ask_for_secrets_at_once) {
  const std::string file = plugin_.state_dir + ".value";
  write_bytes(file, std::string(65'536, 'v'));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  set_secret_rules({{"db", {file, {"services"}}}});
  EXPECT_EQ(run("secrets", "db").result, "\"65536 65536 65536 65536 \"");
  set_secret_rules({});
}

TEST_P(Services, figures_come_home) {
  const std::string name = "of_" + mode().substr(0, 3);
  EXPECT_EQ(run("measure", name).result, "\"measured\"");
  std::map<std::string, double> ours;
  for (const gauges::Gauge& g : gauges::all())
    if (g.owner == "services") ours[g.name + (g.counts ? "+" : "=")] = g.value;
  EXPECT_EQ(ours[name + "+"], 8);
  EXPECT_EQ(ours[name + "_level="], 7);
}

TEST_P(Services, http_on_a_helper_thread_ends_with_the_call) {
  std::promise<void> entered;
  std::promise<void> release;
  std::vector<net::Route> routes;
  routes.push_back({"GET", "/slow", net::Right::kNone, 0, "", [&](const net::HttpRequest&) {
                      entered.set_value();
                      release.get_future().wait();
                      return net::HttpResponse::json("{}");
                    }});
  net::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  net::HttpServer server(options, net::Router(std::move(routes)));
  ASSERT_TRUE(server.start());
  std::thread user([&] {
    entered.get_future().wait();
    cancel_.cancel(ports::CancelReason::kUser);
  });
  const auto outcome = run("get", server.urls().at(0) + "/slow");
  user.join();
  release.set_value();
  EXPECT_EQ(outcome.kind, model::OutcomeKind::kCancelled) << outcome.error;
}

TEST_P(Services, a_program_runs_and_what_its_reader_throws_comes_out) {
  EXPECT_EQ(run("exec", "echo out; echo err >&2; exit 3").result, "3");
  EXPECT_EQ(out_, "out\n");
  EXPECT_EQ(err_, "err\n");
  EXPECT_EQ(member(run("exec_and_throw", "echo x; exec sleep 3600").error, "message"),
            "thrown by the reader");
}

TEST_P(Services, without_the_permission_there_is_no_service) {
  plugin_.permissions = {"kv"};
  for (const auto& [how, word] :
       {std::pair("exec", "process"), std::pair("get", "http"), std::pair("secret", "secrets")}) {
    const auto outcome = run(how, "x");
    EXPECT_EQ(member(outcome.error, "code"), "denied") << how;
    EXPECT_NE(
        member(outcome.error, "message").find("\"" + std::string(word) + "\" in its manifest"),
        std::string::npos)
        << outcome.error;
  }
}

}  // namespace
}  // namespace skep::plugin
