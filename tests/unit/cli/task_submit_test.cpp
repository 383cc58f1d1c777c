#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <csignal>

#include "tests/unit/cli/cli_support.hpp"
#include "tests/unit/cli/task_documents.hpp"

namespace skep::cli {
namespace {

TEST(TaskSubmit, sends_every_option_under_its_api_name) {
  const Ran ran = run_cli({"task",
                           "submit",
                           "execute_script",
                           "-p",
                           "script=id",
                           "--site",
                           "a",
                           "--worker",
                           "w",
                           "--require",
                           "docker",
                           "--require",
                           "gpu",
                           "--priority",
                           "high",
                           "--timeout",
                           "1.5",
                           "--max-attempts",
                           "2",
                           "--run-at",
                           "+10m",
                           "--expires-at",
                           "2026-02-01T00:00:00Z",
                           "--idempotency-key",
                           "k"},
                          {{201, kQueued}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(*parse_json(ran.requests.at(0).body),
            *parse_json(R"({"type":"execute_script","params":{"script":"id"},"site":"a",
              "worker_id":"w","requires":["docker","gpu"],"priority":"high","timeout_seconds":1.5,
              "max_attempts":2,"run_at":"2026-01-10T12:10:00.000Z",
              "expires_at":"2026-02-01T00:00:00.000Z","idempotency_key":"k"})"));
  EXPECT_EQ(ran.out, "task t1 queued\n");
  EXPECT_EQ(ran.err, "  next:  skep task logs t1 -f\n");
}

TEST(TaskSubmit, sends_nothing_that_was_not_given) {
  const Ran ran = run_cli({"task", "submit", "collect_facts", "-o", "name"}, {{201, kQueued}});
  EXPECT_EQ(ran.requests.at(0).body, R"({"type":"collect_facts","params":{}})");
  EXPECT_EQ(ran.out, "t1\n");
}

TEST(TaskSubmit, asks_for_the_schema_only_when_a_value_may_be_json_or_text) {
  const Ran ran = run_cli({"task", "submit", "execute_script", "-p", "script=true", "-p", "n=5"},
                          {{200, kTypes}, {201, kQueued}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(ran.requests.size(), 2U);
  EXPECT_EQ(ran.requests[0].url, "http://127.0.0.1:9595/api/task-types");
  EXPECT_EQ(ran.requests[1].body, R"({"type":"execute_script","params":{"script":"true","n":5}})");
  const Ran denied = run_cli({"task", "submit", "execute_script", "-p", "n=5"},
                             {{403, R"({"detail":"no","code":"denied"})"}, {201, kQueued}});
  EXPECT_EQ(denied.requests.at(1).body, R"({"type":"execute_script","params":{"n":5}})");
}

TEST(TaskSubmit, refuses_bad_times_and_numbers_before_it_sends) {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--run-at", "soon"},
                                               {"--run-at", "+5"},
                                               {"--run-at", "+"},
                                               {"--max-attempts", "0"},
                                               {"--timeout", "x"},
                                               {"--wait-timeout", "-1"},
                                               {"--timeout", "nan"}}) {
    std::vector<std::string> words{"task", "submit", "t"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run_cli(words);
    EXPECT_EQ(ran.code, 2) << more[0] << more[1] << ran.err;
    EXPECT_TRUE(ran.requests.empty());
  }
}

TEST(TaskSubmit, names_options_as_they_are_typed) {
  const Ran ran = run_cli({"task", "submit", "t", "--timeout", "5x"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--timeout \"5x\" is no length of time"), std::string::npos) << ran.err;
}

TEST(TaskSubmit, takes_times_with_units) {  // O8
  const Ran ran = run_cli(
      {"task", "submit", "t", "--timeout", "5m", "--run-at", "+1.5h", "--wait-timeout", "30s"},
      {{201, kQueued}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(*parse_json(ran.requests.at(0).body),
            *parse_json(R"({"type":"t","params":{},"timeout_seconds":300.0,
                            "run_at":"2026-01-10T13:30:00.000Z"})"));
  EXPECT_EQ(run_cli({"status", "--timeout", "2m"}, {{200, "{}"}}).requests.at(0).timeout,
            std::chrono::minutes(2));
  const Ran wrong = run_cli({"status", "--timeout", "2 minutes"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("expected a number of seconds, or 250ms, 30s, 5m, 2h, 7d"),
            std::string::npos)
      << wrong.err;
}

TEST(TaskSubmit, warns_when_nobody_is_where_it_should_run) {  // O10
  const std::string workers = R"({"items":[{"worker_id":"w","site":"site-a"}]})";
  const Ran site = run_cli({"task", "submit", "t", "--site", "sit-a"},
                           {{201, kQueued}, {200, R"({"items":[]})"}, {200, workers}});
  EXPECT_EQ(site.code, 0);
  EXPECT_EQ(site.requests.at(1).url, "http://127.0.0.1:9595/api/workers?site=sit-a");
  EXPECT_NE(site.err.find("warning: no worker at site \"sit-a\"; known sites: site-a; did you mean "
                          "\"site-a\"?\n"),
            std::string::npos)
      << site.err;
  const Ran there =
      run_cli({"task", "submit", "t", "--site", "site-a"}, {{201, kQueued}, {200, workers}});
  EXPECT_EQ(there.err, "  next:  skep task logs t1 -f\n");
  const std::string able =
      R"({"items":[{"worker_id":"w","capabilities":{"docker":true,"gpu":false}}]})";
  const Ran lacks = run_cli({"task", "submit", "t", "--require", "dokcer", "--require", "gpu"},
                            {{201, kQueued}, {200, able}});
  EXPECT_NE(
      lacks.err.find("warning: no worker has capability \"dokcer\"; known capabilities: "
                     "docker; did you mean \"docker\"?\n"
                     "warning: no worker has capability \"gpu\"; known capabilities: docker\n"),
      std::string::npos)
      << lacks.err;
  const Ran has =
      run_cli({"task", "submit", "t", "--require", "docker"}, {{201, kQueued}, {200, able}});
  EXPECT_EQ(has.err, "  next:  skep task logs t1 -f\n");
  const Ran worker =
      run_cli({"task", "submit", "t", "--worker", "wq"},
              {{201, kQueued},
               {404, R"({"detail":"no worker \"wq\" has registered","code":"unknown-worker"})"}});
  EXPECT_EQ(worker.code, 0);
  EXPECT_NE(worker.err.find("warning: no worker \"wq\" has registered\n"), std::string::npos);
  EXPECT_EQ(run_cli({"task", "submit", "t", "--site", "x", "-o", "json"}, {{201, kQueued}})
                .requests.size(),
            1u)
      << "a program gets its document and nothing else";
}

TEST(TaskSubmit, waits_and_prints_the_result_of_a_script) {
  const Ran ran = run_cli(
      {"task", "submit", "execute_script", "-p", "script=x", "--wait"},
      {{201, kQueued},
       {200, kQueued},
       {200, kExplained},
       {200, ended("succeeded",
                   R"("result":{"exit_code":0,"stdout":"one\ntwo\n","stderr":"warn\n"})")}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "task t1 execute_script succeeded in 1.2s on w1 (attempt 1)\n"
            "exit code  0\n"
            "stdout\n  one\n  two\n"
            "stderr\n  warn\n");
  EXPECT_EQ(ran.err,
            "task t1 queued\n"
            "waiting: task t1 is queued for 4s; it can run on 0 of 0 workers\n"
            "  next:  skep up\n");
  EXPECT_EQ(ran.requests.at(3).url, "http://127.0.0.1:9595/api/tasks/t1?wait=30");
  EXPECT_GT(ran.requests.at(3).timeout, std::chrono::seconds(30));
}

TEST(TaskSubmit, exits_9_when_the_task_failed) {
  const Ran ran = run_cli(
      {"task", "submit", "execute_script", "--wait"},
      {{201, kQueued},
       {200,
        ended("failed", R"("error":{"code":"invalid","message":"script exited with code 3"},)"
                        R"("result":{"exit_code":3,"signal":null,"stdout":"","stderr":"no\n"})")}});
  EXPECT_EQ(ran.code, 9);
  EXPECT_EQ(ran.out,
            "task t1 execute_script failed in 1.2s on w1 (attempt 1)\n"
            "error      script exited with code 3\n"
            "exit code  3\n"
            "stderr\n  no\n");
}

TEST(TaskSubmit, explains_to_who_follows_why_nobody_runs_it) {
  const std::vector<Answer> silent{
      {200, R"({"items":[],"next_cursor":"","ended":false})"},
      {200, kExplained},
      {200, R"({"items":[],"next_cursor":"","ended":true})"},
      {200, R"({"id":"t1","type":"execute_script","status":"cancelled"})"}};
  std::vector<Answer> submitted = silent;
  submitted.insert(submitted.begin(), {201, kQueued});
  const std::string why =
      "waiting: task t1 is queued for 4s; it can run on 0 of 0 workers\n  next:  skep up\n";
  EXPECT_EQ(run_cli({"task", "submit", "execute_script", "-f"}, submitted).err,
            "task t1 queued\n" + why);
  const Ran ran = run_cli({"task", "logs", "t1", "-f"}, silent);
  EXPECT_EQ(ran.err, why + "task t1 (cancelled) has written nothing\n");
  EXPECT_EQ(ran.requests.at(1).url, "http://127.0.0.1:9595/api/tasks/t1/explain");
}

TEST(TaskSubmit, follows_the_output_and_resumes_at_the_cursor) {
  const Ran ran = run_cli(
      {"task", "submit", "execute_script", "-f"},
      {{201, kQueued},
       {200, R"({"items":[{"stream":"stdout","text":"a"},{"stream":"stderr","text":"b"}],
                 "next_cursor":"c 1","ended":false})"},
       {200, R"({"items":[],"next_cursor":"c 1","ended":false})"},
       {200, R"({"items":[{"stream":"stdout","text":"c\n"}],"next_cursor":"c2","ended":true})"},
       {200, ended("succeeded", R"("result":{"exit_code":0,"stdout":"ac\n","stderr":"b"})")}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "ac\ntask t1 execute_script succeeded in 1.2s on w1 (attempt 1)\nexit code  0\n");
  EXPECT_EQ(ran.err, "task t1 queued\nb");
  EXPECT_EQ(ran.requests.at(1).url, "http://127.0.0.1:9595/api/tasks/t1/logs?wait=4");
  EXPECT_EQ(ran.requests.at(2).url, "http://127.0.0.1:9595/api/tasks/t1/logs?after=c%201&wait=20");
}

TEST(TaskSubmit, keeps_stdout_for_the_document_when_a_program_follows) {
  const Ran ran = run_cli(
      {"task", "submit", "execute_script", "-f", "-o", "jsonl"},
      {{201, kQueued},
       {200, R"({"items":[{"stream":"stdout","text":"a\n"}],"next_cursor":"1","ended":true})"},
       {200, ended("succeeded", R"("result":null)")}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(parse_json(ran.out)) << ran.out;
  EXPECT_NE(ran.err.find("a\n"), std::string::npos);
}

constexpr const char* kGone =
    "control plane at http://127.0.0.1:9595 (the default) cannot be reached: connect: Connection "
    "refused";

TEST(TaskSubmit, waits_on_while_the_control_plane_is_away) {
  const std::string over = ended("succeeded", R"("result":{"exit_code":0})");
  const Ran ran =
      run_cli({"task", "submit", "t", "--wait"}, {{201, kQueued},
                                                  kNobody,
                                                  kNobody,
                                                  {503, R"({"detail":"it starts","code":"busy"})"},
                                                  {200, kQueued},
                                                  kNobody,
                                                  {200, over}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const std::string note = std::string(kGone) + "; trying again for 60s\n";
  EXPECT_EQ(ran.err, "task t1 queued\n" + note + note) << "once for each time that it is away";
  EXPECT_EQ(ran.waited, Millis{250 + 500 + 1'000 + 250});
}

TEST(TaskSubmit, stops_waiting_for_a_control_plane_that_stays_away) {
  const Ran ran = run_cli({"task", "submit", "t", "--wait"}, {{201, kQueued}});
  EXPECT_EQ(ran.code, 8);
  EXPECT_EQ(ran.waited, std::chrono::minutes(1));
  EXPECT_EQ(ran.err, "task t1 queued\n" + std::string(kGone) +
                         "; trying again for 60s\nerror: " + kGone +
                         "; task t1 goes on   [unreachable]\n"
                         "  next:  skep health     # until it answers again\n"
                         "         skep task logs t1 -f     # look again\n"
                         "         skep task cancel t1      # or stop it\n");
  const Ran bound =
      run_cli({"task", "submit", "t", "--wait", "--wait-timeout", "10s"}, {{201, kQueued}});
  EXPECT_EQ(bound.code, 7) << bound.err;
  EXPECT_EQ(bound.waited, std::chrono::seconds(10));
}

TEST(TaskSubmit, stops_waiting_for_somebody_on_the_way_who_is_always_busy) {
  for (const int status : {429, 408}) {
    std::vector<Answer> answers{{201, kQueued}};
    answers.resize(1'000, {status, "slow down"});
    const Ran ran = run_cli({"task", "submit", "t", "--wait"}, answers);
    EXPECT_NE(ran.code, 0);
    EXPECT_EQ(ran.waited, std::chrono::minutes(1)) << status;
  }
}

TEST(TaskSubmit, says_of_each_wait_that_fails_that_the_task_goes_on) {
  const Answer denied{401, R"({"detail":"a token is needed","code":"denied"})"};
  const std::string ways =
      "         skep task logs t1 -f     # look again\n"
      "         skep task cancel t1      # or stop it\n";
  for (const char* how : {"--wait", "-f"}) {
    const Ran ran = run_cli({"task", "submit", "t", how}, {{201, kQueued}, denied});
    EXPECT_EQ(ran.code, 4) << how;
    EXPECT_EQ(ran.err,
              "task t1 queued\nerror: a token is needed; task t1 goes on   [denied]\n"
              "  next:  skep --token-file FILE ..   or   export SKEP_TOKEN_FILE=FILE\n" +
                  ways)
        << how;
    const Ran strange = run_cli({"task", "submit", "t", how}, {{201, kQueued}, {200, "<html>"}});
    EXPECT_NE(strange.err.find("; task t1 goes on   [corrupt]\n"), std::string::npos)
        << strange.err;
    const Ran json = run_cli({"task", "submit", "t", how, "-o", "json"}, {{201, kQueued}, denied});
    EXPECT_NE(json.err.find("skep task cancel t1"), std::string::npos) << json.err;
    const Ran gone = run_cli({"task", "submit", "t", how},
                             {{201, kQueued}, {404, R"({"detail":"no task","code":"not-found"})"}});
    EXPECT_EQ(gone.err.find("goes on"), std::string::npos) << gone.err;
  }
  const Ran logs = run_cli({"task", "logs", "t1", "-f"}, {denied});
  EXPECT_EQ(logs.err.find("goes on"), std::string::npos) << "nobody said that it is there";
}

TEST(TaskSubmit, fails_at_once_where_nobody_ever_answered) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"submit", "t", "--wait"}, {"logs", "t1", "-f"}}) {
    std::vector<std::string> all{"task"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = run_cli(all, {kNobody, {200, kQueued}});
    EXPECT_EQ(ran.code, 8);
    EXPECT_EQ(ran.requests.size(), 1U);
    EXPECT_NE(ran.err.find("next:  skep up "), std::string::npos) << ran.err;
  }
}

TEST(TaskSubmit, ends_its_waiting_at_once_when_it_is_interrupted) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto gone_after_it = [](const net::ClientRequest& r) -> Result<net::ClientResponse> {
    if (r.method == "POST") return net::ClientResponse{201, kQueued, {}};
    return unavailable("connect: Connection refused");
  };
  EXPECT_EXIT(run_and_exit({"task", "submit", "t", "--wait"}, gone_after_it),
              testing::ExitedWithCode(130), "interrupted; task t1 goes on");
}

TEST(TaskSubmit, that_is_interrupted_before_the_answer_says_that_the_task_may_be_there) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(run_and_exit({"task", "submit", "t"}, interrupted_request),
              testing::ExitedWithCode(130),
              "error: interrupted; the task may be there   \\[interrupted\\]\n"
              "  next:  skep task list --type t     # is it\\?\n");
  EXPECT_EXIT(run_and_exit({"task", "submit", "t", "--wait", "--idempotency-key", "k"},
                           interrupted_request),
              testing::ExitedWithCode(130),
              "next:  the same command with the same --idempotency-key submits it once\n");
}

TEST(TaskSubmit, says_how_to_look_again_when_it_stops_waiting) {
  const Ran ran =
      run_cli({"task", "logs", "t1", "-f"}, {{504, R"({"detail":"late","code":"deadline"})"}});
  EXPECT_EQ(ran.code, 7);
  EXPECT_EQ(ran.err,
            "error: late   [deadline]\n"
            "  next:  skep task logs t1 -f     # look again\n"
            "         skep task cancel t1      # or stop it\n");
}

}  // namespace
}  // namespace skep::cli
