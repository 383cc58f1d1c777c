#include <gtest/gtest.h>

#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

constexpr const char* kWorkers = R"({"items":[
 {"worker_id":"worker-a","site":"site-a","status":"online","mode":"active",
  "last_seen_at":"2026-01-10T11:59:56Z","concurrency":8,"busy":3,"capabilities":{"docker":true,"gpu":false},
  "spool":{"ready":0,"bytes":0,"quarantined":0,"rejected":0,"degraded":false},"version":"0.1.0",
  "types":[{"name":"collect_facts"}],"host":"h","pid":7,"rss_bytes":2097152},
 {"worker_id":"worker-c","site":"site-c","status":"offline","mode":"paused",
  "last_seen_at":"2026-01-10T11:54:00Z","concurrency":4,"busy":0,"capabilities":{},
  "spool":{"ready":12,"bytes":4096,"quarantined":1,"rejected":0,"degraded":false},"pid":8}]})";

TEST(Health, exits_0_or_1_only) {
  EXPECT_EQ(run_cli({"health"}, {{200, R"({"status":"ok"})"}}).code, 0);
  EXPECT_EQ(run_cli({"health"}, {{503, R"({"status":"unavailable"})"}}).code, 1);
  EXPECT_EQ(run_cli({"health"}).code, 1);
  EXPECT_EQ(run_cli({"health", "--ready", "http://h:1"}, {{200, "{}"}}).requests.at(0).url,
            "http://h:1/readyz");
}

TEST(Health, is_a_small_table_for_people) {
  const std::string body =
      R"({"version":"0.1.0","checks":{"queue":"ok","database":"disk full"},"status":"unavailable"})";
  const Ran ran = run_cli({"health"}, {{503, body}});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out,
            "node     http://127.0.0.1:9595  unavailable  version 0.1.0\n\n"
            "CHECK     STATE\n"
            "queue     ok\n"
            "database  disk full\n");
  EXPECT_EQ(run_cli({"health", "--live"}, {{200, R"({"status":"ok"})"}}).out,
            "node     http://127.0.0.1:9595  ok\n");
  EXPECT_EQ(run_cli({"health", "-o", "jsonl"}, {{503, body}}).out, body + "\n");
  EXPECT_EQ(run_cli({"health", "-q"}, {{200, body}}).out, "");
}

TEST(Health, of_a_stranger_is_none) {
  const std::string page = "<html>\x1b[2J";
  for (const std::string& body : {page, std::string("{}"), std::string("[]"), std::string()})
    for (const char* format : {"table", "json"}) {
      const Ran ran = run_cli({"health", "-o", format}, {{200, body}});
      EXPECT_EQ(ran.code, 1) << body;
      EXPECT_EQ(ran.out, "") << body;
    }
  EXPECT_EQ(run_cli({"health", "--live"}, {{502, page}}).err,
            "error: http://127.0.0.1:9595/livez answered HTTP 502 without a status   [corrupt]\n"
            "  next:  name a skep node: skep health URL   or   -c FILE\n");
}

TEST(Health, fits_a_terminal_of_80_columns) {  // O13
  const std::string body =
      R"({"checks":{"background":"flush workers: /var/lib/skep/control/store.db is full; free space on its disk"},"status":"unavailable"})";
  const Ran ran = FakeControl({{503, body}}).run({"health", "--color", "never"}, {}, "", true);
  EXPECT_EQ(ran.out,
            "node     http://127.0.0.1:9595  unavailable\n\n"
            "CHECK       STATE\n"
            "background\n"
            "    flush workers: /var/lib/skep/control/store.db is full; free space on its\n"
            "    disk\n");
}

TEST(Health, of_a_node_that_refuses_says_why) {
  const std::string problem =
      R"({"status":401,"code":"denied","detail":"a token is needed","next":"send a header"})";
  const Ran ran = run_cli({"health"}, {{401, problem}});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "error: a token is needed   [denied]\n"
            "  next:  skep --token-file FILE ..   or   export SKEP_TOKEN_FILE=FILE\n");
  const Ran quiet = run_cli({"health", "-q"}, {{401, problem}});
  EXPECT_EQ(quiet.code, 1);
  EXPECT_EQ(quiet.err, ran.err) << "as when no node answers";
}

TEST(Status, of_a_stranger_is_none) {
  const Ran ran = run_cli({"status"}, {{200, R"({"message":"hello"})"}});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "error: http://127.0.0.1:9595/api/workers/health answered no status   [corrupt]\n"
            "  next:  skep health: is this a skep control plane?\n");
}

TEST(Status, says_what_makes_it_degraded) {
  const Ran ran = run_cli(
      {"status"},
      {{200, R"({"status":"degraded","workers":{"online":2,"late":0,"offline":1,"stale":2},"items":[
        {"worker_id":"a","status":"online","troubles":["spool: disk full"]},
        {"worker_id":"b","status":"online","troubles":[]}]})"}});
  EXPECT_TRUE(
      ran.out.starts_with("control  http://127.0.0.1:9595  degraded: 1 worker offline, "
                          "2 workers stale, 1 worker in trouble (see NOTE)\n"))
      << ran.out;
}

TEST(Status, fits_one_screen) {
  const std::string health =
      std::string(R"({"status":"ok","troubles":[],"workers":{"online":1,"late":0,"offline":1,)") +
      R"("stale":0,"stopped":0,"paused":1,"draining":0,"total":2},"queue":{"queued":4,"executing":1,)" +
      R"("oldest_queued_seconds":125.5},)" + std::string(kWorkers).substr(1);
  const Ran ran = run_cli({"status"}, {{200, health}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(
      ran.out.starts_with("control  http://127.0.0.1:9595  ok\n"
                          "workers  1 online, 0 late, 1 offline, 0 stale, 1 paused\n"
                          "queue    4 queued, 1 executing, oldest waits 2m\n"
                          "\nID        SITE"))
      << ran.out;
}

TEST(Status, says_what_is_wrong_with_the_control_plane) {
  const Ran ran = FakeControl({{200, R"({"status":"degraded","troubles":["background: flush \u009b)"
                                     R"(workers: store.db is full; free some space on that disk",)"
                                     R"("queue: full"],"workers":{"online":0},"items":[]})"}})
                      .run({"status", "--color", "never"}, {}, "", true);
  EXPECT_TRUE(ran.out.starts_with(
      "control  http://127.0.0.1:9595  degraded\n"
      "trouble  background: flush \\x9bworkers: store.db is full; free some space on\n"
      "         that disk\n"
      "trouble  queue: full\n"
      "workers  0 online\n"))
      << ran.out;
}

}  // namespace
}  // namespace skep::cli
