// Every route says what goes in and out of it, and what really does fits.
#include <algorithm>
#include <set>

#include "core/api/documents.hpp"
#include "core/api/task_json.hpp"
#include "registry.hpp"
#include "tests/support/document_check.hpp"

namespace skep::test {
namespace {

namespace wire = ::skep::api;
using net::HttpResponse;

class DocumentsTest : public RegistryTest {
 protected:
  DocumentsTest() : openapi(router->openapi("1", wire::schemas())), check(openapi) {}

  /// Calls a route; what goes in and what comes out must be as its row says.
  HttpResponse visit(const std::string& method, const std::string& path,
                     const std::string& body = {}, std::map<std::string, std::string> query = {}) {
    const net::Route& row = *router->match(method, path).route;
    HttpResponse r = call(method, path, body, std::move(query));
    const std::string what = method + " " + path + " " + std::to_string(r.status) + " " + r.body;
    if (r.status < 300) {
      seen.insert(std::string(row.method) + " " + std::string(row.path));
      EXPECT_TRUE(r.content_type.starts_with(row.documents.media)) << what << r.content_type;
      if (!row.documents.request.empty() && !body.empty() && !row.bytes) {
        EXPECT_EQ(check.wrong(row.documents.request, body), "") << what << "\n" << body;
      }
    }
    if (r.content_type.starts_with("application/json")) {
      EXPECT_EQ(check.wrong(document_of(row, r.status), r.body), "") << what;
    }
    if (r.status >= 400 && document_of(row, r.status).empty()) {
      EXPECT_EQ(r.content_type, "application/problem+json") << what;
      EXPECT_EQ(check.wrong("Problem", r.body), "") << what;
      EXPECT_EQ(get_int(parse_json(r.body).value().as_object(), "status"), r.status) << what;
    }
    return r;
  }
  /// Tasks in every state, their leases taken by "w1".
  std::vector<model::Lease> take_tasks() {
    wire::Registration worker = registration("w1");
    worker.capabilities = {{"docker", true}};
    visit("POST", "/api/workers/register", wire::encode(worker));
    enrol("w2");
    visit(
        "POST", "/api/tasks",
        R"({"type":"script","params":{"script":"true"},"site":"site-a","requires":["docker"],)"
        R"("priority":"high","timeout_seconds":5,"max_attempts":3,"expires_at":"2099-01-01T00:00:00Z",)"
        R"("idempotency_key":"k1"})");
    visit("POST", "/api/tasks", R"([{"type":"echo"},{"type":"echo","params":{"n":1}}])");
    visit("POST", "/api/tasks", R"({"type":"echo","run_at":"2099-01-01T00:00:00Z"})");
    cancel_later = submit();
    const HttpResponse claimed = visit("POST", "/api/workers/w1/claim",
                                       wire::encode(wire::ClaimRequest{"i1", 3, 0, {}, "c1"}));
    std::vector<model::Lease> leases;
    for (const auto& t : wire::decode_claim_reply(claimed.body).value().tasks)
      leases.push_back(t.lease);
    return leases;
  }
  void run_tasks(const std::vector<model::Lease>& leases) {
    wire::Beat beat{"w1", "i1", 7, clock.wall_ms()};
    for (const auto& lease : leases) beat.tasks.push_back({lease, true});
    beat.spool_ready = 1;
    beat.troubles = {"script: No space left on device"};
    beat.spool_oldest_ms = clock.wall_ms();
    visit("POST", "/api/workers/w1/heartbeat", wire::encode(beat));
    for (const char* query : {"claimed", "executing", "queued"})
      visit("GET", "/api/tasks", "", {{"status", query}, {"limit", "1"}});

    model::Envelope logs = envelope(leases[0], "w1");
    logs.payload_type = model::PayloadType::kLogs;
    logs.idempotency_key = "logs-1";
    logs.payload = wire::encode(wire::LogChunk{0, {{"stdout", "hello\n"}}});
    visit("POST", "/api/workers/results", wire::encode(logs));
    clock.advance(Millis{1'500});
    const model::Outcome bad{model::OutcomeKind::kFailed, "",
                             R"({"code":"failed","message":"no"})"};
    visit("POST", "/api/workers/results",
          wire::encode(std::vector{wire::encode(envelope(leases[0], "w1")),
                                   wire::encode(envelope(leases[1], "w1", bad)),
                                   wire::encode(envelope(leases[1], "w2"))}));
    visit("POST", "/api/workers/w1/release", wire::encode(wire::ReleaseRequest{"i1", {leases[2]}}));
    visit("POST", "/api/tasks/" + cancel_later + "/cancel");
    visit("POST", "/api/tasks/" + cancel_later + "/retry");
    ASSERT_TRUE(control.reconciler().step(1'000));
  }
  void read_everything(const std::vector<model::Lease>& leases) {
    for (const auto& lease : leases) {
      visit("GET", "/api/tasks/" + lease.task_id);
      visit("GET", "/api/tasks/" + lease.task_id + "/logs");
      visit("GET", "/api/tasks/" + lease.task_id + "/explain");
    }
    visit("GET", "/api/tasks/" + cancel_later + "/explain");
    for (const char* path :
         {"/api/tasks", "/api/task-types", "/api/workers", "/api/workers/w1",
          "/api/workers/w1/tasks", "/api/workers/health", "/api/workers/metrics", "/metrics"})
      visit("GET", path);
  }
  void leave_an_artifact() {
    const std::string sha256 = sha256_hex("bytes");
    const std::string input = R"({"artifact":")" + sha256 + R"(","size":5})";
    visit("PUT", "/api/blobs/" + sha256, "bytes", {{"offset", "0"}, {"size", "5"}});
    visit("GET", "/api/blobs/" + sha256);
    enrol("w3");
    const auto made = visit("POST", "/api/tasks",
                            R"({"type":"echo","worker_id":"w3","params":{"f":)" + input + "}}");
    const std::string id(get_string(parse_json(made.body).value().as_object(), "id"));
    const auto tasks = claim("w3", 8);
    const auto task = std::find_if(tasks.begin(), tasks.end(),
                                   [&](const auto& t) { return t.lease.task_id == id; });
    ASSERT_NE(task, tasks.end());
    const model::Lease& lease = task->lease;
    const std::map<std::string, std::string> attempt{{"task", lease.task_id},
                                                     {"attempt", std::to_string(lease.attempt)},
                                                     {"lease", lease.lease_id}};
    auto piece = attempt;
    piece.insert({{"offset", "0"}, {"size", "5"}});
    EXPECT_EQ(visit("GET", "/api/workers/w3/inputs/" + sha256, "", attempt).status, 200);
    visit("PUT", "/api/workers/w3/artifacts/" + sha256, "bytes", piece);
    visit("GET", "/api/workers/w3/artifacts/" + sha256, "", attempt);
    model::Outcome outcome{model::OutcomeKind::kSucceeded, "{}"};
    outcome.artifacts = {{"out", std::string(model::kBytes), 5, sha256}};
    visit("POST", "/api/workers/results", wire::encode(envelope(lease, "w3", outcome)));
    visit("GET", "/api/tasks/" + lease.task_id + "/artifacts");
    visit("GET", "/api/tasks/" + lease.task_id + "/artifacts/out");
  }
  void order_workers() {
    for (const char* order : {"pause", "drain", "resume"})
      visit("POST", "/api/workers/w2/" + std::string(order));
    visit("DELETE", "/api/workers/w2");
    clock.advance(Millis{3'600'000});
    visit("DELETE", "/api/workers/w2");
    visit("GET", "/api/workers/health");
  }
  void use_the_registry() {
    for (const char* path : {"/api/registry/releases", "/api/workers/w1/releases"})
      visit("GET", path);
    visit("POST", "/api/registry/releases", publication("1.0.0"));
    visit("POST", "/api/registry/releases", publication("1.0.0"));
    enrol("w1");
    visit("POST", "/api/registry/releases",
          publication("1.1.0", R"(,"canary":1,"hold":true,"sites":["site-a"])"));
    report("w1", "failed", "no such module");
    visit("GET", "/api/registry/releases");
    visit("GET", "/api/registry/releases/echo");
    visit("GET", "/api/workers/w1/releases");
    const std::string blob = "/api/registry/blobs/" + get_string(newest(), "sha256");
    visit("GET", blob);
    visit("GET", blob, "", {{"chunk", "0"}});
    visit("POST", "/api/registry/releases/echo/promote");
    visit("POST", "/api/registry/releases/echo/rollback", R"({"reason":"too slow"})");
    visit("GET", "/api/registry/releases/echo");
    visit("DELETE", "/api/registry/releases/echo");
  }

  const std::string openapi;
  const DocumentCheck check;
  std::set<std::string> seen;
  std::string cancel_later;  ///< a task that is cancelled in between

 private:
  static std::string_view document_of(const net::Route& row, int status) {
    if (status < 300) return row.documents.response;
    for (const auto& other : row.documents.others)
      if (other.status == std::to_string(status)) return other.document;
    return {};
  }
};

TEST_F(DocumentsTest, every_row_names_its_documents) {
  for (const net::Route& row : router->routes()) {
    const std::string what = std::string(row.method) + " " + std::string(row.path);
    EXPECT_TRUE(check.schemas().contains(row.documents.response)) << what;
    if (row.body_cap > net::kOptionalBody) {
      EXPECT_FALSE(row.documents.request.empty()) << what;
    }
    if (!row.documents.request.empty()) {
      EXPECT_TRUE(check.schemas().contains(row.documents.request)) << what;
    }
    for (const auto& other : row.documents.others)
      if (!other.document.empty()) {
        EXPECT_TRUE(check.schemas().contains(other.document)) << what;
      }
  }
}

TEST_F(DocumentsTest, each_name_is_given_once_and_every_reference_leads_somewhere) {
  std::set<std::string> names{"Problem"};
  for (const wire::Document& d : wire::documents())
    EXPECT_TRUE(names.insert(d.name).second) << d.name;
  constexpr std::string_view kRef = "#/components/schemas/";
  for (std::size_t at = openapi.find(kRef); at != std::string::npos; at = openapi.find(kRef, at)) {
    at += kRef.size();
    const std::string name = openapi.substr(at, openapi.find('"', at) - at);
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_F(DocumentsTest, answers_of_every_route_fit) {
  const auto leases = take_tasks();
  ASSERT_EQ(leases.size(), 3u);
  run_tasks(leases);
  read_everything(leases);
  leave_an_artifact();
  order_workers();
  use_the_registry();
  for (const net::Route& row : router->routes())
    EXPECT_TRUE(seen.contains(std::string(row.method) + " " + std::string(row.path)))
        << "no answer of " << row.method << " " << row.path << " was looked at";
}

TEST_F(DocumentsTest, refusals_are_problem_documents) {
  enrol("w1");
  visit("POST", "/api/tasks/" + submit() + "/retry");
  const auto tasks = claim("w1", 1);
  ASSERT_EQ(tasks.size(), 1u);
  visit("POST", "/api/tasks", "");
  visit("POST", "/api/tasks", R"({"type":"scrip"})");
  visit("POST", "/api/tasks", R"({"type":"script","params":{"scrip":1}})");
  visit("POST", "/api/tasks", "[]");
  visit("GET", "/api/tasks", "", {{"limit", "x"}});
  visit("GET", "/api/tasks", "", {{"stauts", "queued"}});
  visit("POST", "/api/workers/register", "{}");
  visit("POST", "/api/workers/w1/heartbeat", R"({"incarnation":"another"})");
  visit("POST", "/api/workers/w1/claim", R"({"incarnation":"i1","max":-1})");
  visit("POST", "/api/workers/results", "{}");
  visit("POST", "/api/workers/results", wire::encode(envelope(tasks[0].lease, "w9")));
  for (const char* path : {"/api/tasks/none", "/api/tasks/none/logs", "/api/workers/none",
                           "/api/registry/releases/none", "/api/registry/blobs/none"})
    visit("GET", path);
  visit("POST", "/api/registry/releases", R"({"kind":"script"})");
  visit("POST", "/api/registry/releases/none/promote");
  EXPECT_TRUE(seen.empty()) << *seen.begin() << " was not refused";
}

struct Request {
  std::string name;
  std::string sample;  ///< with every member
  std::function<Status(const std::string&)> decode;
};

template <class T>
Status status_of(const Result<T>& r) {
  return r ? Status{} : Status{r.error()};
}

std::vector<Request> requests() {
  const model::Lease lease{"t1", 1, "l1"};
  wire::Registration worker;
  worker.worker_id = "w1";
  worker.incarnation = "i1";
  worker.concurrency = 2;
  worker.capabilities = {{"docker", false}};
  worker.types = {{"echo", "", "1", "{}", 0}};
  wire::Beat beat{"w1", "i1", 1, 1'700'000'000'000, {{lease, true}}};
  beat.troubles = {"script: No space left on device"};
  beat.notices = {"echo: its copy is gone"};
  beat.releases.items = {{wire::ReleaseKind::kScript, "a", std::string(64, 'a'), "active", ""}};
  return {
      {"TaskSpec",
       R"({"type":"echo","params":{"a":1},"site":"s","site_name":"s","worker_id":"w1",)"
       R"("requires":["docker"],"priority":9,"timeout_seconds":0.5,"max_attempts":1,)"
       R"("run_at":"2026-01-10T12:34:56Z","expires_at":null,"idempotency_key":"k"})",
       [](const std::string& s) {
         return status_of(wire::decode_task_spec(parse_json(s).value(), "task", 5));
       }},
      {"Registration", wire::encode(worker),
       [](const std::string& s) { return status_of(wire::decode_registration(s)); }},
      {"Beat", wire::encode(beat),
       [](const std::string& s) { return status_of(wire::decode_beat(s)); }},
      {"ClaimRequest", wire::encode(wire::ClaimRequest{"i1", 1, 2.5, {lease}, "c1", true, 4}),
       [](const std::string& s) { return status_of(wire::decode_claim(s)); }},
      {"ReleaseRequest", wire::encode(wire::ReleaseRequest{"i1", {lease}}),
       [](const std::string& s) { return status_of(wire::decode_release(s)); }},
      {"Envelope",
       R"({"v":1,"payload_type":"facts","task_id":"t1","attempt":1,"lease_id":"l1","worker_id":"w1",)"
       R"("incarnation":"i1","site":"s","seq":1,"idempotency_key":"k","boot_ms":5,"sha256":"",)"
       R"("created_at":"2026-01-10T12:34:56.789Z","payload":{"os":"linux"}})",
       [](const std::string& s) {
         return status_of(wire::decode_envelope(parse_json(s).value()));
       }},
      {"Publication",
       R"({"kind":"script","name":"a","version":"1","content":"YQ==","sha256":null,"signature":"",)"
       R"("types":["a"],"schemas":{"a":{"type":"object"}},"force":true,"sites":[],"canary":"10%","hold":true,"promote_after_seconds":1.5,)"
       R"("promote_after_tasks":3})",
       [](const std::string& s) { return status_of(wire::decode_publication(s)); }},
      {"Rollback", R"({"reason":"too slow"})",
       [](const std::string& s) { return status_of(wire::decode_rollback(s)); }},
  };
}

TEST_F(DocumentsTest, decoders_take_what_their_schemas_say) {
  for (const Request& r : requests()) {
    const Status taken = r.decode(r.sample);
    EXPECT_TRUE(taken) << r.name << ": " << (taken ? "" : taken.error().message);
    EXPECT_EQ(check.wrong(r.name, r.sample), "") << r.name;
    json::object sample = parse_json(r.sample).value().as_object();
    for (const auto& [member, schema] : check.schemas().at(r.name).at("properties").as_object())
      EXPECT_TRUE(sample.contains(member)) << r.name << "." << member << " is not in the sample";
    sample["nope"] = 1;
    const Status refused = r.decode(to_text(sample));
    ASSERT_FALSE(refused) << r.name;
    EXPECT_EQ(refused.error().id(), "unknown-field") << r.name;
    EXPECT_NE(check.wrong(r.name, to_text(sample)), "") << r.name;
  }
}

}  // namespace
}  // namespace skep::test
