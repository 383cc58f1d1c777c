// The registry behind its routes, on a store in memory and a virtual clock.
#include "core/base/base64.hpp"
#include "tests/unit/control/bundle.hpp"

namespace skep::test {
namespace {

class RegistryTest : public ControlTest {
 protected:
  static std::string publication(const std::string& version, const std::string& more = "",
                                 const std::string& text = "") {
    return R"({"kind":"script","name":"echo","version":")" + version + R"(","content":")" +
           base64_encode(text.empty() ? "script " + version : text) + "\"" + more + "}";
  }
  json::object publish(const std::string& version, const std::string& more = "", int status = 201) {
    return api("POST", "/api/registry/artifacts", publication(version, more), status);
  }
  std::string code(const std::string& body, int status) {
    return get_string(api("POST", "/api/registry/artifacts", body, status), "code");
  }
  std::string version_for(const std::string& worker) {
    const auto list = api("GET", "/api/workers/" + worker + "/artifacts");
    const auto& items = list.at("items").as_array();
    return items.empty() ? "" : get_string(items.at(0).as_object(), "version");
  }
  json::object newest() {
    const auto document = api("GET", "/api/registry/artifacts/echo");
    return document.at("releases").as_array().at(0).as_object();
  }
  /// `worker` says in a beat what it has of the release.
  void report(const std::string& worker, const std::string& state, const std::string& reason = "") {
    ::skep::api::Beat b{worker, "i1"};
    b.artifacts.items.push_back({::skep::api::ArtifactKind::kScript, "echo",
                                 get_string(newest(), "sha256"), state, reason});
    api("POST", "/api/workers/" + worker + "/heartbeat", ::skep::api::encode(b));
  }
  /// One task of type "echo" on `worker` that ends so.
  void run_task(const std::string& worker, bool ok) {
    submit(R"({"type":"echo","worker_id":")" + worker + "\"}");
    const auto tasks = claim(worker, 1);
    ASSERT_EQ(tasks.size(), 1u);
    model::Outcome outcome;
    outcome.kind = ok ? model::OutcomeKind::kSucceeded : model::OutcomeKind::kFailed;
    verdict_of(envelope(tasks[0].lease, worker, outcome));
  }
  std::string other_than(const std::string& canary) { return canary == "w1" ? "w2" : "w1"; }
  std::string canary() { return std::string(newest().at("canaries").as_array().at(0).as_string()); }
};

TEST_F(RegistryTest, a_release_reaches_the_workers_of_its_sites) {
  enrol("w1");
  publish("1.0.0", R"(,"sites":["site-b"])");
  EXPECT_EQ(version_for("w1"), "");
  publish("1.1.0", R"(,"sites":["site-a","site-b"])");
  EXPECT_EQ(version_for("w1"), "1.1.0");
  api("POST", "/api/registry/artifacts/echo/rollback");
  EXPECT_EQ(version_for("w1"), "");
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
}

TEST_F(RegistryTest, the_same_again_changes_nothing_and_the_same_version_may_not_change) {
  const auto first = publish("1.0.0");
  const auto again = publish("1.0.0", "", 200);
  EXPECT_TRUE(get_bool(again, "existed"));
  EXPECT_EQ(get_int(again, "release"), get_int(first, "release"));
  EXPECT_EQ(code(publication("1.0.0", "", "other"), 409), "version-exists");
  publish("1.1.0");
  publish("1.0.0");
  EXPECT_EQ(get_string(newest(), "version"), "1.0.0") << "published again, it is the newest";
}

TEST_F(RegistryTest, what_makes_no_sense_is_refused_by_name) {
  EXPECT_EQ(code(publication("1.0.0", R"(,"site":"a")"), 400), "unknown-field");
  EXPECT_EQ(code(publication("1.0.0", R"(,"sha256":")" + std::string(64, 'a') + "\""), 400),
            "hash-mismatch");
  EXPECT_EQ(code(publication("1.0.0", "", std::string("a\0b", 3)), 400), "bad-script");
  EXPECT_EQ(code(publication("1/0"), 400), "invalid");
  EXPECT_EQ(code(publication("1.0.0", R"(,"canary":"0%")"), 400), "invalid");
  EXPECT_EQ(code(publication("1.0.0", R"(,"canary":1)"), 409), "no-canary");
  EXPECT_EQ(code(publication("1.0.0", "", std::string((1 << 20) + 1, 'x')), 400),
            "artifact-too-large");
  EXPECT_EQ(code(R"({"kind":"script","name":"../x","version":"1","content":"YQ=="})", 400),
            "invalid");
  EXPECT_EQ(code(R"({"kind":"script","name":"x","version":"1","content":"no base64"})", 400),
            "invalid");
  EXPECT_EQ(code(R"({"kind":"plugin","name":"x","version":"1","content":"YQ=="})", 400),
            "wrong-architecture");
  publish("1.0.0");
  EXPECT_EQ(
      code(
          R"({"kind":"plugin","name":"echo","version":"1","content":"f0VMRgIBAAAAAAAAAAAAAAAAPgA="})",
          409),
      "kind-differs");
}

TEST_F(RegistryTest, a_waiting_claim_ends_when_the_registry_changes_for_its_site) {
  enrol("w1");
  ::skep::api::ClaimRequest request{"i1", 1, 30, {}};
  request.registry = 0;
  const auto response = call("POST", "/api/workers/w1/claim", ::skep::api::encode(request));
  ASSERT_TRUE(response.wait);
  int woken = 0;
  control.waits.claims.add(response.wait->key, response.wait->ticket, [&] { ++woken; });
  publish("1.0.0", R"(,"sites":["site-b"])");
  EXPECT_EQ(woken, 0);
  const auto release = publish("1.1.0", R"(,"sites":["site-a"])");
  EXPECT_EQ(woken, 1);
  const auto reply = api("POST", "/api/workers/w1/claim", ::skep::api::encode(request));
  EXPECT_EQ(get_int(reply, "registry"), get_int(release, "revision"));
}

TEST_F(RegistryTest, a_canary_that_fails_more_is_rolled_back_alone) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0");
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  const std::string id = canary();
  EXPECT_EQ(version_for(id), "2.0.0");
  EXPECT_EQ(version_for(other_than(id)), "1.0.0");
  EXPECT_EQ(code(publication("3.0.0"), 409), "canary-under-way");
  run_task(id, false);  // before it has the file: does not count
  report(id, "active");
  for (int i = 0; i < 5; ++i) run_task(other_than(id), true);
  for (int i = 0; i < 4; ++i) run_task(id, false);
  ASSERT_TRUE(control.artifacts.round());
  EXPECT_EQ(get_string(newest(), "state"), "canary");
  run_task(id, false);
  ASSERT_TRUE(control.artifacts.round());
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
  EXPECT_NE(get_string(newest(), "reason").find("5 of 5 tasks failed on canaries"),
            std::string::npos);
  EXPECT_EQ(version_for(id), "1.0.0");
}

TEST_F(RegistryTest, tallies_survive_a_restart_and_other_control_planes_see_the_same) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  report(canary(), "fetched");
  for (int i = 0; i < 3; ++i) run_task(canary(), false);
  ASSERT_TRUE(control.artifacts.round());
  control::Control other(queue, store, clock, types(), options());
  ASSERT_TRUE(other.workers.load());
  ASSERT_TRUE(other.artifacts.load());
  EXPECT_EQ(other.artifacts.snapshot()->releases.back().canary.failed, 3);
  ASSERT_TRUE(other.artifacts.promote("echo"));
  EXPECT_EQ(version_for("w1"), "2.0.0") << "a worker that asks is told what the store says";
  EXPECT_EQ(version_for("w2"), "2.0.0");
}

TEST_F(RegistryTest, a_canary_that_cannot_load_it_ends_the_rollout) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0", R"(,"canary":"10%")");
  report(canary(), "failed", "syntax error near 'end'");
  ASSERT_TRUE(control.artifacts.round());
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
  EXPECT_NE(get_string(newest(), "reason").find("syntax error near 'end'"), std::string::npos);
}

TEST_F(RegistryTest, a_quiet_canary_is_promoted_when_its_time_is_over) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0", R"(,"canary":1,"promote_after_seconds":60)");
  report(canary(), "active");
  clock.advance(Millis{59'999});
  ASSERT_TRUE(control.artifacts.round());
  EXPECT_EQ(get_string(newest(), "state"), "canary");
  clock.advance(Millis{1});
  ASSERT_TRUE(control.artifacts.round());
  EXPECT_EQ(get_string(newest(), "state"), "active");
}

TEST_F(RegistryTest, bytes_come_back_whole_in_parts_and_damage_is_found) {
  std::string text(::skep::api::kArtifactChunkBytes + 1, 'x');
  const auto release = api("POST", "/api/registry/artifacts", publication("1.0.0", "", text), 201);
  const std::string path = "/api/registry/blobs/" + get_string(release, "sha256");
  EXPECT_EQ(call("GET", path).body, text);
  EXPECT_EQ(call("GET", path, "", {{"chunk", "1"}}).body, "x");
  EXPECT_EQ(call("GET", path, "", {{"chunk", "2"}}).status, 404);
  EXPECT_EQ(call("GET", path, "", {{"chunk", "-1"}}).status, 400);
  const ports::Statement damage{"UPDATE artifact_chunks SET data = 'YQ==' WHERE chunk = 1"};
  ASSERT_TRUE(store.batch({&damage, 1}));
  EXPECT_EQ(get_string(api("GET", path, "", 500), "code"), "artifact-damaged");
  EXPECT_EQ(call("GET", path, "", {{"chunk", "0"}}).status, 200);
  api("POST", "/api/registry/artifacts", publication("1.0.0", "", text), 200);
  EXPECT_EQ(call("GET", path).body, text) << "published again, it is repaired";
}

TEST_F(RegistryTest, bytes_of_forgotten_releases_go) {
  publish("0.0.0");
  clock.advance(Millis{3'600'001});
  for (int i = 1; i <= 10; ++i) publish("0.0." + std::to_string(i));
  const auto rows = store.query({"SELECT count(*) FROM artifact_releases"});
  EXPECT_EQ(ports::as_int(rows->at(0).at(0)), 10);
  const auto blobs = store.query({"SELECT count(*) FROM artifact_chunks"});
  EXPECT_EQ(ports::as_int(blobs->at(0).at(0)), 10);
}

TEST_F(RegistryTest, withdrawn_is_gone_from_every_worker) {
  enrol("w1");
  publish("1.0.0");
  publish("1.1.0");
  api("DELETE", "/api/registry/artifacts/echo");
  EXPECT_EQ(version_for("w1"), "");
  EXPECT_EQ(get_string(api("DELETE", "/api/registry/artifacts/echo", "", 409), "code"),
            "already-withdrawn");
  EXPECT_EQ(get_string(api("GET", "/api/registry/artifacts/ecko", "", 404), "code"),
            "unknown-artifact");
}

}  // namespace
}  // namespace skep::test
