// The control role on an in-memory queue and store with a virtual clock, its routes called
// directly.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/conformance/memory_queue.hpp"
#include "core/control/control.hpp"
#include "core/control/fleet/fleet.hpp"
#include "core/control/tasks/tasks.hpp"
#include "core/net/guard.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {

class ControlTest : public testing::Test {
 protected:
  ControlTest() : control(queue, store, clock, config(), types()) {
    // The background services stay off, tests call their steps.
    EXPECT_TRUE(control.prepare());
    router = std::make_unique<net::Router>(control.routes());
  }

  static std::vector<ports::TaskType> types() {
    return {{"echo", "", "1.0.0", R"({"type":"object","additionalProperties":true})", 0},
            {"script", "", "1.0.0",
             R"({"type":"object","required":["script"],"properties":{"script":{"type":"string"},)"
             R"("interpreter":{"enum":["sh","bash"],"default":"sh"}}})",
             60'000}};
  }
  static config::Config config() {
    config::Config c;
    c.node.state_dir = folder->path();
    c.tasks.retention_days = 0;
    return c;
  }

  control::Tasks& tasks() { return control.feature<control::Tasks>(); }
  control::FleetRegistry& fleet() { return control.feature<control::Fleet>().registry; }
  control::WaitLists& waits() { return control.platform().waits; }

  net::HttpResponse call(const std::string& method, const std::string& path,
                         const std::string& body = {},
                         std::map<std::string, std::string> query = {}, int runs = 0,
                         std::map<std::string, std::string> headers = {}) {
    const auto match = router->match(method, path);
    if (match.route == nullptr) return net::HttpResponse::json("{}", 404);
    net::HttpRequest r;
    r.method = method;
    r.path = path;
    r.body = body;
    r.params = match.params;
    r.query = std::move(query);
    r.headers = std::move(headers);
    r.received_ms = clock.mono_ms();
    r.runs = runs;
    r.caller = caller;
    if (auto refused = net::check_worker(*match.route, r.params, r.caller))
      return std::move(*refused);
    if (auto refused = net::check_query(*match.route, r)) return std::move(*refused);
    if (auto refused = net::check_values(r.body, *match.route)) return std::move(*refused);
    return match.route->handler(r);
  }
  json::object api(const std::string& method, const std::string& path, const std::string& body = {},
                   int status = 200, std::map<std::string, std::string> query = {}) {
    const auto response = call(method, path, body, std::move(query));
    EXPECT_EQ(response.status, status) << response.body;
    const auto parsed = parse_json(response.body);
    EXPECT_TRUE(parsed) << response.body;
    return parsed && parsed->is_object() ? parsed->get_object() : json::object{};
  }

  /// What is not well, a line each.
  std::string unwell() {
    std::string out;
    for (const std::string& trouble : api::troubles_of(control.checks())) out += trouble + '\n';
    return out;
  }

  std::string submit(const std::string& body = R"({"type":"echo"})") {
    return get_string(api("POST", "/api/tasks", body, 201), "id");
  }
  api::Registration registration(const std::string& id, const std::string& incarnation = "i1") {
    api::Registration r;
    r.worker_id = id;
    r.incarnation = incarnation;
    r.site = "site-a";
    r.concurrency = 4;
    r.types = types();
    return r;
  }
  void enrol(const std::string& id, const std::string& incarnation = "i1") {
    api("POST", "/api/workers/register", api::encode(registration(id, incarnation)));
  }
  void beat(const std::string& id, const std::string& incarnation = "i1") {
    api("POST", "/api/workers/" + id + "/heartbeat", api::encode(api::Beat{id, incarnation}));
  }
  std::vector<model::ClaimedTask> claim(const std::string& id, std::uint32_t max = 10,
                                        const std::string& incarnation = "i1") {
    const auto response = call("POST", "/api/workers/" + id + "/claim",
                               api::encode(api::ClaimRequest{incarnation, max, 0, {}}));
    EXPECT_EQ(response.status, 200) << response.body;
    auto reply = api::decode_claim_reply(response.body);
    return reply ? std::move(reply->tasks) : std::vector<model::ClaimedTask>{};
  }
  model::Envelope envelope(const model::Lease& lease, const std::string& worker,
                           model::Outcome outcome = {model::OutcomeKind::kSucceeded, "{\"n\":1}"}) {
    model::Envelope e;
    e.lease = lease;
    e.worker_id = worker;
    e.incarnation = "i1";
    e.site = "site-a";
    e.idempotency_key = model::result_key(lease);
    e.created_ms = clock.wall_ms();
    e.payload = api::encode(outcome);
    return e;
  }
  std::string verdict_of(const model::Envelope& e, int status = 200) {
    const auto answer = api("POST", "/api/workers/results", api::encode(e), status);
    return status == 200 ? get_string(answer, "verdict") : get_string(answer, "code");
  }
  std::string status_of(const std::string& task) {
    return get_string(api("GET", "/api/tasks/" + task), "status");
  }

  static bool make_folder() {
    folder = std::make_unique<TempDir>();
    return true;
  }

  /// Of the test that runs.
  inline static std::unique_ptr<TempDir> folder;
  bool has_folder = make_folder();
  net::Caller caller{};  ///< who makes the next calls
  conformance::MemoryQueue queue;
  MemoryStore store;
  FakeClock clock;
  control::Control control;
  std::unique_ptr<net::Router> router;
};

}  // namespace skep::test
