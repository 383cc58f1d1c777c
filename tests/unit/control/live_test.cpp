// What changes while a control plane runs: options and task types.
#include "bundle.hpp"

namespace skep::test {
namespace {

class LiveControl : public ControlTest {
 protected:
  json::object enrol_types(std::vector<ports::TaskType> types) {
    api::Registration r = registration("w1");
    r.types = std::move(types);
    return api("POST", "/api/workers/register", api::encode(r));
  }
};

constexpr auto kEcho = R"({"type":"echo"})";

ports::TaskType type(const std::string& name, const std::string& schema = "{}") {
  return {name, "", "1", schema, 0};
}

TEST_F(LiveControl, new_tasks_get_the_new_number_of_tries) {
  auto next = config();
  next.tasks.max_attempts = 9;
  control.apply(next);
  EXPECT_EQ(get_int(api("POST", "/api/tasks", kEcho, 201), "max_attempts"), 9);
}

TEST_F(LiveControl, presence_goes_by_the_new_limits) {
  enrol_types({type("echo")});
  clock.advance(Millis{10'000});
  EXPECT_EQ(get_string(api("GET", "/api/workers/w1"), "status"), "online");
  auto next = config();
  next.presence.offline_after_seconds = 5;
  next.presence.stale_after_seconds = 60;
  control.apply(next);
  EXPECT_EQ(get_string(api("GET", "/api/workers/w1"), "status"), "offline");
  next.presence.stale_after_seconds = 6;
  control.apply(next);
  EXPECT_EQ(get_string(api("GET", "/api/workers/w1"), "status"), "stale");
}

TEST_F(LiveControl, registrations_tell_the_new_lease) {
  auto next = config();
  next.tasks.lease_seconds = 12;
  control.apply(next);
  EXPECT_EQ(get_double(enrol_types({type("echo")}), "lease_seconds"), 12);
}

TEST_F(LiveControl, a_type_that_a_worker_brings_later_can_be_submitted_and_claimed) {
  enrol_types({type("echo")});
  api("POST", "/api/tasks", R"({"type":"fresh"})", 400);
  enrol_types({type("echo"), type("fresh")});
  api("POST", "/api/tasks", R"({"type":"fresh"})", 201);
  EXPECT_EQ(claim("w1").size(), 1u);
}

TEST_F(LiveControl, a_registration_again_wakes_the_waiting_claim_and_keeps_the_last_beat) {
  enrol_types({type("echo")});
  bool woken = false;
  const auto id = waits().claims.add("w1", waits().claims.ticket("w1"), [&] { woken = true; });
  enrol_types({type("echo"), type("fresh")});
  EXPECT_TRUE(woken);
  waits().claims.remove(id);
}

TEST_F(LiveControl, the_last_schema_of_a_type_counts) {
  enrol_types({type("s")});
  api("POST", "/api/tasks", R"({"type":"s","params":{}})", 201);
  enrol_types({type("s", R"({"type":"object","required":["x"],"properties":{"x":{}}})")});
  api("POST", "/api/tasks", R"({"type":"s","params":{}})", 400);
}

TEST_F(LiveControl, a_type_that_nobody_runs_any_more_is_forgotten_unless_it_is_our_own) {
  enrol_types({type("echo"), type("fresh")});
  enrol_types({});
  api("POST", "/api/tasks", R"({"type":"fresh"})", 400);
  api("POST", "/api/tasks", kEcho, 201);
  tasks().types.set_own({});
  api("POST", "/api/tasks", kEcho, 400);
}

}  // namespace
}  // namespace skep::test
