// The registry behind its routes, on a store in memory and a virtual clock.
#pragma once

#include "core/base/base64.hpp"
#include "tests/unit/control/bundle.hpp"

namespace skep::test {

class RegistryTest : public ControlTest {
 protected:
  static std::string publication(const std::string& version, const std::string& more = "",
                                 const std::string& text = "") {
    return R"({"kind":"script","name":"echo","version":")" + version + R"(","content":")" +
           base64_encode(text.empty() ? "script " + version : text) + "\"" + more + "}";
  }
  json::object publish(const std::string& version, const std::string& more = "", int status = 201) {
    return api("POST", "/api/registry/releases", publication(version, more), status);
  }
  std::string code(const std::string& body, int status) {
    return get_string(api("POST", "/api/registry/releases", body, status), "code");
  }
  std::string version_for(const std::string& worker) {
    const auto list = api("GET", "/api/workers/" + worker + "/releases");
    const auto& items = list.at("items").as_array();
    return items.empty() ? "" : get_string(items.at(0).as_object(), "version");
  }
  json::object newest() {
    const auto document = api("GET", "/api/registry/releases/echo");
    return document.at("releases").as_array().at(0).as_object();
  }
  /// `worker` says in a beat what it has of the release.
  void report(const std::string& worker, const std::string& state, const std::string& reason = "") {
    ::skep::api::Beat b{worker, "i1"};
    b.releases.revision = get_int(newest(), "release");
    b.releases.items.push_back(
        {::skep::api::ReleaseKind::kScript, "echo", get_string(newest(), "sha256"), state, reason});
    api("POST", "/api/workers/" + worker + "/heartbeat", ::skep::api::encode(b));
  }
  /// One task of type "echo" that `worker` has begun.
  model::Lease begin_task(const std::string& worker) {
    submit(R"({"type":"echo","worker_id":")" + worker + "\"}");
    const auto tasks = claim(worker, 1);
    EXPECT_EQ(tasks.size(), 1u);
    return tasks.empty() ? model::Lease{} : tasks[0].lease;
  }
  /// Its result comes in; the worker's clock is `ahead` of ours.
  void end_task(const model::Lease& lease, const std::string& worker, bool ok,
                std::int64_t ahead = 0) {
    model::Outcome outcome;
    outcome.kind = ok ? model::OutcomeKind::kSucceeded : model::OutcomeKind::kFailed;
    auto e = envelope(lease, worker, outcome);
    e.created_ms += ahead;
    verdict_of(e);
  }
  /// Counts what ended, then judges.
  void round() {
    ASSERT_TRUE(control.reconciler().step(1'000));
    ASSERT_TRUE(fleet().round());
  }
  void run_task(const std::string& worker, bool ok) { end_task(begin_task(worker), worker, ok); }
  std::int64_t rows(const std::string& table) {
    return ports::as_int(store.query({"SELECT count(*) FROM " + table})->at(0).at(0));
  }
  std::string other_than(const std::string& canary) { return canary == "w1" ? "w2" : "w1"; }
  std::string canary() { return std::string(newest().at("canaries").as_array().at(0).as_string()); }
};

}  // namespace skep::test
