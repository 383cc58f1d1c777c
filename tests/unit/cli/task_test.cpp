#include <gtest/gtest.h>

#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"
#include "tests/unit/cli/task_documents.hpp"

namespace skep::cli {
namespace {

TEST(TaskTypes, lists_what_the_control_plane_takes) {
  const Ran ran = run_cli({"task", "types"}, {{200, kTypes}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "TYPE            VERSION  ABOUT\n"
            "collect_facts   1.0.0    Facts of a machine.\n"
            "execute_script  1.2.0    Runs a script.\n");
  EXPECT_EQ(run_cli({"task", "types", "-o", "name"}, {{200, kTypes}}).out,
            "collect_facts\nexecute_script\n");
}

TEST(TaskTypes, shows_the_parameters_of_one) {
  const Ran ran = run_cli({"task", "types", "execute_script"}, {{200, kTypes}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with(
      "execute_script  1.2.0\nRuns a script.\nparams schema\n  {\n    \"type\": \"object\","))
      << ran.out;
  const Ran missing = run_cli({"task", "types", "execute_scrip"}, {{200, kTypes}});
  EXPECT_EQ(missing.code, 3);
  EXPECT_NE(missing.err.find("did you mean \"execute_script\"?"), std::string::npos);
  EXPECT_NE(missing.err.find("next:  skep task types   or, where a worker runs: skep script list, "
                             "skep plugin list\n"),
            std::string::npos)
      << missing.err;
}

TEST(TaskLogs, of_a_task_that_wrote_nothing_say_so) {
  const std::vector<Answer> empty{{200, R"({"items":[],"next_cursor":null,"ended":true})"}};
  const Ran ran = run_cli({"task", "logs", "t1"}, empty);
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "task t1 has written nothing\n") << "the control plane says no state";
  const Ran queued = run_cli({"task", "logs", "t1"}, {empty[0], {200, kQueued}});
  EXPECT_EQ(queued.err, "task t1 (queued) has written nothing\n  next:  skep task explain t1\n");
  EXPECT_EQ(run_cli({"task", "logs", "t1", "-o", "jsonl"}, empty).err, "");
}

TEST(TaskList, asks_with_filters_and_follows_cursors_up_to_the_limit) {
  const auto page = [](int from, int count, const std::string& cursor) {
    std::string out = "{\"items\":[";
    for (int i = 0; i < count; ++i)
      out += (i > 0 ? "," : "") + std::string("{\"id\":\"t") + std::to_string(from + i) + "\"}";
    return out + "],\"next_cursor\":" + cursor + "}";
  };
  const Ran ran = run_cli(
      {"task", "list", "--status", "queued", "--site", "a b", "--limit", "250", "-o", "name"},
      {{200, page(0, 200, "\"next\"")}, {200, page(200, 50, "\"more\"")}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 250);
  EXPECT_EQ(ran.requests.at(0).url,
            "http://127.0.0.1:9595/api/tasks?status=queued&site=a%20b&limit=200");
  EXPECT_EQ(ran.requests.at(1).url,
            "http://127.0.0.1:9595/api/tasks?status=queued&site=a%20b&limit=50&cursor=next");
}

TEST(TaskList, that_is_empty_names_a_slip_in_its_filters) {
  const std::vector<std::string> asked{"task",          "list",   "--type",
                                       "execute_scrpt", "--site", "sit-a"};
  const std::vector<Answer> answers{{200, R"({"items":[]})"},
                                    {200, kTypes},
                                    {200, R"({"items":[]})"},
                                    {200, R"({"items":[{"worker_id":"w","site":"site-a"}]})"}};
  EXPECT_EQ(
      run_cli(asked, answers).err,
      "no tasks\n"
      "warning: no task type \"execute_scrpt\"; known types: collect_facts, execute_script; "
      "did you mean \"execute_script\"?\n"
      "warning: no worker at site \"sit-a\"; known sites: site-a; did you mean \"site-a\"?\n");
  EXPECT_EQ(run_cli({"task", "list", "--type", "execute_script"}, answers).err, "no tasks\n");
  EXPECT_EQ(run_cli({"task", "list", "--type", "x", "-o", "json"}, answers).requests.size(), 1U);
}

TEST(TaskList, shows_the_reason_of_a_failure_on_its_line) {
  const Ran ran = run_cli({"task", "list", "--limit", "1"},
                          {{200, R"({"items":[{"id":"t1","type":"x","status":"failed","site":null,
    "worker_id":"w","attempt":2,"max_attempts":5,"created_at":"2026-01-10T11:58:00Z","duration_ms":null,
    "error":{"message":"disk\nfull"}}],"next_cursor":"c"})"}});
  EXPECT_EQ(ran.out,
            "ID  TYPE  STATUS  WORKER  TRY  AGE  TOOK  NOTE\n"
            "t1  x     failed  w       2/5  2m   -     disk full\n");
  EXPECT_EQ(ran.err, "more tasks exist; next: --limit 4\n");
}

constexpr const char* kIds = R"({"items":[
  {"id":"019b1c2d-3e4f-7aaa-8000-000000000001","type":"execute_script","status":"failed","state":"failed",
   "worker_id":"worker-site-a-01","attempt":1,"max_attempts":5,"duration_ms":1200,
   "created_at":"2026-01-10T11:58:00Z","error":{"message":"script exited with code 3 and said a great deal more"}},
  {"id":"019b1c2d-3e4f-7aab-8000-000000000002","type":"execute_script","status":"queued","state":"scheduled",
   "site":"site-a","attempt":0,"max_attempts":5,"created_at":"2026-01-10T11:58:00Z","run_at":"2026-01-10T12:09:00Z"},
  {"id":"019b1c2e-0000-7aab-8000-000000000003","type":"execute_script","status":"queued","state":"retry_wait",
   "worker_id":"w","attempt":1,"tries_used":1,"max_attempts":5,"created_at":"2026-01-10T11:58:00Z",
   "run_at":"2026-01-10T12:00:30Z","error":{"message":"no"}}]})";

TEST(TaskList, fits_a_terminal_of_80_columns) {  // O13
  const Ran ran =
      FakeControl({{200, kIds}}).run({"task", "list", "--color", "never"}, {}, "", true);
  EXPECT_EQ(ran.out,
            "ID                  TYPE          STATUS     WORKER         TRY  AGE  TOOK  NOTE\n"
            "019b1c2d-3e4f-7aaa  execute_scr…  failed     worker-site-…  1/5  2m   1.2s\n"
            "    script exited with code 3 and said a great deal more\n"
            "019b1c2d-3e4f-7aab  execute_scr…  scheduled  at site-a      0/5  2m   -\n"
            "    starts in 9m\n"
            "019b1c2e-0000-7aab  execute_scr…  retrying   w              1/5  2m   -\n"
            "    starts in 30s; no\n");
  for (const std::string& line : split(ran.out, '\n')) EXPECT_LE(display_width(line), 80u) << line;
}

TEST(TaskList, shows_as_much_of_an_id_as_tells_it_apart) {  // O13
  const Ran ran = run_cli({"task", "list"}, {{200, kIds}});
  EXPECT_TRUE(ran.out.find("\n019b1c2d-3e4f-7aab  execute_script  scheduled  at site-a") !=
              std::string::npos)
      << ran.out;
  const Ran wide = run_cli({"task", "list", "-o", "wide"}, {{200, kIds}});
  EXPECT_NE(wide.out.find("019b1c2d-3e4f-7aab-8000-000000000002  "), std::string::npos);
  EXPECT_EQ(run_cli({"task", "list", "-o", "name"}, {{200, kIds}}).out.substr(0, 37),
            "019b1c2d-3e4f-7aaa-8000-000000000001\n");
}

TEST(Tasks, are_found_by_the_beginning_of_their_id) {  // O13
  const std::string one = R"({"items":[{"id":"019b1c2d-3e4f-7aaa-8000-000000000001"}]})";
  for (const char* verb : {"show", "logs", "explain", "cancel", "retry"}) {
    const Ran ran = run_cli(
        {"task", verb, "019b1c2d-3e4f-7aaa"},
        {{200, one}, {200, R"({"id":"x","items":[],"ended":true})"}, {200, R"({"id":"x"})"}});
    EXPECT_EQ(ran.code, 0) << verb << ran.err;
    EXPECT_EQ(ran.requests.at(0).url,
              "http://127.0.0.1:9595/api/tasks?id=019b1c2d-3e4f-7aaa&limit=5");
    EXPECT_NE(ran.requests.at(1).url.find("/api/tasks/019b1c2d-3e4f-7aaa-8000-000000000001"),
              std::string::npos)
        << ran.requests.at(1).url;
  }
  const Ran several = run_cli({"task", "cancel", "019b1c2d"}, {{200, kIds}});
  EXPECT_EQ(several.code, 2);
  EXPECT_EQ(several.requests.size(), 1u) << "nothing is cancelled on a guess";
  EXPECT_NE(several.err.find("[ambiguous-id]\n  - 019b1c2d-3e4f-7aaa-8000-000000000001  "
                             "execute_script  failed  2m ago\n"),
            std::string::npos)
      << several.err;
  const Ran none = run_cli({"task", "show", "019b1c2d"}, {{200, R"({"items":[]})"}});
  EXPECT_EQ(none.code, 3);
  EXPECT_NE(none.err.find("no task has an id that begins with \"019b1c2d\""), std::string::npos);
  const Ran little = run_cli({"task", "show", "01a"});
  EXPECT_EQ(little.code, 2);
  EXPECT_NE(little.err.find("\"01a\" is too little of a task's id: at least 4 characters"),
            std::string::npos)
      << little.err;
}

TEST(Tasks, are_the_last_one_submitted_from_here) {  // O13
  const test::TempDir home;
  const Environment environment{{"HOME", home.path()}};
  const Ran before = FakeControl().run({"task", "show", "@last"}, environment);
  EXPECT_EQ(before.code, 3) << before.err;
  EXPECT_TRUE(before.requests.empty());
  for (const char* id : {"a1", "b2"})
    FakeControl({{201, R"({"id":")" + std::string(id) + R"(","status":"queued"})"}})
        .run({"task", "submit", "t"}, environment);
  FakeControl({{201, R"({"id":"c3","status":"queued"})"}})
      .run({"task", "submit", "t", "--server", "http://other:1"}, environment);
  const auto asked = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"task", "cancel", "@last"};
    words.insert(words.end(), more.begin(), more.end());
    return FakeControl({{200, "{}"}}).run(words, environment).requests.at(0).url;
  };
  EXPECT_EQ(asked({}), "http://127.0.0.1:9595/api/tasks/b2/cancel");
  EXPECT_EQ(asked({"--server", "http://other:1"}), "http://other:1/api/tasks/c3/cancel");
  EXPECT_EQ(FakeControl().run({"task", "show", "@last"}).code, 3) << "no place of the user's own";
}

TEST(TaskShow, gives_a_cancelled_task_its_output) {  // O12
  const Ran ran = run_cli(
      {"task", "show", "t1"},
      {{200, ended("cancelled", R"("error":{"message":"cancelled by an operator"},"result":null)")},
       {200,
        R"({"items":[{"attempt":1,"stream":"stdout","text":"half\n"}],"next_cursor":"1","ended":true})"}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.ends_with("\noutput\nhalf\n")) << ran.out;
}

TEST(TaskShow, makes_a_row_of_facts_and_cuts_other_long_documents) {  // O13
  std::string facts = R"("result":{"fact_count":3,"facts":{"os":{"name":"x"},"deep":[)";
  for (int i = 0; i < 500; ++i) facts += std::to_string(i) + ",";
  facts += R"(0]}})";
  const Ran row = run_cli({"task", "submit", "collect_facts", "--wait"},
                          {{201, kQueued}, {200, ended("succeeded", facts)}});
  EXPECT_LT(split(row.out, '\n').size(), 8u) << row.out;
  EXPECT_NE(row.out.find("all facts: skep task show t1 -o json\n"), std::string::npos);
  const Ran whole = run_cli({"task", "submit", "collect_facts", "--wait", "-o", "json"},
                            {{201, kQueued}, {200, ended("succeeded", facts)}});
  EXPECT_GT(split(whole.out, '\n').size(), 500u);
  std::string list = R"("result":[0)";
  for (int i = 0; i < 100; ++i) list += ",1";
  const Ran cut = run_cli({"task", "show", "t1"}, {{200, ended("succeeded", list + "]")}});
  EXPECT_NE(cut.out.find("and 63 more lines: skep task show t1 -o json\n"), std::string::npos)
      << cut.out;
}

TEST(TaskExplain, says_for_each_worker_why_not) {
  const Ran ran =
      run_cli({"task", "explain", "t1"},
              {{200, R"({"summary":"task t1 is queued for 9m; it can run on 1 of 2 workers",
     "workers":[{"worker_id":"w-long","eligible":false,"reason":"lacks capability gpu"},
                {"worker_id":"w","eligible":true,"reason":"free slot"}],"next":"skep task cancel t1"})"}});
  EXPECT_EQ(ran.out,
            "task t1 is queued for 9m; it can run on 1 of 2 workers\n"
            "  w-long  no   lacks capability gpu\n"
            "  w       yes  free slot\n"
            "  next: skep task cancel t1\n");
}

TEST(TaskExplain, fits_a_terminal_of_80_columns) {  // O13
  const Ran ran =
      FakeControl(
          {{200,
            R"j({"summary":"task 019b1c2d-3e4f-7aaa-8000-000000000001 (probe) is queued for 9 s; it can run on 1 of 2 workers",
     "workers":[{"worker_id":"w-long","eligible":false,"reason":"its probe 2.0.0 does not take its params: missing member \"b\" (and 2 more problems)"},
                {"worker_id":"w","eligible":true,"reason":"all 4 slots are busy"}],"next":"skep worker list"})j"}})
          .run({"task", "explain", "t1", "--color", "never"}, {}, "", true);
  EXPECT_EQ(ran.out,
            "task 019b1c2d-3e4f-7aaa-8000-000000000001 (probe) is queued for 9 s; it can run\n"
            "on 1 of 2 workers\n"
            "  w-long  no\n"
            "    its probe 2.0.0 does not take its params: missing member \"b\" (and 2 more\n"
            "    problems)\n"
            "  w       yes  all 4 slots are busy\n"
            "  next: skep worker list\n");
}

TEST(TaskExplain, lists_no_workers_for_a_task_that_has_ended) {
  const Ran ran = run_cli(
      {"task", "explain", "t1"},
      {{200, R"({"id":"t1","status":"succeeded","summary":"task t1 (x) has ended: succeeded",
     "workers":[{"worker_id":"w","eligible":true,"reason":null}],"next":"skep task show t1"})"}});
  EXPECT_EQ(ran.out, "task t1 (x) has ended: succeeded\n  next: skep task show t1\n");
}

TEST(TaskCancel, escapes_ids_in_paths) {
  const Ran ran =
      run_cli({"task", "cancel", "../x?y"}, {{200, R"({"id":"z","status":"cancelled"})"}});
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/tasks/..%2Fx%3Fy/cancel");
  EXPECT_EQ(ran.requests.at(0).method, "POST");
}

TEST(TaskRetry, stops_what_runs_only_when_forced) {
  const std::string running =
      R"({"status":409,"code":"still-running","detail":"task t1 is with worker w","next":"skep task retry t1 --force"})";
  const Ran refused = run_cli({"task", "retry", "t1"}, {{200, kQueued}, {409, running}});
  EXPECT_EQ(refused.requests.at(1).url, "http://127.0.0.1:9595/api/tasks/t1/retry");
  EXPECT_EQ(refused.err,
            "error: task t1 is with worker w   [still-running]\n"
            "  next:  skep task retry t1 --force\n");
  const Ran forced = run_cli({"task", "retry", "t1", "--force"}, {{200, kQueued}, {200, kQueued}});
  EXPECT_EQ(forced.requests.at(1).url, "http://127.0.0.1:9595/api/tasks/t1/retry?force=true");
  EXPECT_EQ(forced.out, "task t1 queued\n");
}

TEST(TaskRetry, says_that_the_task_had_succeeded) {
  const std::string why = "task t1 had succeeded: it runs again, and its result is gone\n";
  const Ran again = run_cli({"task", "retry", "t1"},
                            {{200, ended("succeeded", R"("result":null)")}, {200, kQueued}});
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.out, "task t1 queued\n");
  EXPECT_EQ(again.err, why + "  next:  skep task show t1\n");
  const Ran failed = run_cli({"task", "retry", "t1"},
                             {{200, ended("failed", R"("result":null)")}, {200, kQueued}});
  EXPECT_EQ(failed.err, "  next:  skep task show t1\n");
}

TEST(TaskLogs, go_on_where_they_were_when_the_control_plane_is_back) {
  const Ran ran = run_cli(
      {"task", "logs", "t1", "-f"},
      {{200, R"({"items":[{"stream":"stdout","text":"a\n"}],"next_cursor":"c1","ended":false})"},
       kNobody,
       {200, R"({"items":[{"stream":"stdout","text":"b\n"}],"next_cursor":"c2","ended":true})"}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "a\nb\n");
  EXPECT_EQ(ran.requests.at(2).url, "http://127.0.0.1:9595/api/tasks/t1/logs?after=c1&wait=20");
}

TEST(TaskLogs, reads_pages_until_one_is_empty_without_follow) {
  const Ran ran = run_cli(
      {"task", "logs", "t1"},
      {{200, R"({"items":[{"stream":"stdout","text":"a\n"}],"next_cursor":"1","ended":false})"},
       {200, R"({"items":[],"next_cursor":"1","ended":false})"}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "a\n");
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/tasks/t1/logs");
}

TEST(TaskLogs, say_that_they_are_not_all_yet) {
  const auto said = [](const std::string& task) {
    return run_cli({"task", "logs", "t1"},
                   {{200, R"({"items":[{"stream":"stdout","text":"a\n"}],"next_cursor":"1"})"},
                    {200, R"({"items":[],"next_cursor":"1","ended":false})"},
                    {200, task}})
        .err;
  };
  EXPECT_EQ(said(kQueued), "task t1 (queued) goes on\n  next:  skep task logs t1 -f\n");
  EXPECT_EQ(said(R"({"id":"t1","status":"succeeded"})"),
            "the last of its output is on its way from the worker\n"
            "  next:  skep task logs t1 -f\n");
  EXPECT_EQ(said("{}"), "that may not be all of its output\n  next:  skep task logs t1 -f\n");
}

}  // namespace
}  // namespace skep::cli
