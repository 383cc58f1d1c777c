// A1: versions of a task type side by side. A worker gets what its own version takes.
#include <future>

#include "tests/unit/control/bundle.hpp"

namespace skep::test {
namespace {

const std::string kV1 = R"({"type":"object","properties":{"a":{"type":"integer"}}})";
/// Adds what must be there.
const std::string kV2 =
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},)"
    R"("required":["b"]})";
/// Takes all that kV1 does, and more.
const std::string kWider =
    R"({"type":"object","properties":{"a":{"type":"number"},"c":{"type":"integer"}}})";

class VersionsTest : public ControlTest {
 protected:
  /// Its credential, which it has not used yet.
  std::string enrol_unproven(const std::string& id, const std::string& version,
                             const std::string& schema) {
    api::Registration r = registration(id);
    r.types = {{"probe", "", version, schema, 0}};
    return get_string(api("POST", "/api/workers/register", api::encode(r)), "credential");
  }
  void enrol_with(const std::string& id, const std::string& version, const std::string& schema) {
    control.feature<control::Workers>().credentials.worker_of(enrol_unproven(id, version, schema));
  }
  json::array troubles(const std::string& worker) {
    return api("GET", "/api/workers/" + worker).at("troubles").as_array();
  }
  static std::string probe(const std::string& params, const std::string& more = "") {
    return R"({"type":"probe","params":)" + params + more + "}";
  }
  std::string submit_probe(const std::string& params) { return submit(probe(params)); }
  std::set<std::string> ids(const std::vector<model::ClaimedTask>& tasks) {
    std::set<std::string> out;
    for (const auto& task : tasks) out.insert(task.lease.task_id);
    return out;
  }
  using Ids = std::set<std::string>;
  std::int64_t known_versions() {
    const auto rows = store.query({"SELECT count(*) FROM task_type_versions WHERE type = 'probe'"});
    return ports::as_int(rows->at(0).at(0));
  }
  std::string reason(const std::string& task, const std::string& worker) {
    const auto answer = api("GET", "/api/tasks/" + task + "/explain");
    for (const auto& line : answer.at("workers").as_array())
      if (get_string(line.as_object(), "worker_id") == worker)
        return get_string(line.as_object(), "reason");
    return "no such worker";
  }
};

TEST_F(VersionsTest, each_gets_what_its_version_takes) {
  enrol_with("w1", "1.0.0", kV1);
  enrol_with("w2", "2.0.0", kV2);
  const std::string old_one = submit_probe(R"({"a":1})");
  const std::string new_one = submit_probe(R"({"b":1})");
  EXPECT_EQ(reason(old_one, "w1"), "");
  EXPECT_EQ(reason(old_one, "w2"),
            R"(its probe 2.0.0 does not take its params: missing member "b")");
  EXPECT_NE(reason(new_one, "w1").find(R"(/b: unknown member "b")"), std::string::npos);
  EXPECT_EQ(ids(claim("w2")), Ids{new_one});
  EXPECT_EQ(ids(claim("w1")), Ids{old_one});
}

/// kV1 with "a" called "b", and how the one becomes the other.
const std::string kMigrating =
    R"({"type":"object","properties":{"b":{"type":"integer"},"unit":{"enum":["s","ms"]}},)"
    R"("required":["b"],"x-version":2,)"
    R"("x-migrations":[{"from":1,"rename":{"a":"b"},"default":{"unit":"s"}}]})";

TEST_F(VersionsTest, what_waits_is_brought_to_a_newer_version) {
  enrol_with("w1", "1.0.0", kV1);
  const std::string old_one = submit_probe(R"({"a":1})");
  enrol_with("w1", "2.0.0", kMigrating);
  EXPECT_EQ(reason(old_one, "w1"), "");
  const std::string new_one = submit_probe(R"({"b":2})");
  std::map<std::string, std::string> params;
  for (const auto& task : claim("w1")) params[task.lease.task_id] = task.params;
  EXPECT_EQ(params[old_one], R"({"b":1,"unit":"s"})");
  EXPECT_EQ(params[new_one], R"({"b":2})") << "it was meant for this version";
  EXPECT_EQ(to_text(api("GET", "/api/tasks/" + old_one).at("params")), R"({"a":1})")
      << "it is kept as it was sent";
}

TEST_F(VersionsTest, what_does_not_fit_a_migration_reaches_the_worker_as_it_is) {
  enrol_with("w1", "1.0.0",
             R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}})");
  submit_probe(R"({"a":1,"b":2})");
  enrol_with("w1", "2.0.0", kMigrating);
  const auto tasks = claim("w1");
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0].params, R"({"a":1,"b":2})") << "its schema refuses that by pointer";
}

TEST_F(VersionsTest, a_version_without_a_way_takes_nothing_of_an_older_one) {
  enrol_with("w1", "1.0.0", kV1);
  submit_probe(R"({"a":1})");
  enrol_with("w1", "3.0.0",
             R"({"type":"object","properties":{"b":{"type":"integer"}},"required":["b"],)"
             R"("x-version":3,"x-migrations":[{"from":2}]})");
  EXPECT_TRUE(claim("w1").empty());
}

TEST_F(VersionsTest, nobody_is_shown_a_secret) {
  const std::string schema =
      R"({"type":"object","properties":{"token":{"type":"string","x-secret":true,"pattern":"^t"},)"
      R"("host":{"type":"string"}}})";
  enrol_with("w1", "1.0.0", schema);
  const std::string body = probe(R"({"token":"tell-nobody","host":"h"})");
  const auto made = api("POST", "/api/tasks", body, 201);
  const std::string id = get_string(made, "id");
  const std::string hidden = R"({"token":"***","host":"h"})";
  EXPECT_EQ(to_text(made.at("params")), hidden);
  for (const std::string& path :
       {"/api/tasks/" + id, std::string("/api/tasks"), "/api/tasks?id=" + id.substr(0, 8),
        std::string("/api/tasks/" + id + "/explain"), std::string("/api/events?after=0")}) {
    const auto answer = call("GET", path);
    EXPECT_EQ(answer.body.find("tell-nobody"), std::string::npos) << path;
  }
  const auto many = call("POST", "/api/tasks", "[" + body + "]");
  EXPECT_EQ(many.body.find("tell-nobody"), std::string::npos) << many.body;
  const auto wrong = call("POST", "/api/tasks", probe(R"({"token":"sold"})"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body.find("sold"), std::string::npos) << wrong.body;
  const auto tasks = claim("w1", 1);
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_NE(tasks[0].params.find("tell-nobody"), std::string::npos) << "the worker needs it";
  EXPECT_EQ(call("GET", "/api/workers/w1/tasks").body.find("tell-nobody"), std::string::npos);
  EXPECT_EQ(call("POST", "/api/tasks/" + id + "/cancel").body.find("tell-nobody"),
            std::string::npos);
}

TEST_F(VersionsTest, are_known_before_the_worker_that_brings_them_is_seen) {
  bool known = false;
  store.before_batch = [&] {
    const auto all = tasks().types.types();
    known = std::any_of(all.begin(), all.end(),
                        [](const auto& versions) { return versions[0].type.name == "probe"; });
  };
  enrol_with("w1", "1.0.0", kV1);
  EXPECT_TRUE(known) << "when the worker itself was written, the last thing of all";
}

TEST_F(VersionsTest, of_too_many_types_those_are_forgotten_that_nobody_runs) {
  const std::size_t own = tasks().types.types().size();
  constexpr std::size_t kOfAWorker = 256;
  std::vector<ports::TaskType> said;
  api::Registration r = registration("w1");
  while (said.size() <= control::TaskTypes::kMostTypes) {
    r.types.clear();
    for (std::size_t i = 0; i < kOfAWorker; ++i)
      r.types.push_back({"t" + std::to_string(said.size() + i), "", "1.0.0", "{}", 0});
    said.insert(said.end(), r.types.begin(), r.types.end());
    api("POST", "/api/workers/register", api::encode(r));
  }
  const std::size_t surplus = said.size() + own - control::TaskTypes::kMostTypes;
  EXPECT_EQ(tasks().types.left_out(said).size(), surplus);
  EXPECT_EQ(tasks().types.types().size(), own + kOfAWorker) << "those that w1 runs now";
  control::Control other(queue, store, clock, config(), types());
  ASSERT_TRUE(other.prepare());
  EXPECT_EQ(other.feature<control::Tasks>().types.left_out(said).size(), surplus);
}

TEST_F(VersionsTest, what_several_take_goes_to_any_of_them) {
  const std::string third = R"({"type":"object","properties":{"d":{}}})";
  enrol_with("w1", "1.0.0", kV1);
  enrol_with("w3", "3.0.0", third);
  enrol_with("w2", "2.0.0", kV2);
  for (const char* worker : {"w3", "w1"}) {
    const std::string task = submit_probe("{}");
    EXPECT_TRUE(claim("w2").empty());
    EXPECT_EQ(ids(claim(worker)), Ids{task}) << worker;
  }
}

TEST_F(VersionsTest, what_waits_is_not_for_a_version_that_came_later_and_takes_less) {
  enrol_with("w1", "1.0.0", kV1);
  const std::string task = submit_probe(R"({"a":1})");
  enrol_with("w2", "2.0.0", kV2);
  EXPECT_TRUE(claim("w2").empty());
  enrol_with("w3", "1.1.0", kWider);
  EXPECT_EQ(ids(claim("w3")), Ids{task}) << "it takes all that 1.0.0 did";
}

TEST_F(VersionsTest, an_upgrade_that_takes_more_takes_over_also_after_a_restart) {
  enrol_with("w1", "1.0.0", kV1);
  const std::string first = submit_probe(R"({"a":1})");
  const std::string second = submit_probe(R"({"a":2})");
  enrol_with("w1", "1.1.0", kWider);
  EXPECT_EQ(ids(claim("w1", 1)), Ids{first});
  control::Control other(queue, store, clock, config(), types());
  ASSERT_TRUE(other.prepare());
  router = std::make_unique<net::Router>(other.routes());
  EXPECT_EQ(ids(claim("w1")), Ids{second});
}

TEST_F(VersionsTest, a_refusal_names_the_nearest_version_and_the_others) {
  enrol_with("w1", "1.0.0", kV1);
  enrol_with("w2", "2.0.0", kV2);
  const auto problem = api("POST", "/api/tasks", probe(R"({"a":"x","b":1})"), 400);
  EXPECT_EQ(get_string(problem, "code"), "schema");
  EXPECT_EQ(get_string(problem, "next"), "skep task types probe");
  EXPECT_EQ(
      get_string(problem, "detail"),
      R"(task: params of probe 2.0.0 /a: is "x" (a string); expected an integer; )"
      R"(other versions on workers: 1.0.0 /a: is "x" (a string); expected an integer (and 1 more problem))");
  EXPECT_EQ(problem.at("errors").as_array().size(), 1u) << to_text(problem);
}

TEST_F(VersionsTest, a_key_is_the_same_task_whatever_versions_there_are) {
  enrol_with("w1", "1.0.0", kV1);
  const std::string body = probe("{}", R"(,"idempotency_key":"k")");
  const std::string first = submit(body);
  enrol_with("w2", "3.0.0", R"({"type":"object","properties":{"d":{}}})");
  EXPECT_EQ(get_string(api("POST", "/api/tasks", body, 200), "id"), first);
  const std::string other = probe(R"({"a":1})", R"(,"idempotency_key":"k")");
  EXPECT_EQ(get_string(api("POST", "/api/tasks", other, 409), "code"), "idempotency-conflict");
}

TEST_F(VersionsTest, a_repeat_is_answered_although_no_version_takes_it_any_more) {
  enrol_with("w1", "1.0.0", kV1);
  const std::string body = probe(R"({"a":1.0})", R"(,"idempotency_key":"k")");
  const std::string first = submit(body);
  const std::string last = submit(probe(
      "{}", R"(,"idempotency_key":"l","expires_at":")" + to_iso(clock.wall_ms() + 1'000) + "\""));
  clock.advance(Millis{2'000});
  const std::string expired = probe(
      "{}", R"(,"idempotency_key":"l","expires_at":")" + to_iso(clock.wall_ms() - 1'000) + "\"");
  EXPECT_EQ(get_string(api("POST", "/api/tasks", expired, 200), "id"), last);
  enrol_with("w1", "2.0.0", kV2);
  api("POST", "/api/tasks", probe(R"({"a":1})"), 400);
  const std::string same = probe(R"({"a":1})", R"(,"idempotency_key":"k")");
  EXPECT_EQ(get_string(api("POST", "/api/tasks", same, 200), "id"), first);
  const auto code = [&](const std::string& request, int status) {
    return get_string(api("POST", "/api/tasks", request, status), "code");
  };
  const auto other =
      api("POST", "/api/tasks", probe(R"({"a":2})", R"(,"idempotency_key":"k")"), 409);
  EXPECT_EQ(get_string(other, "code"), "idempotency-conflict");
  EXPECT_FALSE(other.contains("errors")) << "what today's schema says is not asked";
  EXPECT_EQ(code(probe(R"({"a":1})", R"(,"idempotency_key":"k","priority":7)"), 409),
            "idempotency-conflict");
  EXPECT_EQ(code(probe(R"({"a":1})", R"(,"idempotency_key":"new")"), 400), "schema");
  const std::string fresh = probe(R"({"b":1})");
  EXPECT_EQ(code("[" + fresh + "," + probe(R"({"a":2})", R"(,"idempotency_key":"k")") + "]", 409),
            "idempotency-conflict");
  const auto batch = call("POST", "/api/tasks", "[" + fresh + "," + same + "]");
  EXPECT_EQ(batch.status, 201) << batch.body;
  EXPECT_NE(batch.body.find(first), std::string::npos) << batch.body;
  EXPECT_EQ(api("GET", "/api/tasks").at("items").as_array().size(), 3u) << "one new one";
}

TEST_F(VersionsTest, versions_that_nobody_runs_take_nothing_new) {
  enrol_with("w1", "1.0.0", kV1);
  enrol_with("w1", "2.0.0", kV2);
  api("POST", "/api/tasks", probe("{}"), 400);
  submit_probe(R"({"b":1})");
  enrol_with("w1", "1.0.0", kV1);
  api("POST", "/api/tasks", probe(R"({"b":1})"), 400);
  const std::string task = submit_probe("{}");
  EXPECT_EQ(ids(claim("w1")), Ids{task});
}

TEST_F(VersionsTest, the_list_of_types_has_the_versions_in_use) {
  enrol_with("w1", "1.0.0", kV1);
  enrol_with("w2", "2.0.0", kV2);
  const auto list = api("GET", "/api/task-types").at("items").as_array();
  for (const auto& item : list) {
    const json::object& type = item.as_object();
    if (get_string(type, "name") != "probe") continue;
    EXPECT_EQ(get_string(type, "version"), "2.0.0");
    const auto& versions = type.at("versions").as_array();
    ASSERT_EQ(versions.size(), 2u);
    EXPECT_EQ(get_string(versions.at(1).as_object(), "version"), "1.0.0");
    const auto task = api("POST", "/api/tasks", probe("{}"), 201);
    EXPECT_EQ(task.at("accepted_by").as_array().at(0), versions.at(1).at("schema"));
    EXPECT_TRUE(task.at("requires").as_array().empty());
    return;
  }
  FAIL() << "no probe in the list";
}

std::string schema_number(int n) {
  return R"({"type":"object","properties":{"p)" + std::to_string(n) + R"(":{}}})";
}

constexpr int kMost = control::TypeVersions::kMost;
const std::string kNumber = std::to_string(kMost);
const std::string kNext = "w" + kNumber;  ///< one too many

TEST_F(VersionsTest, in_use_are_bounded_and_none_gives_way) {
  for (int i = 0; i <= kMost; ++i)
    enrol_with("w" + std::to_string(i), std::to_string(i), schema_number(i));
  EXPECT_EQ(known_versions(), kMost);
  const std::string task = submit_probe(R"({"p1":1})");
  EXPECT_TRUE(claim(kNext).empty()) << "its version is one too many";
  EXPECT_NE(reason(task, kNext).find("one version too many"), std::string::npos);
  EXPECT_EQ(reason(task, "w1"), "");
  enrol_with("w0", "last", schema_number(kMost));
  EXPECT_EQ(known_versions(), kMost) << "0 may go, nobody runs it and no task needs it";
  EXPECT_EQ(ids(claim(kNext)), Ids{}) << "it takes no p1";
  EXPECT_EQ(ids(claim("w1")), Ids{task});
}

TEST_F(VersionsTest, one_of_all_that_took_it_is_enough) {
  for (int i = 0; i < 20; ++i)
    enrol_with("w" + std::to_string(i), std::to_string(i), schema_number(i));
  const std::string task = submit_probe("{}");
  for (int i = 1; i < 20; ++i) {
    EXPECT_EQ(reason(task, "w" + std::to_string(i)), "");
    enrol_with("w" + std::to_string(i), "0", schema_number(0));
  }
  EXPECT_EQ(ids(claim("w7")), Ids{task});
}

TEST_F(VersionsTest, of_workers_that_never_showed_a_credential_give_way) {
  for (int i = 0; i < kMost; ++i)
    enrol_unproven("bogus" + std::to_string(i), std::to_string(i), schema_number(i));
  enrol_with("w1", "1.0.0", kV1);
  EXPECT_EQ(known_versions(), kMost);
  EXPECT_EQ(troubles("w1"), json::array());
  EXPECT_EQ(troubles("bogus0").size(), 1u);
  const std::string task = submit_probe(R"({"a":1})");
  EXPECT_EQ(ids(claim("w1")), Ids{task});
  enrol_unproven("bogus" + kNumber, kNumber, schema_number(kMost));
  EXPECT_EQ(troubles("w1"), json::array()) << "it has shown its own";
}

TEST_F(VersionsTest, do_not_give_way_while_one_that_runs_them_shows_its_credential) {
  for (int i = 0; i < kMost; ++i)
    enrol_with("w" + std::to_string(i), std::to_string(i), schema_number(i));
  enrol_unproven("bogus", "0", schema_number(0));
  control.feature<control::Workers>().directory.shift(-80'000);
  beat("w0");
  beat("bogus");
  clock.advance(Millis{11'000});
  enrol_with("w1", "1", schema_number(1));
  enrol_with(kNext, kNumber, schema_number(kMost));
  EXPECT_EQ(troubles(kNext), json::array());
  EXPECT_EQ(troubles("w0"), json::array()) << "it beat";
  EXPECT_EQ(troubles("w1"), json::array()) << "it registered again";
  EXPECT_EQ(troubles("w2").size(), 1u);
  clock.advance(Millis{91'000});
  beat("bogus");
  enrol_with("w2", "2", schema_number(2));
  EXPECT_EQ(troubles("w2"), json::array());
  EXPECT_EQ(troubles("bogus").size(), 1u) << "nobody vouches for what it runs";
}

TEST_F(VersionsTest, one_that_finds_no_room_says_so_and_finds_it_when_others_are_gone) {
  for (int i = 0; i < kMost; ++i)
    enrol_with("w" + std::to_string(i), std::to_string(i), schema_number(i));
  enrol_with(kNext, kNumber, schema_number(kMost));
  const json::array expected{
      "its probe " + kNumber +
      " is one version too many of those there are; next: skep task types probe"};
  EXPECT_EQ(troubles(kNext), expected);
  const auto health = api("GET", "/api/workers/health");
  EXPECT_EQ(get_string(health, "status"), "degraded");
  beat(kNext);
  EXPECT_EQ(troubles(kNext), expected) << "all others are there";
  clock.advance(Millis{91'000});
  beat(kNext);
  EXPECT_EQ(troubles(kNext), json::array());
  const std::string task = submit_probe(R"({"p)" + kNumber + R"(":1})");
  EXPECT_EQ(ids(claim(kNext)), Ids{task});
  beat("w0");
  EXPECT_EQ(troubles("w0").size(), 1u) << "it gave way, and is looked at again a minute later";
  clock.advance(Millis{61'000});
  beat("w0");
  EXPECT_EQ(troubles("w0"), json::array());
}

TEST_F(VersionsTest, one_that_is_looked_at_for_long_keeps_nobody_else_waiting) {
  for (int i = 0; i < kMost; ++i)
    enrol_with("w" + std::to_string(i), std::to_string(i), schema_number(i));
  enrol_with("w0", "1", schema_number(1));
  std::promise<void> reads;
  std::promise<void> goes_on;
  queue.before_read = [&, once = std::make_shared<std::once_flag>()] {
    std::call_once(*once, [&] {
      reads.set_value();
      goes_on.get_future().wait();
    });
  };
  auto newcomer =
      std::async(std::launch::async, [&] { enrol_with(kNext, kNumber, schema_number(kMost)); });
  reads.get_future().wait();
  auto others = std::async(std::launch::async, [&] {
    beat("w1");
    enrol_with("w2", "2", schema_number(2));
    enrol("w3", "i2");
    api("POST", "/api/workers/w4/pause");
  });
  constexpr std::chrono::minutes kLong{2};
  EXPECT_EQ(others.wait_for(kLong), std::future_status::ready)
      << "beats, registrations with known versions and modes wait for no other worker's types";
  goes_on.set_value();
  newcomer.get();
  others.get();
  EXPECT_NE(call("GET", "/api/workers/" + kNext).status, 404);
}

TEST_F(VersionsTest, are_not_forgotten_while_a_task_needs_them) {
  enrol_with("w1", "0", schema_number(0));
  const std::string task = submit_probe(R"({"p0":1})");
  for (int i = 1; i < kMost + 10; ++i) {
    enrol_with("w1", std::to_string(i), schema_number(i));
    EXPECT_TRUE(claim("w1").empty());
  }
  EXPECT_EQ(known_versions(), kMost);
  enrol_with("w2", "0.1", R"({"type":"object","properties":{"p0":{},"more":{}}})");
  EXPECT_EQ(ids(claim("w2")), Ids{task}) << "it takes all that 0 did";
}

TEST_F(VersionsTest, the_newest_is_the_newest_also_after_a_restart) {
  enrol_with("w2", "1.0.0", kV1);
  enrol_with("w1", "2.0.0", kV2);
  control::Control other(queue, store, clock, config(), types());
  ASSERT_TRUE(other.prepare());
  for (const auto& versions : other.feature<control::Tasks>().types.types()) {
    if (versions.front().type.name == "probe") {
      EXPECT_EQ(versions.front().type.version, "2.0.0");
      EXPECT_EQ(versions.size(), 2u);
    }
  }
}

TEST_F(VersionsTest, a_key_of_a_task_from_before_them_is_the_same_task) {
  model::Task before;
  before.id = "t-before";
  before.spec.type = "script";
  before.spec.params = R"({"script":"true","interpreter":"sh"})";
  before.spec.idempotency_key = "k";
  before.spec.timeout_ms = 60'000;
  ASSERT_TRUE(queue.enqueue(clock.wall_ms(), {&before, 1}));
  const std::string body = R"({"type":"script","params":{"script":"true"},"idempotency_key":"k"})";
  EXPECT_EQ(get_string(api("POST", "/api/tasks", body, 200), "id"), "t-before");
  api("POST", "/api/tasks",
      R"({"type":"script","params":{"script":"false"},"idempotency_key":"k"})", 409);
}

TEST_F(VersionsTest, a_key_is_the_same_task_whatever_timeout_a_version_brings) {
  const auto enrol_timeout = [&](std::int64_t timeout_ms) {
    api::Registration r = registration("w1");
    r.types = {{"probe", "", "1", kV1, timeout_ms}};
    api("POST", "/api/workers/register", api::encode(r));
  };
  enrol_timeout(1'000);
  const std::string body = probe("{}", R"(,"idempotency_key":"k")");
  const std::string first = submit(body);
  enrol_timeout(2'000);
  EXPECT_EQ(get_string(api("POST", "/api/tasks", body, 200), "id"), first);
  const std::string other = probe("{}", R"(,"idempotency_key":"k","timeout_seconds":9)");
  api("POST", "/api/tasks", other, 409);
}

TEST_F(VersionsTest, what_cannot_be_written_down_is_not_learned) {
  store.failure = Error{Code::kUnavailable, "the store is away"};
  EXPECT_FALSE(tasks().types.learn({{"probe", "", "1.0.0", kV1, 0}}));
  api("POST", "/api/tasks", probe("{}"), 400);
  store.failure.reset();
  EXPECT_TRUE(tasks().types.learn({{"probe", "", "1.0.0", kV1, 0}}));
  submit_probe("{}");
}

}  // namespace
}  // namespace skep::test
