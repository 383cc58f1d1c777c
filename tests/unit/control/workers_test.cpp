// Workers that stop, restart, go and are wanted otherwise.
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "bundle.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::test {
namespace {

class WorkersTest : public ControlTest {
 protected:
  std::string mode(const std::string& id) {
    return get_string(api("GET", "/api/workers/" + id), "mode");
  }
  void say_goodbye(const std::string& id) {
    api::Beat beat{id, "i1"};
    beat.draining = true;
    beat.troubles = {"no space left"};
    api("POST", "/api/workers/" + id + "/heartbeat", api::encode(beat));
  }
  json::object health() { return api("GET", "/api/workers/health"); }
  std::int64_t crashes(const std::string& id) {
    ports::TaskQuery query;
    query.id = id;
    return queue.read(query).value().at(0).crash_count;
  }
};

TEST_F(WorkersTest, what_an_operator_wants_outlives_restarts_of_either_side) {  // O2
  int started = 0;
  const auto start = [&] {
    const std::string incarnation = "i" + std::to_string(++started);
    enrol("w1", incarnation);
    return incarnation;
  };
  for (const std::string order : {"drain", "pause"}) {
    start();
    api("POST", "/api/workers/w1/" + order);
    const std::string wanted = mode("w1");
    const std::string again = start();
    EXPECT_EQ(mode("w1"), wanted);
    submit();
    EXPECT_TRUE(claim("w1", 1, again).empty());
    control::WorkerDirectory reborn(store, {});
    ASSERT_TRUE(reborn.load());
    EXPECT_EQ(std::string(api::to_string(reborn.all().at(0).mode)), wanted);
    api("POST", "/api/workers/w1/resume");
    EXPECT_EQ(claim("w1", 1, again).size(), 1u);
  }
}

TEST_F(WorkersTest, one_that_stopped_is_missed_by_nobody) {  // O3
  enrol("w1");
  enrol("w2");
  say_goodbye("w1");
  EXPECT_EQ(get_string(api("GET", "/api/workers/w1"), "status"), "stopped");
  clock.advance(Millis{600'000});
  beat("w2");
  const auto now = health();
  EXPECT_EQ(get_string(now, "status"), "ok");
  EXPECT_EQ(get_int(now.at("workers").as_object(), "stopped"), 1);
  const std::string metrics = call("GET", "/metrics").body;
  EXPECT_EQ(metrics.find("worker=\"w1\""), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("skep_worker_troubles{worker=\"w2\",site=\"site-a\"} 0"),
            std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("state=\"stopped\""), std::string::npos) << metrics;
  EXPECT_EQ(get_int(now.at("workers").as_object(), "online"), 1);
  const std::string id = submit(R"({"type":"echo","worker_id":"w1"})");
  const auto e = api("GET", "/api/tasks/" + id + "/explain");
  for (const auto& line : e.at("workers").as_array())
    EXPECT_FALSE(get_bool(line.as_object(), "eligible", true));
  enrol("w1", "i2");
  EXPECT_EQ(get_string(api("GET", "/api/workers/w1"), "status"), "online");
}

TEST_F(WorkersTest, troubles_are_counted_until_they_are_over) {
  enrol("w1");
  const auto troubled = [&](std::vector<std::string> troubles) {
    api::Beat beat{"w1", "i1"};
    beat.troubles = std::move(troubles);
    api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
    const std::string metrics = call("GET", "/metrics").body;
    const std::string series = "skep_worker_troubles{worker=\"w1\",site=\"site-a\"} ";
    const auto at = metrics.find(series);
    return at == std::string::npos ? metrics : metrics.substr(at + series.size(), 1);
  };
  EXPECT_EQ(troubled({"no space left", "too few descriptors"}), "2");
  EXPECT_EQ(get_string(health(), "status"), "degraded");
  EXPECT_EQ(troubled({}), "0");
  EXPECT_EQ(get_string(health(), "status"), "ok");
}

TEST_F(WorkersTest, health_counts_who_is_paused_or_draining) {  // O4
  for (const char* id : {"w1", "w2", "w3"}) enrol(id);
  api("POST", "/api/workers/w1/pause");
  api("POST", "/api/workers/w2/drain");
  const auto now = health();
  EXPECT_EQ(get_int(now.at("workers").as_object(), "paused"), 1);
  EXPECT_EQ(get_int(now.at("workers").as_object(), "draining"), 1);
  EXPECT_EQ(get_string(now.at("items").as_array().at(0).as_object(), "mode"), "paused");
}

TEST_F(WorkersTest, a_restart_charges_nothing_to_what_cannot_have_run) {  // N11
  enrol("w1", "i1");                                                      // with four slots
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(submit());
  ASSERT_EQ(claim("w1", 7).size(), 7u);
  enrol("w1", "i2");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(crashes(ids[i]), i < 4 ? 1 : 0) << i;
    EXPECT_EQ(queue.attempts(ids[i]).value().at(0).outcome, i < 4 ? "lost" : "released") << i;
  }
}

TEST_F(WorkersTest, what_said_that_it_runs_takes_its_slot_in_the_blame) {
  enrol("w1", "i1");
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(submit());
  const auto held = claim("w1", 7);
  api::Beat running{"w1", "i1"};
  for (std::size_t i = 0; i < 7; ++i) running.tasks.push_back({held.at(i).lease, i >= 5});
  api("POST", "/api/workers/w1/heartbeat", api::encode(running));
  enrol("w1", "i2");
  std::vector<std::int64_t> blamed;
  for (const std::string& id : ids) blamed.push_back(crashes(id));
  EXPECT_EQ(blamed, (std::vector<std::int64_t>{1, 1, 0, 0, 0, 1, 1}));
}

TEST_F(WorkersTest, removal_gives_the_tasks_back) {  // B7
  enrol("w1");
  enrol("w2");
  const std::string id = submit();
  ASSERT_EQ(claim("w1", 1).size(), 1u);
  clock.advance(Millis{91'000});
  api("DELETE", "/api/workers/w1");
  EXPECT_EQ(status_of(id), "queued");
  beat("w2");
  EXPECT_EQ(claim("w2", 1).size(), 1u);
}

TEST_F(WorkersTest, one_that_vanished_is_forgotten_in_its_time) {  // N15
  auto& retention = control.feature<control::Workers>().retention;
  ASSERT_TRUE(retention.step());
  enrol("w1");
  enrol("w2");
  const std::string id = submit();
  ASSERT_EQ(claim("w1", 1).size(), 1u);
  for (int day = 0; day < 30; ++day) {
    clock.advance(Millis{86'400'000});
    beat("w2");
    EXPECT_EQ(retention.step().value(), 0u) << day;
  }
  clock.advance(Millis{1'000});
  EXPECT_EQ(retention.step().value(), 1u);
  EXPECT_EQ(call("GET", "/api/workers/w1").status, 404);
  EXPECT_EQ(call("GET", "/api/workers/w2").status, 200);
  EXPECT_EQ(status_of(id), "queued");
}

TEST_F(WorkersTest, too_many_items_are_refused_before_they_cost_anything) {  // N8
  std::string many = "[1";
  for (int i = 0; i < 1'000; ++i) many += ",1";
  EXPECT_EQ(call("POST", "/api/workers/results", many + "]").status, 413);
  for (int i = 0; i < 3'000'000; ++i) many += ",1";
  for (const char* path : {"/api/workers/results", "/api/tasks"})
    EXPECT_EQ(get_string(api("POST", path, many + "]", 413), "code"), "too-many-items") << path;
  enrol("w1");
  std::string held = R"({"incarnation":"i1","max":0,"held":[{})";
  for (int i = 0; i < 10'000; ++i) held += ",{}";
  EXPECT_EQ(call("POST", "/api/workers/w1/claim", held + "]}").status, 400);
}

/// It waits, for a lock say.
bool sleeps(pid_t thread) {
  std::string stat;
  std::getline(std::ifstream("/proc/self/task/" + std::to_string(thread) + "/stat"), stat);
  return stat.find(") S ") != std::string::npos;
}

TEST_F(WorkersTest, a_pause_while_the_worker_registers_is_not_lost) {  // N15
  enrol("w1");
  std::atomic<bool> begun{false};
  std::atomic<pid_t> pauses{0};
  std::future<int> pause;
  store.before_batch = [&] {
    if (begun.exchange(true)) return;
    pause = std::async(std::launch::async, [&] {
      pauses = ::gettid();
      return call("POST", "/api/workers/w1/pause").status;
    });
    // It waits for its turn; if it did not, it would come through here.
    while (!(pauses > 0 && sleeps(pauses)) &&
           pause.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
      std::this_thread::yield();
  };
  enrol("w1", "i2");
  EXPECT_EQ(pause.get(), 200);
  EXPECT_EQ(mode("w1"), "paused");
}

TEST_F(WorkersTest, capabilities_are_names_that_a_task_could_require) {
  api::Registration r = registration("w1");
  r.capabilities = {{"params:0123456789ab", true}};
  const auto refused = api("POST", "/api/workers/register", api::encode(r), 400);
  EXPECT_NE(get_string(refused, "detail").find("params:0123456789ab"), std::string::npos);
  r.capabilities = {{"net.work-1", true}};
  api("POST", "/api/workers/register", api::encode(r));
}

TEST_F(WorkersTest, what_was_registered_under_older_rules_does_not_keep_a_node_from_starting) {
  enrol("w1");
  api::Registration r = registration("w1");
  r.capabilities = {{"gpu:a100", true}, {"docker", true}};
  const ports::Statement older{"UPDATE workers SET registration = $1 WHERE worker_id = $2",
                               {api::encode(r), "w1"}};
  ASSERT_TRUE(store.batch({&older, 1}));
  control::WorkerDirectory reborn(store, {});
  ASSERT_TRUE(reborn.load());
  EXPECT_EQ(reborn.all().at(0).profile.capabilities, std::vector<std::string>{"docker"});
}

TEST_F(WorkersTest, a_store_that_is_not_the_queues_keeps_a_node_from_starting) {
  enrol("w1");
  submit();
  EXPECT_EQ(verdict_of(envelope(claim("w1").at(0).lease, "w1")), "applied");
  MemoryStore fresh;
  control::Control other(queue, fresh, clock, config(), types());
  const Status refused = other.prepare();
  ASSERT_FALSE(refused) << "credentials, releases and events are not in it";
  EXPECT_EQ(refused.error().id(), "store-lost");
  control::Control same(queue, store, clock, config(), types());
  EXPECT_TRUE(same.prepare()) << "killed before its first look at what ended";
}

TEST_F(WorkersTest, a_registration_names_each_type_once_and_not_too_many) {
  api::Registration r = registration("w1");
  for (const char* title : {"a", "b"})
    r.types.push_back({"probe", "", "1", R"({"title":")" + std::string(title) + "\"}", 0});
  EXPECT_EQ(call("POST", "/api/workers/register", api::encode(r)).status, 400);
  r.types.clear();
  for (int i = 0; i < 257; ++i) r.types.push_back({"t" + std::to_string(i), "", "1", "{}", 0});
  EXPECT_EQ(call("POST", "/api/workers/register", api::encode(r)).status, 400);
  r.types.pop_back();
  EXPECT_EQ(call("POST", "/api/workers/register", api::encode(r)).status, 200);
}

TEST_F(WorkersTest, what_ended_without_a_worker_does_not_speak_against_the_store) {
  const std::string id = submit();
  api("POST", "/api/tasks/" + id + "/cancel");
  control::Control other(queue, store, clock, config(), types());
  EXPECT_TRUE(other.prepare()) << "killed before its first look at what ended";
}

TEST_F(WorkersTest, explain_says_why_a_worker_takes_nothing) {
  enrol("w1");
  const std::string id = submit();
  api::Beat beat{"w1", "i1"};
  beat.troubles = {"spool: No space left on device"};
  api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
  const auto said = api("GET", "/api/tasks/" + id + "/explain");
  const auto& line = said.at("workers").as_array().at(0).as_object();
  EXPECT_EQ(get_string(line, "reason"), "takes no tasks: spool: No space left on device");
  EXPECT_FALSE(line.at("eligible").as_bool());
}

TEST_F(WorkersTest, explain_advises_to_resume_the_only_worker_that_would_run_it) {
  enrol("w1");
  const std::string id = submit();
  api("POST", "/api/workers/w1/pause");
  const auto next = [&] { return get_string(api("GET", "/api/tasks/" + id + "/explain"), "next"); };
  EXPECT_EQ(next(), "skep worker resume w1");
  clock.advance(Millis{600'000});
  EXPECT_EQ(next(), "skep task cancel " + id) << "to resume it would not help";
}

TEST_F(WorkersTest, notices_are_shown_and_keep_a_worker_from_nothing) {
  enrol("w1");
  const std::string id = submit();
  api::Beat beat{"w1", "i1"};
  beat.notices = {"scripts are not loaded"};
  api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
  EXPECT_TRUE(get_bool(
      api("GET", "/api/tasks/" + id + "/explain").at("workers").as_array().at(0).as_object(),
      "eligible"));
  const json::array shown{"scripts are not loaded"};
  EXPECT_EQ(api("GET", "/api/workers/w1").at("troubles").as_array(), shown);
  EXPECT_EQ(health().at("items").as_array().at(0).as_object().at("troubles").as_array(), shown);
  EXPECT_NE(
      call("GET", "/metrics").body.find("skep_worker_troubles{worker=\"w1\",site=\"site-a\"} 1"),
      std::string::npos);
}

TEST_F(WorkersTest, explain_says_why_a_worker_does_not_offer_a_type) {
  api::Registration r = registration("w1");
  std::erase_if(r.types, [](const ports::TaskType& type) { return type.name == "echo"; });
  api("POST", "/api/workers/register", api::encode(r));
  const std::string id = submit();
  api::Beat beat{"w1", r.incarnation};
  beat.notices = {"echo: its copy is gone"};
  api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
  const auto said = api("GET", "/api/tasks/" + id + "/explain");
  const auto& line = said.at("workers").as_array().at(0).as_object();
  EXPECT_EQ(get_string(line, "reason"), "does not offer it: echo: its copy is gone");
  EXPECT_FALSE(line.at("eligible").as_bool());
}

TEST_F(WorkersTest, a_type_that_its_only_worker_withholds_is_known_and_waits) {
  const ports::TaskType greet{"greet", "", "1", R"({"type":"object"})", 0};
  api::Registration r = registration("w1");
  r.types.push_back(greet);
  const auto tell = [&](int status = 200) {
    api("POST", "/api/workers/register", api::encode(r), status);
  };
  const std::string task = R"({"type":"greet","params":{}})";
  tell();
  const std::string before = submit(task);
  EXPECT_EQ(claim("w1").at(0).lease.task_id, before);
  r.withheld = {greet};
  tell(400);
  r.types.pop_back();
  tell();
  const std::string meanwhile = submit(task);
  EXPECT_TRUE(claim("w1").empty());
  const auto reason = [&] {
    const auto said = api("GET", "/api/tasks/" + meanwhile + "/explain");
    return get_string(said.at("workers").as_array().at(0).as_object(), "reason");
  };
  EXPECT_EQ(reason(), "does not offer it now");
  api::Beat beat{"w1", r.incarnation};
  beat.notices = {"greet: its copy is gone"};
  api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
  EXPECT_EQ(reason(), "does not offer it: greet: its copy is gone");
  control::Control next(queue, store, clock, config(), types());
  ASSERT_TRUE(next.prepare());
  std::string problems;
  model::TaskSpec spec;
  spec.type = "greet";
  spec.params = "{}";
  EXPECT_TRUE(next.feature<control::Tasks>().types.check(spec, "task", problems))
      << "also after a start";
  r.types.push_back(std::exchange(r.withheld, {}).front());
  tell();
  EXPECT_EQ(claim("w1").at(0).lease.task_id, meanwhile);
  r.types.pop_back();
  tell();
  EXPECT_EQ(get_string(api("POST", "/api/tasks", task, 400), "code"), "unknown-task-type")
      << "it has it no more";
}

TEST_F(WorkersTest, silent_since_a_start_are_awaited_for_a_while) {
  enrol("w1");
  const auto awaited = [&] {
    const bool shown = get_bool(api("GET", "/api/workers/w1"), "is_awaited");
    EXPECT_EQ(get_bool(health().at("items").as_array().at(0).as_object(), "is_awaited"), shown);
    return shown;
  };
  EXPECT_FALSE(awaited()) << "it is there";
  clock.advance(Millis{299'000});
  EXPECT_TRUE(awaited());
  clock.advance(Millis{1'000});
  EXPECT_FALSE(awaited());
}

TEST_F(WorkersTest, a_document_from_the_future_gives_way_to_the_next) {  // N15
  const auto send = [&](int n, std::int64_t ahead) {
    model::Envelope e = envelope({}, "w1");
    e.payload_type = model::PayloadType::kHealth;
    e.payload = R"({"n":)" + std::to_string(n) + "}";
    e.idempotency_key = "k" + std::to_string(n);
    e.created_ms = clock.wall_ms() + ahead;
    api("POST", "/api/workers/results", api::encode(e));
    return std::string(ports::as_text(
        store.query({"SELECT document FROM worker_documents WHERE worker_id = $1", {"w1"}})
            ->at(0)
            .at(0)));
  };
  constexpr std::int64_t kDay = 86'400'000;
  send(1, kDay);
  EXPECT_EQ(send(2, 0), R"({"n":2})");
  EXPECT_EQ(send(3, -kDay), R"({"n":2})") << "an older one, that comes late";
  clock.set(Millis{400 * kDay});
  EXPECT_EQ(send(4, 0), R"({"n":4})");
  clock.set(-Millis{400 * kDay});
  EXPECT_EQ(send(5, 0), R"({"n":5})") << "somebody set this clock, and put it right again";
}

TEST_F(WorkersTest, readiness_asks_what_a_submit_asks) {  // B5
  control.look();
  EXPECT_EQ(unwell(), "");
  store.failure = Error{Code::kUnavailable, "moved away"};
  EXPECT_EQ(unwell(), "") << "who asks gets what was found last";
  control.look();
  EXPECT_NE(unwell().find("database: moved away"), std::string::npos) << unwell();
}

TEST_F(WorkersTest, a_type_is_known_for_as_long_as_somebody_runs_it) {
  api::Registration r = registration("w1");
  r.types.push_back({"rare", "", "1.0.0", "{}", 0});
  api("POST", "/api/workers/register", api::encode(r));
  r.worker_id = "w2";
  api("POST", "/api/workers/register", api::encode(r));
  enrol("w1", "i2");
  submit(R"({"type":"rare"})");
  enrol("w2", "i2");
  api("POST", "/api/tasks", R"({"type":"rare"})", 400);
}

}  // namespace
}  // namespace skep::test
