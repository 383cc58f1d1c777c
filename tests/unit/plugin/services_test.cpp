#include "core/plugin/services/host.hpp"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/gauges.hpp"
#include "core/base/log.hpp"
#include "core/net/http.hpp"
#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

TEST(PluginHost, gives_each_service_and_null_for_others) {
  const PluginHost host("acme");
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
  const PluginHost host("com.acme.hello");
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

TEST(MetricService, keeps_a_gauge_under_the_plugin_until_it_is_set_again) {
  PluginHost host("com.acme.gauges");
  const auto* service = static_cast<const skep_svc_metric_v1*>(
      host.handle()->service(host.handle(), SKEP_SVC_METRIC));
  ASSERT_EQ(service, &metric_service());
  service->set_gauge(host.handle(), to_view("depth"), 1);
  service->set_gauge(host.handle(), to_view("depth"), 2);
  service->set_gauge(host.handle(), to_view("no name"), 3);
  host.entomb();
  service->set_gauge(host.handle(), to_view("depth"), 4);
  std::vector<std::pair<std::string, double>> ours;
  for (const gauges::Gauge& g : gauges::all())
    if (g.owner == "com.acme.gauges") ours.emplace_back(g.name, g.value);
  EXPECT_EQ(ours, (std::vector<std::pair<std::string, double>>{{"depth", 2}}));
}

constexpr std::int64_t kLong = 600'000;  ///< ms: longer than any machine needs

struct Reply {
  std::string body;
  std::int32_t status = 0;
  skep_rc rc = 0;
  std::string error;
};

Reply request(const skep_http_request& in) {
  const PluginHost host("acme");
  Reply reply;
  const skep_sink sink{&reply.body, [](void* to, skep_view bytes) {
                         static_cast<std::string*>(to)->append(text(bytes));
                         return SKEP_OK;
                       }};
  ErrBuffer err;
  reply.rc = http_service().request(host.handle(), &in, &reply.status, &sink, err.out());
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

TEST(HttpService, gives_up_when_the_task_of_its_thread_is_cancelled) {
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
  const std::string url = server.urls().at(0) + "/slow";
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  TaskCall call("acme", 0, cancel, events);
  std::thread operator_thread([&] {
    entered.get_future().wait();
    cancel.cancel(ports::CancelReason::kUser);
  });
  const Reply reply =
      request({sizeof(skep_http_request), 0, to_view("GET"), to_view(url), nullptr, {}, kLong});
  operator_thread.join();
  release.set_value();
  EXPECT_EQ(reply.rc, SKEP_E_CANCELLED) << reply.error;
}

TEST(CleanText, replaces_what_is_not_utf8) {
  EXPECT_EQ(clean_text(to_view("plain \"quoted\" \n text")), "plain \"quoted\" \n text");
  EXPECT_EQ(clean_text(to_view("gr\xc3\xbc\xc3\x9f \\ \xff!")),
            "gr\xc3\xbc\xc3\x9f \\ \xef\xbf\xbd!");
  EXPECT_EQ(clean_text({nullptr, 0}), "");
}

}  // namespace
}  // namespace skep::plugin
