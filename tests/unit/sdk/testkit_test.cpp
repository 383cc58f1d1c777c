// The fake host that authors test with: what it captures, answers and cancels.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/process.h"
#include "skep/svc/task.h"
#include "skep/task.hpp"
#include "skep/testkit.hpp"

namespace {

skep_rc append(void* ctx, skep_view bytes) {
  static_cast<std::string*>(ctx)->append(skep::text(bytes));
  return SKEP_OK;
}

std::string all_services(skep::Call& call) {
  std::string out;
  const skep_sink sink{&out, append};
  skep::HostError err;
  std::int32_t status = 0;
  skep_http_request http{sizeof(http), 0, skep::view("GET"), skep::view("http://a/b"), nullptr,
                         {},           0};
  err.check(skep::service<skep_svc_http_v1>(SKEP_SVC_HTTP)
                ->request(skep::host(), &http, &status, &sink, err.out()));
  out += std::to_string(status);
  const auto* kv = skep::service<skep_svc_kv_v1>(SKEP_SVC_KV);
  err.check(kv->put(skep::host(), call.handle(), skep::view("k2"), skep::view("v2"), err.out()));
  err.check(kv->keys(skep::host(), call.handle(), &sink, err.out()));
  err.check(skep::service<skep_svc_task_v1>(SKEP_SVC_TASK)
                ->run(skep::host(), call.handle(), skep::view("other"), skep::view("{}"), &sink,
                      err.out()));
  const skep_view argv[] = {skep::view("/bin/df"), skep::view("-k")};
  skep_process_spec spec{};
  spec.size = sizeof(spec);
  spec.argc = 2;
  spec.argv = argv;
  skep_process_exit exit{};
  exit.size = sizeof(exit);
  const skep_process_output output{
      &out, [](void* ctx, std::uint32_t, skep_view bytes) { return append(ctx, bytes); }};
  err.check(skep::service<skep_svc_process_v1>(SKEP_SVC_PROCESS)
                ->run(skep::host(), call.handle(), &spec, &output, &exit, err.out()));
  return out + std::to_string(exit.exit_code);
}

struct Probe : skep::Task {
  skep_rc run(skep::Call& call) override {
    const std::string how(call.params()["how"].str());
    if (how == "services") return call.result(all_services(call));
    if (how == "throw") throw skep::Fault(SKEP_E_BUSY, "in use", 250);
    if (how == "wait")
      return call.wait_until(call.deadline_ns()) ? 0 : call.fail(SKEP_E_CANCELLED, "woken");
    if (how == "emit")
      while (call.out("x") == SKEP_OK) {
      }
    call.err("to stderr");
    call.progress(500, "half");
    call.emit(SKEP_CH_LOG, R"({"level":"info"})");
    skep::log(SKEP_LOG_WARN, "slow", R"({"s":1})");
    return call.result(skep::Json::object({{"how", how}}));
  }
};

}  // namespace

SKEP_TASK_PLUGIN(Probe)

namespace skep::testkit {
namespace {

TEST(Testkit, CapturesWhatATaskSays) {
  Plugin plugin;
  const auto run = plugin.run({{"how", "x"}});
  EXPECT_EQ(run.rc, SKEP_OK);
  EXPECT_EQ(run.err, "to stderr");
  EXPECT_EQ(run.permille, 500u);
  EXPECT_EQ(run.note, "half");
  EXPECT_EQ(run.logs, "{\"level\":\"info\"}\n");
  EXPECT_EQ(run.json()["how"].str(), "x");
  EXPECT_STREQ(skep_fake_log(plugin.host()), "warn slow {\"s\":1}\n");
}

TEST(Testkit, CapturesAFailure) {
  const auto run = Plugin().run({{"how", "throw"}});
  EXPECT_EQ(run.rc, SKEP_E_BUSY);
  EXPECT_EQ(run.message, "in use");
  EXPECT_EQ(run.retry_ms, 250u);
}

TEST(Testkit, AnswersForTheServices) {
  Plugin plugin;
  EXPECT_EQ(plugin.run({{"how", "services"}}).rc, SKEP_E_UNAVAILABLE);
  skep_fake_http_reply(plugin.host(), "http://a", 404, "gone");
  skep_fake_kv_set(plugin.host(), "k1", "v1");
  skep_fake_task_reply(plugin.host(), "other", SKEP_OK, "{}");
  skep_fake_process_reply(plugin.host(), "/df", 3, "out", "err");
  EXPECT_EQ(plugin.run({{"how", "services"}}).json().str(), "gone404k1k2{}outerr3");
  EXPECT_STREQ(skep_fake_kv_get(plugin.host(), "k2"), "v2");
  EXPECT_NE(std::string(skep_fake_requests(plugin.host())).find("/bin/df -k\n"), std::string::npos);
  skep_fake_task_reply(plugin.host(), "other", SKEP_E_DENIED, "no");
  EXPECT_EQ(plugin.run({{"how", "services"}}).message, "no");
}

TEST(Testkit, CancelsAtAnOutputAndAtTheDeadline) {
  Plugin plugin;
  EXPECT_EQ(plugin.run({{"how", "emit"}}, {.at_emit = 3}).out, "xxx");
  EXPECT_EQ(plugin.run({{"how", "wait"}}, {.deadline_ms = 20}).message, "woken");
  EXPECT_EQ(plugin.run({{"how", "wait"}}, {.cancelled = SKEP_CANCEL_USER}).rc, SKEP_E_CANCELLED);
}

TEST(Testkit, CancelsFromAnotherThread) {
  skep_fake_component* plugin = skep_fake_start(skep_plugin_entry_v1(), "probe", "{}");
  skep_fake_call* call = skep_fake_call_new();
  std::thread other([call] { skep_fake_call_cancel(call, SKEP_CANCEL_SHUTDOWN); });
  EXPECT_EQ(skep_fake_run_call(plugin, call, R"({"how":"emit"})")->rc, SKEP_OK);
  other.join();
  EXPECT_EQ(skep_fake_call_ops()->cancelled(skep_fake_call_handle(call)), SKEP_CANCEL_SHUTDOWN);
  skep_fake_call_free(call);
  skep_fake_stop(plugin);
}

TEST(Testkit, HidesServices) {
  Plugin plugin;
  skep_fake_hide_service(plugin.host(), SKEP_SVC_LOG);
  EXPECT_EQ(skep::service<skep_svc_log_v1>(SKEP_SVC_LOG), nullptr);
  EXPECT_NE(skep::service<skep_svc_http_v1>(SKEP_SVC_HTTP), nullptr);
}

TEST(Testkit, CountsFailedChecks) {
  EXPECT_EQ(skep_check_failures(), 0);
  SKEP_CHECK(1 == 1);
  SKEP_CHECK_EQ("a", "a");
  EXPECT_EQ(skep_check_failures(), 0);
  SKEP_CHECK(1 == 2);
  SKEP_CHECK_EQ("a", "b");
  EXPECT_EQ(skep_check_failures(), 2);
}

}  // namespace
}  // namespace skep::testkit
