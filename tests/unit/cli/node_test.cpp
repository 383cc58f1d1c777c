#include <gtest/gtest.h>

#include "core/base/text.hpp"
#include "core/proc/monotonic.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

constexpr auto kNode =
    R"({"id":"w1","state":"running","roles":["worker"],"site":"s","version":"1",)"
    R"("pid":7,"started_at":"2026-01-10T11:59:00Z","state_dir":"/st",)"
    R"("config_file":"n.toml","urls":["unix:/st/node.sock"],"needs_restart":)"
    R"([{"key":"http.threads","before":4,"after":9}],"last_reload":null})";

TEST(Node, shows_what_waits_for_a_restart) {
  const Ran ran = run_cli({"node", "show", "--set", "node.state_dir=/st"}, {{200, kNode}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("needs restart  http.threads  4 -> 9\n"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.requests.at(0).unix_socket, "/st/node.sock");
}

TEST(Node, shows_what_keeps_it_from_its_work) {
  const Ran ran =
      run_cli({"node", "show", "--server", "unix:/s"},
              {{200, R"({"id":"c","roles":["control"],"troubles":["queue: disk\u009b"]})"}});
  EXPECT_NE(ran.out.find("trouble       queue: disk\\x9b\n"), std::string::npos) << ran.out;
}

TEST(Node, of_a_worker_says_what_it_holds_and_when_it_was_delivered) {  // O13
  const auto results = [](const std::string& event) {
    return run_cli({"node", "show", "--server", "unix:/s"}, {{200, kNode}, {200, event}}).out;
  };
  EXPECT_NE(
      results(
          "event: worker.cut_off\ndata: {\"at\":\"2026-01-10T11:55:00Z\",\"event\":\"worker.cut_"
          "off\",\"fields\":{\"held\":12,\"reason\":\"connect: refused\"}}\n\n")
          .find("results       cut off 5m ago: connect: refused; 12 were in the spool then\n"),
      std::string::npos);
  EXPECT_NE(
      results("event: worker.delivered\ndata: {\"at\":\"2026-01-10T11:59:50Z\",\"event\":\"worker."
              "delivered\",\"fields\":{\"count\":12,\"away_seconds\":300}}\n\n")
          .find("results       12 were held for 5m and delivered 10s ago\n"),
      std::string::npos);
  EXPECT_NE(
      results("event: worker.delivered\ndata: {\"at\":\"2026-01-10T11:59:50Z\",\"event\":\"worker."
              "delivered\",\"fields\":{\"count\":12}}\n\n")
          .find("results       12 were held since before it started and delivered 10s ago\n"),
      std::string::npos);
  EXPECT_EQ(results("").find("results"), std::string::npos);
}

TEST(Node, typed_server_wins_over_the_variable_of_a_file) {
  FakeControl node({{200, kNode}});
  const Ran ran =
      node.run({"node", "show", "--server", "http://h:1"}, {{"SKEP_CONFIG", "/none.toml"}});
  ASSERT_FALSE(ran.requests.empty()) << ran.err;
  EXPECT_EQ(ran.requests[0].url, "http://h:1/api/node");
  EXPECT_TRUE(ran.requests[0].unix_socket.empty());
}

TEST(Node, reload_says_what_it_did) {
  const Ran done = run_cli(
      {"node", "reload", "--server", "unix:/s"},
      {{200,
        R"({"result":"partly","applied":[{"key":"log.level","before":"info","after":"debug"}],)"
        R"("needs_restart":[],"covered":[{"key":"worker.batch_size","value":3,"by":"env X"}],)"
        R"("warnings":[],"error":null})"}});
  EXPECT_EQ(done.out,
            "applied        log.level  \"info\" -> \"debug\"\n"
            "covered        worker.batch_size: env X counts, not the file\n");
  const Ran partly =
      run_cli({"node", "reload", "--server", "unix:/s"},
              {{200, R"({"result":"partly","plugins":[{"id":"a","result":"changed","error":null},)"
                     R"({"id":"b","result":"failed","error":"no b"}],"error":null})"}});
  EXPECT_EQ(partly.out,
            "plugin         a  goes by its new table\n"
            "plugin         b  goes on as before:\n"
            "  no b\n");
  EXPECT_EQ(partly.code, 78);
  const Ran refused =
      run_cli({"node", "reload", "--server", "unix:/s"},
              {{422, R"({"status":422,"code":"config","detail":"n.toml:1:1: no"})"}});
  EXPECT_EQ(refused.code, 78) << refused.err;
}

/// `skep events` against a node that sends `head` and then nothing, until the caller gives up or
/// `asks` is over.
Ran run_events(std::vector<std::string> more, std::string_view head, int asks) {
  Ran ran;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  std::vector<std::string> words{"events", "--server", "http://h:1", "--timeout", "20ms"};
  words.insert(words.end(), more.begin(), more.end());
  const auto stuck = [&](const net::ClientRequest& r) -> Result<net::ClientResponse> {
    ran.requests.push_back(r);
    if (!head.empty()) r.on_body(head);
    const MonoMs late = proc::monotonic_ms() + 20;
    while (proc::monotonic_ms() <= late) continue;
    for (int i = 0; i < asks; ++i)
      if (r.aborted()) return Error{Code::kCancelled, "aborted"};
    return Error{Code::kInternal, "never given up"};
  };
  ran.code = cli::run(words, {}, {in, out, err, false, false}, stuck);
  ran.err = err.str();
  return ran;
}

TEST(Events, of_a_node_that_is_stuck_end_in_time) {
  const Ran once = run_events({}, ": began\n\n", 1);
  EXPECT_EQ(once.requests.at(0).timeout, Millis{0}) << "its reader may take any time";
  EXPECT_EQ(once.code, info(Code::kDeadline).exit_code) << once.err;
  const Ran followed = run_events({"-f"}, "", 1);
  EXPECT_EQ(followed.requests.at(0).timeout, Millis{0});
  EXPECT_EQ(followed.code, info(Code::kDeadline).exit_code) << followed.err;
  EXPECT_NE(followed.err.find("gave no answer"), std::string::npos) << followed.err;
  const Ran quiet = run_events({"-f"}, ": still here\n\n", 3);
  EXPECT_NE(quiet.err.find("never given up"), std::string::npos) << quiet.err;
}

TEST(Events, say_of_what_they_are_and_who_did_it) {
  const std::string stream =
      "event: worker.paused\ndata: "
      "{\"at\":\"2026-01-10T11:00:00.000Z\",\"subject\":\"w1\",\"actor\":"
      "\"operator:token\",\"fields\":{\"site\":\"s\"}}\n\n"
      "event: task.failed\ndata: {\"at\":\"2026-01-10T11:00:01.000Z\",\"subject\":\"t\\u001b\","
      "\"actor\":\"worker:w1\",\"fields\":{\"type\":\"x\",\"worker_id\":\"w1\"}}\n\n"
      "event: task.dead\ndata: {\"at\":\"2026-01-10T11:00:02.000Z\",\"subject\":\"t2\","
      "\"actor\":\"system\",\"fields\":{\"worker_id\":\"w1\"}}\n\n"
      "event: plugin.active\ndata: {\"at\":\"2026-01-10T11:00:03.000Z\",\"fields\":{\"id\":"
      "\"p\"}}\n\n";
  EXPECT_EQ(run_cli({"events", "--server", "http://h:1"}, {{200, stream}}).out,
            "2026-01-10T11:00:00.000Z  worker.paused         w1 by operator:token  site: s\n"
            "2026-01-10T11:00:01.000Z  task.failed           t\\x1b by worker:w1  type: x\n"
            "2026-01-10T11:00:02.000Z  task.dead             t2  worker_id: w1\n"
            "2026-01-10T11:00:03.000Z  plugin.active         id: p\n");
}

TEST(Events, of_a_stranger_are_none) {
  for (const char* follow : {"", "-f"}) {
    std::vector<std::string> words{"events", "--server", "http://h:1"};
    if (*follow != 0) words.emplace_back(follow);
    const Ran ran = run_cli(words, {{200, "<html>", "text/html"}});
    EXPECT_EQ(ran.code, 1) << follow;
    EXPECT_NE(ran.err.find("http://h:1/api/events"), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("answered no stream of events   [corrupt]\n"), std::string::npos)
        << ran.err;
  }
}

TEST(Events, say_of_a_gap_what_is_missed) {
  const auto gap = [](const std::string& missed) {
    const std::string event =
        "event: gap\ndata: {\"event\":\"gap\",\"fields\":{\"missed\":" + missed +
        ",\"reason\":\"R\"}}\n\n";
    return run_cli({"events", "--server", "http://h:1"}, {{200, event}}).out;
  };
  EXPECT_NE(gap("0").find("missed: nobody knows how many, reason: R\n"), std::string::npos);
  EXPECT_NE(gap("3").find("missed: 3, reason: R\n"), std::string::npos);
}

TEST(Events, go_on_after_a_node_that_stopped_or_died) {
  const auto event = [](const std::string& id) {
    return "id: " + id + "\nevent: x.y\ndata: {\"at\":\"T" + id + "\"}\n\n";
  };
  const Ran ran =
      run_cli({"events", "-f", "--server", "http://h:1", "--timeout", "5s"},
              {{200, event("1")}, kNobody, {200, event("2"), "", true}, {200, event("3")}});
  EXPECT_EQ(ran.code, 8);
  EXPECT_EQ(split(ran.out, '\n').size(), 4U) << ran.out;
  EXPECT_EQ(ran.requests.at(2).url, "http://h:1/api/events?since=1");
  EXPECT_EQ(ran.requests.at(3).url, "http://h:1/api/events?since=2");
  const Millis ended{1'000};
  EXPECT_EQ(ran.waited, ended + Millis{250} + Millis{250} + ended + std::chrono::seconds(5));
}

TEST(Events, fit_a_terminal_of_80_columns) {  // O13
  const std::string stream =
      "event: task.failed\ndata: {\"at\":\"2026-01-10T11:00:01.000Z\",\"subject\":"
      "\"019b1c2d-3e4f-7aaa-8000-000000000001\",\"actor\":\"worker:w1\",\"fields\":{\"type\":"
      "\"execute_script\",\"attempt\":2,\"code\":\"failed\"}}\n\n"
      "event: plugin.active\ndata: {\"at\":\"2026-01-10T11:00:03.000Z\",\"fields\":{\"id\":"
      "\"p\"}}\n\n";
  const Ran ran = FakeControl({{200, stream}})
                      .run({"events", "--server", "http://h:1", "--color", "never"}, {}, "", true);
  EXPECT_EQ(ran.out,
            "2026-01-10T11:00:01.000Z  task.failed\n"
            "    019b1c2d-3e4f-7aaa-8000-000000000001 by worker:w1  type: execute_script,\n"
            "    attempt: 2, code: failed\n"
            "2026-01-10T11:00:03.000Z  plugin.active         id: p\n");
}

TEST(Node, says_how_to_name_one_when_none_answers) {
  const Ran ran = run_cli({"node", "show", "--set", "node.state_dir=/nowhere"});
  EXPECT_EQ(ran.code, 8);
  EXPECT_NE(ran.err.find("no node answers on /nowhere/node.sock (from flag node.state_dir)"),
            std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace skep::cli
