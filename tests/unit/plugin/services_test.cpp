#include "core/plugin/services/host.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/gauges.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/net/http.hpp"
#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/view.hpp"
#include "core/proc/monotonic.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::plugin {
namespace {

TEST(PluginHost, gives_each_service_and_null_for_others) {
  const PluginHost host(PluginFacts{.id = "acme"});
  const skep_host* handle = host.handle();
  EXPECT_EQ(handle->size, sizeof(skep_host));
  EXPECT_EQ(handle->service(handle, SKEP_SVC_LOG), &log_service());
  EXPECT_EQ(handle->service(handle, SKEP_SVC_HTTP), &http_service());
  EXPECT_NE(handle->service(handle, SKEP_SVC_PROCESS), nullptr);
  EXPECT_EQ(handle->service(handle, "skep.svc.log/2"), nullptr);
  EXPECT_EQ(handle->service(handle, "skep.svc.log/1x"), nullptr);
  EXPECT_EQ(handle->service(handle, nullptr), nullptr);
  EXPECT_EQ(&PluginHost::of(handle), &host);
}

TEST(LogService, lines_carry_the_plugin) {
  const PluginHost host(PluginFacts{.id = "com.acme.hello"});
  log::configure("json", "info");
  testing::internal::CaptureStderr();
  log_service().write(host.handle(), SKEP_LOG_WARN, to_view("disk_full"), to_view(R"({"pct":97})"));
  log_service().write(host.handle(), 99, to_view("caf\xe9"), to_view("no json"));
  const std::string out = testing::internal::GetCapturedStderr();
  log::configure("text", "info");
  EXPECT_NE(out.find(R"("level":"warn","event":"disk_full","plugin":"com.acme.hello","pct":97})"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("\"level\":\"error\",\"event\":\"caf\xef\xbf\xbd\""), std::string::npos)
      << out;
  EXPECT_NE(out.find("no json"), std::string::npos) << out;
}

TEST(MetricService, keeps_gauges_and_counters_under_the_plugin) {
  PluginHost host(PluginFacts{.id = "com.acme.gauges"});
  const auto* service = static_cast<const skep_svc_metric_v1*>(
      host.handle()->service(host.handle(), SKEP_SVC_METRIC));
  ASSERT_EQ(service, &metric_service());
  service->set_gauge(host.handle(), to_view("depth"), 1);
  service->set_gauge(host.handle(), to_view("depth"), 2);
  service->set_gauge(host.handle(), to_view("no name"), 3);
  service->add(host.handle(), to_view("seen"), 2);
  service->add(host.handle(), to_view("seen"), 0.5);
  service->add(host.handle(), to_view("seen"), -1);
  service->add(host.handle(), to_view("seen"), std::numeric_limits<double>::quiet_NaN());
  service->add(host.handle(), to_view("depth"), 1);       // is a gauge
  service->set_gauge(host.handle(), to_view("seen"), 0);  // is a counter
  host.entomb();
  service->set_gauge(host.handle(), to_view("depth"), 4);
  std::vector<std::pair<std::string, double>> ours;
  for (const gauges::Gauge& g : gauges::all())
    if (g.owner == "com.acme.gauges") ours.emplace_back(g.name, g.value);
  EXPECT_EQ(ours, (std::vector<std::pair<std::string, double>>{{"depth", 2}, {"seen", 2.5}}));
}

TEST(NodeService, every_version_of_a_plugin_has_the_same_folder) {
  const test::TempDir dir;
  const auto ask = [&](const char* version, std::uint64_t generation, const std::string& state) {
    const PluginHost host(PluginFacts{
        .id = "com.acme.state", .version = version, .generation = generation, .state_dir = state});
    std::string text;
    const skep_sink sink{&text, [](void* to, skep_view bytes) {
                           static_cast<std::string*>(to)->append(plugin::text(bytes));
                           return SKEP_OK;
                         }};
    ErrBuffer err;
    const skep_rc rc = node_service().facts(host.handle(), &sink, err.out());
    return rc == SKEP_OK ? get_string(parse_json(text)->get_object(), "state_dir")
                         : err.status(rc).error().message;
  };
  const std::string folder = ask("1.0.0", 1, dir.path());
  EXPECT_EQ(folder, dir.path() + "/plugin-state/com.acme.state");
  std::ofstream(folder + "/kept") << "by 1.0.0";
  EXPECT_EQ(ask("2.0.0", 2, dir.path()), folder) << "an upgrade";
  EXPECT_EQ(ask("1.0.0", 3, dir.path()), folder) << "a roll-back";
  EXPECT_EQ(read_file(folder + "/kept"), "by 1.0.0");
  EXPECT_EQ(ask("1.0.0", 1, ""), "") << "a host that keeps nothing";
  std::filesystem::remove_all(folder);
  std::filesystem::create_symlink("/tmp", folder);
  EXPECT_NE(ask("1.0.0", 4, dir.path()).find("use the folder"), std::string::npos)
      << "what a link leads to is not ours";
}

constexpr std::int64_t kLong = 600'000;  ///< ms: longer than any machine needs

struct Reply {
  std::string body;
  std::int32_t status = 0;
  skep_rc rc = 0;
  std::string error;
};

Reply request(const skep_http_request& in, skep_call* call = nullptr) {
  const PluginHost host(PluginFacts{.id = "acme", .permissions = {"http"}});
  Reply reply;
  const skep_sink sink{&reply.body, [](void* to, skep_view bytes) {
                         static_cast<std::string*>(to)->append(text(bytes));
                         return SKEP_OK;
                       }};
  ErrBuffer err;
  reply.rc = http_service().request(host.handle(), call, &in, &reply.status, &sink, err.out());
  if (const Status status = err.status(reply.rc); !status) reply.error = status.error().message;
  return reply;
}

TEST(HttpService, brings_status_and_body) {
  net::Route route{"POST", "/echo", net::Right::kNone, 1024, "echo", [](const net::HttpRequest& r) {
                     return net::HttpResponse::json(std::string(r.header("x-a")) + r.body, 201);
                   }};
  net::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  std::vector<net::Route> routes;
  routes.push_back(std::move(route));
  net::HttpServer server(options, net::Router(std::move(routes)));
  ASSERT_TRUE(server.start());
  const std::string url = server.urls().at(0) + "/echo";
  const std::array headers{to_view("X-A: one"), to_view("Content-Type: application/json")};
  const Reply reply = request({sizeof(skep_http_request), 2, to_view("POST"), to_view(url),
                               headers.data(), to_view("[2]"), kLong});
  EXPECT_EQ(reply.rc, SKEP_OK) << reply.error;
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, "one[2]");
}

TEST(HttpService, says_what_went_wrong) {
  const Reply away = request({sizeof(skep_http_request),
                              0,
                              to_view("GET"),
                              to_view("http://127.0.0.1:1/"),
                              nullptr,
                              {},
                              kLong});
  EXPECT_EQ(away.rc, SKEP_E_UNAVAILABLE);
  EXPECT_FALSE(away.error.empty());
  EXPECT_EQ(request({8, 0, {}, {}, nullptr, {}, 0}).rc, SKEP_E_INVALID);
  EXPECT_LT(
      request({sizeof(skep_http_request), 0, {}, to_view("file:///etc/passwd"), nullptr, {}, 1000})
          .rc,
      0);
}

TEST(HttpService, takes_no_more_than_16_MiB) {
  std::size_t bytes = 16u << 20;
  std::vector<net::Route> routes;
  routes.push_back({"GET", "/big", net::Right::kNone, 0, "", [&](const net::HttpRequest&) {
                      return net::HttpResponse::json(std::string(bytes, 'x'));
                    }});
  net::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  net::HttpServer server(options, net::Router(std::move(routes)));
  ASSERT_TRUE(server.start());
  const std::string url = server.urls().at(0) + "/big";
  const skep_http_request in{
      sizeof(skep_http_request), 0, to_view("GET"), to_view(url), nullptr, {}, kLong};
  EXPECT_EQ(request(in).body.size(), bytes);
  ++bytes;
  EXPECT_EQ(request(in).rc, SKEP_E_UNSUPPORTED);
}

/// A server whose one answer comes when the test says so.
class SlowServer {
 public:
  SlowServer() {
    std::vector<net::Route> routes;
    routes.push_back({"GET", "/slow", net::Right::kNone, 0, "", [this](const net::HttpRequest&) {
                        if (!told_.exchange(true)) entered_.set_value();
                        released_.wait();
                        return net::HttpResponse::json("{}");
                      }});
    net::ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    server_.emplace(options, net::Router(std::move(routes)));
    if (!server_->start()) throw std::runtime_error("no server");
    url_ = server_->urls().at(0) + "/slow";
  }
  ~SlowServer() { release_.set_value(); }
  skep_http_request ask(std::int64_t timeout_ms) const {
    return {sizeof(skep_http_request), 0, to_view("GET"), to_view(url_), nullptr, {}, timeout_ms};
  }
  void wait_entered() { entered_.get_future().wait(); }

 private:
  std::atomic<bool> told_{false};
  std::promise<void> entered_;
  std::promise<void> release_;
  std::shared_future<void> released_{release_.get_future().share()};
  std::string url_;
  std::optional<net::HttpServer> server_;
};

TEST(HttpService, gives_up_when_its_call_is_cancelled_on_whatever_thread) {
  SlowServer server;
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  TaskCall call("acme", 0, cancel, events);
  for (const std::int64_t timeout : {kLong, std::int64_t{0}}) {
    Reply reply;
    std::thread helper([&] { reply = request(server.ask(timeout), call.handle()); });
    if (timeout == kLong) server.wait_entered();
    cancel.cancel(ports::CancelReason::kUser);
    helper.join();
    EXPECT_EQ(reply.rc, SKEP_E_CANCELLED) << reply.error;
  }
}

TEST(HttpService, a_time_out_of_the_exchange_may_go_better_and_one_of_the_call_not) {
  SlowServer server;
  EXPECT_EQ(request(server.ask(1)).rc, SKEP_E_UNAVAILABLE);
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  TaskCall in_time("acme", proc::monotonic_ms() + kLong, cancel, events);
  EXPECT_EQ(request(server.ask(1), in_time.handle()).rc, SKEP_E_UNAVAILABLE);
  for (const std::int64_t timeout : {kLong, std::int64_t{0}}) {
    ports::CancelToken own;
    TaskCall late("acme", proc::monotonic_ms() + 1, own, events);
    EXPECT_EQ(request(server.ask(timeout), late.handle()).rc, SKEP_E_DEADLINE) << timeout;
  }
}

TEST(Permissions, each_service_of_consequence_needs_one) {
  const PluginHost host(PluginFacts{.id = "acme", .permissions = {"kv"}});
  ErrBuffer err;
  const skep_http_request in{};
  const skep_rc rc =
      http_service().request(host.handle(), nullptr, &in, nullptr, nullptr, err.out());
  EXPECT_EQ(rc, SKEP_E_DENIED);
  EXPECT_EQ(err.status(rc).error().message,
            "plugin acme uses skep.svc.http/1 without the permission \"http\" in its manifest; "
            "next: add it to \"permissions\" of the component in plugin.json, and build again");
  EXPECT_EQ(process_service().run(host.handle(), nullptr, nullptr, nullptr, nullptr, err.out()),
            SKEP_E_DENIED);
  EXPECT_EQ(task_service().run(host.handle(), nullptr, {}, {}, nullptr, err.out()), SKEP_E_DENIED);
  EXPECT_EQ(secret_service().get(host.handle(), nullptr, {}, nullptr, err.out()), SKEP_E_DENIED);
  for (const char* free : {SKEP_SVC_LOG, SKEP_SVC_METRIC, SKEP_SVC_KV, SKEP_SVC_NODE})
    EXPECT_TRUE(host.admit(free)) << free;
}

TEST(CleanText, replaces_what_is_not_utf8) {
  EXPECT_EQ(clean_text(to_view("plain \"quoted\" \n text")), "plain \"quoted\" \n text");
  EXPECT_EQ(clean_text(to_view("gr\xc3\xbc\xc3\x9f \\ \xff!")),
            "gr\xc3\xbc\xc3\x9f \\ \xef\xbf\xbd!");
  EXPECT_EQ(clean_text({nullptr, 0}), "");
}

}  // namespace
}  // namespace skep::plugin
