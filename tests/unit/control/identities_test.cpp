// Who may speak for which worker, and with what.
#include "core/control/tasks/lease_owner.hpp"
#include "core/control/workers/workers.hpp"
#include "tests/unit/control/bundle.hpp"

namespace skep::test {
namespace {

using net::Caller;
using net::Right;

class IdentitiesTest : public ControlTest {
 protected:
  static Caller worker(const std::string& id) {
    return {Caller::Kind::kWorker, id, Right::kWork | Right::kJoin};
  }
  static Caller newcomer() { return {Caller::Kind::kNewcomer, "join token", Right::kJoin}; }
  static Caller person() {
    return {Caller::Kind::kOperator, "token", Right::kOperate | Right::kWork | Right::kJoin};
  }
  control::WorkerCredentials& credentials() {
    return control.feature<control::Workers>().credentials;
  }
  /// Registers as `who`; the new credential, "" = none came.
  std::string joined(const Caller& who, const std::string& id, const std::string& incarnation) {
    caller = who;
    const auto reply =
        api("POST", "/api/workers/register", api::encode(registration(id, incarnation)));
    caller = {};
    return get_string(reply, "credential");
  }
  /// The code with which it is refused.
  std::string refused(const Caller& who, const std::string& id, const std::string& incarnation,
                      int status) {
    caller = who;
    const auto problem =
        api("POST", "/api/workers/register", api::encode(registration(id, incarnation)), status);
    caller = {};
    return get_string(problem, "code");
  }
  std::string refused_post(const Caller& who, const std::string& path, const std::string& body,
                           int status) {
    caller = who;
    const auto problem = api("POST", path, body, status);
    caller = {};
    return get_string(problem, "code");
  }
};

const std::string kFirst = "01990000-0000-7000-8000-000000000001";
const std::string kSecond = "01990000-0001-7000-8000-000000000001";
const std::string kThird = "01990000-0002-7000-8000-000000000001";

TEST_F(IdentitiesTest, a_newcomer_gets_a_credential_that_nobody_can_read_from_the_store) {
  const std::string credential = joined(newcomer(), "w1", kFirst);
  EXPECT_GE(credential.size(), 64u);
  EXPECT_EQ(credentials().worker_of(credential), "w1");
  EXPECT_EQ(credentials().worker_of(credential + "x"), "");
  const auto rows = store.query({"SELECT * FROM worker_credentials"});
  ASSERT_EQ(rows->size(), 1u);
  for (const char* column : {"hash", "former"})
    EXPECT_EQ(
        ports::as_text(store.query({std::string("SELECT ") + column + " FROM worker_credentials"})
                           ->at(0)
                           .at(0))
            .find(credential),
        std::string::npos);
  control::WorkerCredentials again(store);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.worker_of(credential), "w1");
}

TEST_F(IdentitiesTest, a_new_process_gets_a_new_one_and_the_former_is_good_until_that_is_used) {
  const std::string first = joined(newcomer(), "w1", kFirst);
  EXPECT_EQ(joined(worker("w1"), "w1", kFirst), "") << "the same process keeps its own";
  const std::string lost = joined(worker("w1"), "w1", kSecond);
  const std::string second = joined(worker("w1"), "w1", kThird);
  EXPECT_EQ(credentials().worker_of(first), "w1") << "the replies may be lost";
  EXPECT_EQ(credentials().worker_of(lost), "");
  EXPECT_EQ(credentials().worker_of(second), "w1");
  EXPECT_EQ(credentials().worker_of(first), "") << "the new one was used";
  beat("w1", kThird);
  control::WorkerCredentials again(store);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.worker_of(first), "");
  EXPECT_EQ(again.worker_of(second), "w1");
}

TEST_F(IdentitiesTest, one_of_a_month_is_replaced_when_its_worker_registers_again) {
  constexpr Millis kMonth{30LL * 86'400'000};
  const std::string first = joined(newcomer(), "w1", kFirst);
  clock.advance(kMonth - Millis{1});
  EXPECT_EQ(joined(worker("w1"), "w1", kFirst), "");
  clock.advance(Millis{1});
  const std::string lost = joined(worker("w1"), "w1", kFirst);
  EXPECT_NE(lost, "");
  EXPECT_EQ(credentials().worker_of(first), "w1");
  const std::string second = joined(worker("w1"), "w1", kFirst);
  EXPECT_NE(second, "") << "who shows the former one has not got it";
  EXPECT_EQ(credentials().worker_of(lost), "");
  EXPECT_EQ(credentials().worker_of(second), "w1");
  EXPECT_EQ(credentials().worker_of(first), "");
  EXPECT_EQ(joined(worker("w1"), "w1", kFirst), "");
  beat("w1", kFirst);
  control::WorkerCredentials again(store);
  ASSERT_TRUE(again.load());
  EXPECT_FALSE(again.is_due(clock.wall_ms() + kMonth.count() - 1, "w1"));
  EXPECT_TRUE(again.is_due(clock.wall_ms() + kMonth.count(), "w1"));
}

TEST_F(IdentitiesTest, a_clock_that_is_set_ends_no_credential) {
  constexpr std::int64_t kDay = 86'400'000;
  const std::string first = joined(newcomer(), "w1", kFirst);
  clock.set(Millis{400 * kDay});
  EXPECT_EQ(joined(worker("w1"), "w1", kFirst), "") << "such a clock is not believed at once";
  clock.set(-Millis{400 * kDay});
  for (const std::int64_t by :
       {kDay / 24, -kDay / 24, 10 * kDay, -10 * kDay, 400 * kDay, -400 * kDay}) {
    clock.set(Millis{by});
    joined(worker("w1"), "w1", kFirst);
    EXPECT_EQ(credentials().worker_of(first), "w1") << by;
    control::WorkerCredentials again(store);
    ASSERT_TRUE(again.load());
    EXPECT_EQ(again.worker_of(first), "w1") << by;
    clock.set(-Millis{by});
  }
}

TEST_F(IdentitiesTest, a_removed_workers_credential_is_nobodys) {
  const std::string credential = joined(newcomer(), "w1", kFirst);
  clock.advance(Millis{600'000});
  api("DELETE", "/api/workers/w1");
  EXPECT_EQ(credentials().worker_of(credential), "");
  EXPECT_TRUE(store.query({"SELECT 1 FROM worker_credentials"})->empty());
}

TEST_F(IdentitiesTest, a_worker_speaks_for_itself_alone) {  // B2
  joined(newcomer(), "w1", kFirst);
  joined(newcomer(), "w2", kFirst);
  EXPECT_EQ(refused(worker("w2"), "w1", kSecond, 403), "not-your-worker");
  const std::string claim = api::encode(api::ClaimRequest{kFirst, 1, 0, {}});
  EXPECT_EQ(refused_post(worker("w2"), "/api/workers/w1/claim", claim, 403), "not-your-worker");
  EXPECT_EQ(refused_post(worker("w2"), "/api/workers/w1/heartbeat",
                         api::encode(api::Beat{"w1", kFirst}), 403),
            "not-your-worker");
  EXPECT_EQ(refused_post(worker("w2"), "/api/workers/w1/release",
                         api::encode(api::ReleaseRequest{kFirst, {}}), 403),
            "not-your-worker");
  caller = worker("w2");
  EXPECT_EQ(call("GET", "/api/workers/w1/releases").status, 403);
  caller = worker("w1");
  EXPECT_EQ(call("POST", "/api/workers/w1/claim", claim).status, 200);
}

TEST_F(IdentitiesTest, a_result_is_its_own_workers) {  // B2
  joined(newcomer(), "w1", "i1");
  joined(newcomer(), "w2", "i1");
  const std::string task = submit();
  const auto claimed = claim("w1", 1);
  ASSERT_EQ(claimed.size(), 1u);
  const auto forged = api::encode(envelope(claimed[0].lease, "w1"));
  EXPECT_EQ(refused_post(worker("w2"), "/api/workers/results", forged, 403), "wrong-worker");
  EXPECT_EQ(refused_post(worker("w2"), "/api/workers/results",
                         api::encode(envelope(claimed[0].lease, "w2")), 403),
            "wrong-worker");
  EXPECT_NE(status_of(task), "succeeded");
  caller = worker("w1");
  EXPECT_EQ(verdict_of(envelope(claimed[0].lease, "w1")), "applied");
}

TEST_F(IdentitiesTest, output_is_its_own_workers) {
  joined(newcomer(), "w1", "i1");
  joined(newcomer(), "w2", "i1");
  const std::string task = submit();
  const auto claimed = claim("w1", 1);
  ASSERT_EQ(claimed.size(), 1u);
  const auto chunk = [&](const std::string& sender, model::Lease lease, const std::string& text) {
    model::Envelope e = envelope(lease, sender);
    e.payload_type = model::PayloadType::kLogs;
    e.idempotency_key = sender + text;
    e.payload = ::skep::api::encode(::skep::api::LogChunk{0, {{"stdout", text}}});
    caller = worker(sender);
    const auto response = call("POST", "/api/workers/results", ::skep::api::encode(e));
    caller = {};
    return response.status;
  };
  model::Lease made_up = claimed[0].lease;
  made_up.lease_id = control::marked_claim("w2", "x") + ".1";
  EXPECT_EQ(chunk("w2", claimed[0].lease, "forged"), 403);
  EXPECT_EQ(chunk("w2", made_up, "forged"), 403);
  EXPECT_EQ(chunk("w1", claimed[0].lease, "genuine"), 200);
  const auto rows = tasks().results.logs(task, 0, -1, 10);
  ASSERT_EQ(rows->rows.size(), 1u);
  EXPECT_EQ(rows->rows.at(0).entries.at(0).text, "genuine");
}

TEST_F(IdentitiesTest, a_lease_is_renewed_and_handed_back_by_its_own_worker_alone) {  // B2
  joined(newcomer(), "w1", "i1");
  joined(newcomer(), "w2", "i1");
  const std::string task = submit();
  const auto claimed = claim("w1", 1);
  ASSERT_EQ(claimed.size(), 1u);
  const auto& lease = claimed[0].lease;
  const auto verdicts = [&](const json::object& reply) {
    std::vector<std::string> out;
    for (const auto& t : reply.at("tasks").as_array())
      out.push_back(get_string(t.as_object(), "verdict"));
    return out;
  };
  ::skep::api::Beat beat{"w2", "i1"};
  beat.tasks = {{lease, true}};
  EXPECT_EQ(verdicts(api("POST", "/api/workers/w2/heartbeat", api::encode(beat))),
            std::vector<std::string>{"unknown"});
  EXPECT_EQ(verdicts(api("POST", "/api/workers/w2/release",
                         api::encode(api::ReleaseRequest{"i1", {lease}}))),
            std::vector<std::string>{"unknown"});
  EXPECT_EQ(status_of(task), "claimed");
  beat.worker_id = "w1";
  EXPECT_EQ(verdicts(api("POST", "/api/workers/w1/heartbeat", api::encode(beat))),
            std::vector<std::string>{"held"});
}

TEST_F(IdentitiesTest, a_reply_says_which_claim_it_is_to) {  // B9
  enrol("w1");
  ::skep::api::ClaimRequest request{"i1", 1, 0, {}};
  request.claim_id = "c1";
  EXPECT_EQ(
      get_string(api("POST", "/api/workers/w1/claim", ::skep::api::encode(request)), "claim_id"),
      "c1");
}

TEST(LeaseOwner, is_told_by_a_mark_that_fits_every_queue) {
  const std::string mine = control::marked_claim("w1", "claim");
  EXPECT_TRUE(control::may_be_lease_of("w1", mine + ".3"));
  EXPECT_FALSE(control::may_be_lease_of("w2", mine + ".3"));
  EXPECT_TRUE(control::may_be_lease_of("w2", new_id() + ".1")) << "from before there were marks";
  EXPECT_EQ(control::marked_claim("w1", "claim"), mine);
  EXPECT_NE(control::marked_claim("w1", ""), control::marked_claim("w1", ""));
  EXPECT_LE(control::marked_claim("w1", std::string(64, 'x')).size(), 64u);
}

TEST_F(IdentitiesTest, what_an_older_process_said_does_not_end_the_one_that_lives) {  // B4
  joined(newcomer(), "w1", kSecond);
  beat("w1", kSecond);
  EXPECT_EQ(refused(person(), "w1", kFirst, 409), "newer-process");
  beat("w1", kSecond);
  EXPECT_NE(joined(person(), "w1", kThird), "") << "a newer one takes over";
}

TEST_F(IdentitiesTest, a_name_that_none_could_follow_locks_nobody_out) {
  joined(newcomer(), "w1", "ffffffff-ffff-7fff-bfff-ffffffffffff");
  beat("w1", "ffffffff-ffff-7fff-bfff-ffffffffffff");
  EXPECT_NE(joined(person(), "w1", kSecond), "");
  EXPECT_EQ(refused(person(), "w1", kFirst, 409), "newer-process");
}

TEST_F(IdentitiesTest, an_older_name_is_welcome_once_the_other_process_is_gone) {  // a lost clock
  joined(newcomer(), "w1", kSecond);
  clock.advance(Millis{100'000});
  EXPECT_NE(joined(person(), "w1", kFirst), "");
}

TEST_F(IdentitiesTest, the_join_token_does_not_end_a_worker_that_is_there) {
  const std::string first = joined(newcomer(), "w1", kFirst);
  EXPECT_NE(joined(newcomer(), "w1", kFirst), "") << "its first reply was lost";
  EXPECT_EQ(refused(newcomer(), "w1", kSecond, 409), "worker-there");
  const std::string again = joined(newcomer(), "w1", kFirst);
  EXPECT_EQ(credentials().worker_of(again), "w1");
  EXPECT_EQ(refused(newcomer(), "w1", kFirst, 409), "worker-there")
      << "whoever knows its incarnation is not it: it has used its credential";
  ::skep::api::Beat goodbye{"w1", kFirst};
  goodbye.draining = true;
  api("POST", "/api/workers/w1/heartbeat", api::encode(goodbye));
  EXPECT_NE(joined(newcomer(), "w1", kSecond), "") << "it said goodbye";
  clock.advance(Millis{100'000});
  EXPECT_NE(joined(newcomer(), "w1", kThird), "") << "it is silent";
}

TEST_F(IdentitiesTest, a_worker_leaves_a_bounded_number_of_invented_results) {
  enrol("w1");
  enrol("w2");
  submit();
  const auto own = claim("w1").at(0).lease;
  int invented = 0;
  const auto send = [&](int count) {
    std::string body;
    for (int i = 0; i < count; ++i) {
      auto e = envelope({"invented-" + std::to_string(++invented), 1, "l"}, "w1");
      if (i % 2 == 0) {
        e.payload_type = model::PayloadType::kLogs;
        e.idempotency_key = "logs-" + e.lease.task_id;
        e.payload = api::encode(api::LogChunk{0, {{"stdout", "hello"}}});
      }
      body += (i == 0 ? "[" : ",") + api::encode(e);
    }
    const auto answer = api("POST", "/api/workers/results", body + "]");
    int taken = 0;
    for (const auto& item : answer.at("items").as_array())
      if (item.as_object().at("ack").is_string())
        ++taken;
      else
        EXPECT_EQ(get_string(item.as_object().at("error").as_object(), "code"),
                  "too-many-unknown-tasks");
    return taken;
  };
  caller = worker("w1");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send(1'000), 1'000);
  EXPECT_EQ(send(10), 0);
  EXPECT_EQ(verdict_of(envelope(own, "w1")), "applied") << "its own work goes on";
  clock.advance(Millis{8'640'000});  // a tenth of a day
  EXPECT_EQ(send(1'000), 1'000);
  EXPECT_EQ(send(10), 0);
  caller = worker("w2");
  EXPECT_EQ(verdict_of(envelope({"gone", 1, "l"}, "w2")), "orphan_recorded");
  caller = {};
}

TEST(UnknownOutput, is_bounded_in_bytes) {
  control::UnknownOutput account({100, 1'000});
  account.add("w1", 999, 1'000);
  EXPECT_FALSE(account.is_full("w1", 1'000));
  account.add("w1", 1, 1'000);
  EXPECT_TRUE(account.is_full("w1", 1'000));
  EXPECT_FALSE(account.is_full("w2", 1'000));
  EXPECT_FALSE(account.is_full("w1", 86'401'000));
}

}  // namespace
}  // namespace skep::test
