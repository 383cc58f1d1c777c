// The fake host that authors test with: what it captures, answers and cancels.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "skep/http.hpp"
#include "skep/node.hpp"
#include "skep/process.hpp"
#include "skep/secret.hpp"
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
                ->request(skep::host(), call.handle(), &http, &status, &sink, err.out()));
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

/// A service of the real host refuses the same.
class FakeKv : public ::testing::Test {
 protected:
  ~FakeKv() override { skep_fake_host_free(host_); }
  skep_rc put(std::string_view key, std::string_view value) {
    return kv_->put(handle_, nullptr, skep::view(key), skep::view(value), nullptr);
  }
  std::string get(std::string_view key) {
    std::string out;
    const skep_sink sink{&out, append};
    const skep_rc rc = kv_->get(handle_, nullptr, skep::view(key), &sink, nullptr);
    return rc == SKEP_OK ? out : std::to_string(rc);
  }
  std::string keys() {
    std::string out;
    const skep_sink sink{&out, [](void* ctx, skep_view key) {
                           append(ctx, key);
                           return append(ctx, skep::view(" "));
                         }};
    EXPECT_EQ(kv_->keys(handle_, nullptr, &sink, nullptr), SKEP_OK);
    return out;
  }

  skep_fake_host* host_ = skep_fake_host_new();
  const skep_host* handle_ = skep_fake_host_handle(host_);
  const skep_svc_kv_v1* kv_ =
      static_cast<const skep_svc_kv_v1*>(handle_->service(handle_, SKEP_SVC_KV));
};

TEST_F(FakeKv, keeps_any_bytes_and_gives_keys_in_order) {
  using namespace std::string_literals;
  for (const char* key : {"b", "a", "c", "b1"}) EXPECT_EQ(put(key, "one\0two"s), SKEP_OK);
  EXPECT_EQ(get("b"), "one\0two"s);
  EXPECT_EQ(put("b", "new"), SKEP_OK);
  EXPECT_EQ(get("b"), "new");
  EXPECT_EQ(keys(), "a b b1 c ");
  EXPECT_EQ(kv_->remove(handle_, nullptr, skep::view("b"), nullptr), SKEP_OK);
  EXPECT_EQ(kv_->remove(handle_, nullptr, skep::view("b"), nullptr), SKEP_OK);
  EXPECT_EQ(get("b"), std::to_string(SKEP_E_NOT_FOUND));
}

TEST_F(FakeKv, has_the_limits_of_the_real_one) {
  for (const std::string& key : {std::string(), std::string(129, 'k'), std::string("a/b")}) {
    EXPECT_EQ(put(key, "v"), SKEP_E_INVALID) << key;
    EXPECT_EQ(get(key), std::to_string(SKEP_E_INVALID)) << key;
    EXPECT_EQ(kv_->remove(handle_, nullptr, skep::view(key), nullptr), SKEP_E_INVALID) << key;
  }
  EXPECT_EQ(put("k", std::string((64u << 10) + 1, 'v')), SKEP_E_INVALID);
  EXPECT_EQ(put(std::string(128, 'k'), std::string(64u << 10, 'v')), SKEP_OK);
  for (int i = 1; i < 1000; ++i) EXPECT_EQ(put("k" + std::to_string(i), ""), SKEP_OK);
  EXPECT_EQ(put("one.more", ""), SKEP_E_NO_MEMORY);
  EXPECT_EQ(put("k1", "again"), SKEP_OK);
}

TEST_F(FakeKv, gives_values_that_another_thread_replaces) {
  const std::string values[] = {std::string(20'000, 'x'), std::string(60'000, 'y')};
  ASSERT_EQ(put("k", values[0]), SKEP_OK);
  std::thread writer([&] {
    for (std::size_t i = 0; i < 500; ++i) {
      put("k", values[i % 2]);
      kv_->remove(handle_, nullptr, skep::view("other"), nullptr);
      put("other", "o");
    }
  });
  for (int i = 0; i < 500; ++i) {
    const std::string got = get("k");
    EXPECT_TRUE(got == values[0] || got == values[1]) << got.size();
    EXPECT_TRUE(keys().starts_with("k "));
  }
  writer.join();
}

TEST(FakeCall, answers_as_the_real_host_does) {
  skep_fake_call* call = skep_fake_call_new();
  skep_call* handle = skep_fake_call_handle(call);
  const skep_call_ops& ops = *handle->ops;
  EXPECT_EQ(ops.emit(handle, SKEP_CH_ARTIFACT, skep::view("x")), SKEP_E_UNSUPPORTED);
  EXPECT_EQ(ops.emit(handle, SKEP_CH_ARTIFACT + 1, skep::view("x")), SKEP_E_UNSUPPORTED);
  EXPECT_STREQ(skep_fake_call_result(call)->logs,
               "warn channel_unsupported {\"hint\":\"skep.svc.artifact/1\"}\n");
  EXPECT_EQ(ops.emit(handle, SKEP_CH_RESULT, skep::view("1")), SKEP_OK);
  const std::string big(4u << 20, ' ');
  EXPECT_EQ(ops.emit(handle, SKEP_CH_RESULT, skep::view(big)), SKEP_OK);
  EXPECT_EQ(ops.emit(handle, SKEP_CH_RESULT, skep::view(big + "1")), SKEP_E_INVALID);
  EXPECT_STREQ(skep_fake_call_result(call)->result, "");
  EXPECT_EQ(ops.fail(handle, 7, 0, skep::view("odd")), SKEP_E_INTERNAL);
  EXPECT_EQ(ops.progress(handle, 1001, skep::view("")), SKEP_E_INVALID);
  skep_fake_call_cancel(call, SKEP_CANCEL_USER);
  EXPECT_EQ(ops.progress(handle, 10, skep::view("still")), SKEP_OK);
  EXPECT_EQ(ops.emit(handle, SKEP_CH_STDOUT, skep::view("x")), SKEP_E_CANCELLED);
  skep_fake_call_free(call);
}

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
  EXPECT_EQ(skep_fake_call_handle(call)->ops->cancelled(skep_fake_call_handle(call)),
            SKEP_CANCEL_SHUTDOWN);
  skep_fake_call_free(call);
  skep_fake_stop(plugin);
}

TEST(Testkit, AnswersTheWrappers) {
  Plugin plugin;
  skep_fake_http_reply(plugin.host(), "a/b", 201, "made");
  const HttpResponse made = send({.url = "http://a/b", .method = "POST", .body = "x"});
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body, "made");
  EXPECT_THROW(send({.url = "http://a/b", .max_body = 3}), Fault);
  skep_fake_process_reply(plugin.host(), "ls", 2, "out", "err");
  std::string said;
  const auto take = [&](std::uint32_t channel, std::string_view bytes) {
    said += std::to_string(channel) + std::string(bytes);
    return SKEP_OK;
  };
  EXPECT_EQ((Process{.argv = {"/bin/ls", "-l"}}.run(nullptr, take).exit_code), 2);
  EXPECT_EQ(said, "1out2err");
  EXPECT_THROW((Process{.argv = {"nothing"}}.run(nullptr)), Fault);
  const auto refuse = [](std::uint32_t, std::string_view) -> skep_rc {
    throw std::logic_error("x");
  };
  EXPECT_THROW((Process{.argv = {"ls"}}.run(nullptr, refuse)), std::logic_error);
  skep_fake_secret(plugin.host(), "db", "hidden");
  EXPECT_EQ(secret("db"), "hidden");
  EXPECT_THROW(secret("other"), Fault);
  EXPECT_EQ(node_facts().mode, "check");
  skep_fake_facts(plugin.host(), R"({"node_id":"n1","state_dir":"/var/x"})");
  EXPECT_EQ(node_facts().node_id, "n1");
  EXPECT_EQ(node_facts().state_dir, "/var/x");
  EXPECT_STREQ(skep_fake_requests(plugin.host()),
               "POST http://a/b x\nGET http://a/b \n/bin/ls -l\nnothing\nls\nsecret db\n"
               "secret other\n");
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
