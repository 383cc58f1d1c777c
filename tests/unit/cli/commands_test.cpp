#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "core/base/text.hpp"
#include "core/cli/help.hpp"
#include "tests/support/temp_dir.hpp"
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

TEST(WorkerList, shows_state_age_slots_spool_and_what_needs_action) {
  const Ran ran = run_cli({"worker", "list"}, {{200, kWorkers}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(
      ran.out,
      "ID        SITE    STATE    SEEN  TASKS  SPOOL  NOTE\n"
      "worker-a  site-a  online   4s    3/8    0\n"
      "worker-c  site-c  offline  6m    0/4    12     1 quarantined; paused; next: skep worker "
      "show worker-c\n");
  EXPECT_EQ(ran.err, "2 workers, 1 offline\n");
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/workers");
}

TEST(WorkerList, adds_columns_when_wide) {
  const Ran ran = run_cli({"worker", "list", "-o", "wide"}, {{200, kWorkers}});
  EXPECT_NE(ran.out.find("2.0 MiB  0.1.0    docker        collect_facts"), std::string::npos)
      << ran.out;
}

TEST(Workers, are_removed_by_id) {
  const Ran ran =
      run_cli({"worker", "remove", "old"}, {{200, R"({"worker_id":"old","status":"removed"})"}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "worker old removed\n");
  EXPECT_EQ(ran.requests.at(0).method, "DELETE");
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/workers/old");
}

TEST(WorkerDrain, tries_every_id_and_ends_with_the_failure) {
  const Ran ran = run_cli({"worker", "drain", "nope", "worker-a"},
                          {{404, R"({"detail":"no worker \"nope\"","code":"not-found"})"},
                           {200, R"({"worker_id":"worker-a","mode":"draining"})"}});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "worker worker-a draining\n");
  EXPECT_EQ(ran.err, "error: no worker \"nope\"   [not-found]\n");
  EXPECT_EQ(ran.requests.at(1).url, "http://127.0.0.1:9595/api/workers/worker-a/drain");
}

TEST(Api, says_how_to_get_a_control_plane_when_there_is_none) {
  const Ran ran = run_cli({"task", "list"});
  EXPECT_EQ(ran.code, 8);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(
      ran.err,
      "error: control plane at http://127.0.0.1:9595 (the default) cannot be reached: connect: "
      "Connection refused   [unreachable]\n"
      "  next:  skep up   or   name it: --server URL, -c FILE\n");
}

TEST(Api, passes_problem_documents_on) {
  const std::string problem =
      R"({"type":"/problems/schema","title":"invalid","status":400,"detail":"params do not fit",)"
      R"("code":"schema","next":"skep plugin show execute_script",)"
      R"("errors":[{"pointer":"/script","message":"is missing"}]})";
  const Ran people = run_cli({"task", "submit", "execute_script"}, {{400, problem}});
  EXPECT_EQ(people.code, 2);
  EXPECT_EQ(people.err,
            "error: params do not fit   [schema]\n  - /script: is missing\n"
            "  next:  skep plugin show execute_script\n");
  const Ran program = run_cli({"task", "submit", "execute_script", "-o", "json"}, {{400, problem}});
  EXPECT_EQ(program.code, 2);
  EXPECT_EQ(program.out, "");
  EXPECT_EQ(program.err, problem + "\n");
}

TEST(Api, says_to_leave_out_api_when_the_server_has_it) {
  const Ran ran = run_cli({"--server", "http://h:1/api/", "status"},
                          {{404, R"({"detail":"no route /api/api/workers/health"})"}});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("next:  leave out /api: skep --server http://h:1 .."), std::string::npos)
      << ran.err;
  EXPECT_NE(run_cli({"--server", "http://h:1/api", "status"}, {{404, "<html>"}})
                .err.find("leave out /api"),
            std::string::npos);
  EXPECT_EQ(run_cli({"--server", "http://h:1", "status"}, {{404, R"({"detail":"d"})"}})
                .err.find("leave out"),
            std::string::npos);
}

TEST(Api, says_what_to_do_about_an_answer_that_is_too_large) {
  auto api = Client::make(
      {"http://h:1", "", ""}, "", Millis{1'000},
      [](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return Error{Code::kUnsupported, "the answer is larger than 9 bytes", "answer-too-large"};
      },
      nullptr);
  ASSERT_TRUE(api);
  const auto answer = api->get("/api/tasks");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.next,
            "a smaller --limit   or   curl -o FILE 'http://h:1/api/tasks'");
}

TEST(Api, says_whether_a_file_is_missing_or_too_large) {
  const Ran missing = run_cli({"api", "POST", "/x", "-d", "@/nowhere"});
  EXPECT_NE(missing.err.find("-d: file \"/nowhere\" cannot be read: No such file"),
            std::string::npos)
      << missing.err;
  const test::TempDir dir;
  const std::string name = dir.file("large");
  std::ofstream(name) << std::string(17 << 20, ' ');
  const Ran large = run_cli({"api", "POST", "/x", "-d", "@" + name});
  EXPECT_EQ(large.code, 2);
  EXPECT_NE(large.err.find("is larger than 16 MiB"), std::string::npos) << large.err;
}

TEST(PluginList, says_a_refused_plugin_once) {
  const test::TempDir dir;
  const std::string& folder = dir.path();
  std::ofstream(dir.file("broken.so")) << "no library\n";
  testing::internal::CaptureStderr();
  const Ran table = run_cli({"plugin", "list", "--path", folder});
  const Ran names = run_cli({"plugin", "list", "--path", folder, "-o", "name"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(table.out.find("broken  -        refused"), std::string::npos) << table.out;
  EXPECT_EQ(table.err, "1 refused; next: skep plugin show ID\n");
  EXPECT_EQ(names.out, "");
}

TEST(Api, maps_statuses_to_exit_codes) {
  const auto code_for = [](int status, const std::string& code) {
    return run_cli({"api", "GET", "/x"}, {{status, R"({"detail":"d","code":")" + code + "\"}"}})
        .code;
  };
  EXPECT_EQ(code_for(401, "unauthenticated"), 4);
  EXPECT_EQ(code_for(403, "denied"), 4);
  EXPECT_EQ(code_for(404, "not-found"), 3);
  EXPECT_EQ(code_for(409, "conflict"), 5);
  EXPECT_EQ(code_for(412, "stale"), 5);
  EXPECT_EQ(code_for(422, "config"), 78);
  EXPECT_EQ(code_for(503, "unavailable"), 8);
  EXPECT_EQ(code_for(504, "deadline"), 7);
  EXPECT_EQ(code_for(500, "internal"), 1);
}

TEST(Api, doubts_an_answer_that_is_no_problem_document) {
  const Ran ran = run_cli({"task", "list"}, {{404, "<html>nginx</html>"}});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("answered HTTP 404 without a problem document"), std::string::npos);
  EXPECT_EQ(run_cli({"task", "list"}, {{200, "<html>"}}).code, 1);
}

TEST(Api, sends_the_body_of_a_file_or_stdin_and_prints_the_answer) {
  FakeControl control({{201, "{\"a\":1}"}});
  const Ran ran = control.run({"api", "post", "api/tasks", "-d", "@-"}, {}, "[1,2]");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "{\"a\":1}\n");
  EXPECT_EQ(ran.requests.at(0).method, "POST");
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/tasks");
  EXPECT_EQ(ran.requests.at(0).body, "[1,2]");
}

TEST(Api, sends_the_token_of_the_token_file) {
  const test::TempDir dir;
  const std::string name = dir.file("token");
  std::ofstream(name) << "s3cret\n";
  FakeControl control({{200, "{}"}});
  const Ran ran = control.run({"api", "GET", "/x"}, {{"SKEP_TOKEN_FILE", name}});
  ASSERT_EQ(ran.requests.size(), 1U);
  const auto& headers = ran.requests[0].headers;
  EXPECT_NE(std::find(headers.begin(), headers.end(), "Authorization: Bearer s3cret"),
            headers.end());
  EXPECT_EQ(run_cli({"--token-file", "/nowhere", "status"}).code, 4);
}

TEST(Health, exits_0_or_1_only) {
  EXPECT_EQ(run_cli({"health"}, {{200, "{}"}}).code, 0);
  EXPECT_EQ(run_cli({"health"}, {{503, "{}"}}).code, 1);
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
  EXPECT_EQ(run_cli({"health"}, {{502, "gateway"}}).out, "gateway\n");
}

TEST(Status, fits_one_screen) {
  const std::string health =
      std::string(R"({"status":"ok","workers":{"online":1,"late":0,"offline":1,)") +
      R"("stale":0,"total":2},"queue":{"queued":4,"executing":1,)" +
      R"("oldest_queued_seconds":125.5},)" + std::string(kWorkers).substr(1);
  const Ran ran = run_cli({"status"}, {{200, health}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(
      ran.out.starts_with("control  http://127.0.0.1:9595  ok\n"
                          "workers  1 online, 0 late, 1 offline, 0 stale\n"
                          "queue    4 queued, 1 executing, oldest waits 2m\n"
                          "\nID        SITE"))
      << ran.out;
}

TEST(Version, prints_itself_for_people_and_programs) {
  EXPECT_TRUE(run_cli({"version"}).out.starts_with("skep "));
  EXPECT_NE(run_cli({"version", "-o", "json"}).out.find("\"protocol\""), std::string::npos);
}

TEST(Help, covers_every_command_option_and_topic) {
  for (const Command& c : all_commands()) {
    const std::string text = help_text(c.name);
    EXPECT_NE(text.find(usage_line(c)), std::string::npos) << c.name;
    for (const Option& o : c.options)
      EXPECT_NE(text.find("--" + o.long_name), std::string::npos) << c.name;
  }
  EXPECT_EQ(run_cli({"help", "exit-codes"}).out, help_text("exit-codes"));
  EXPECT_EQ(run_cli({"help", "task", "list"}).out, help_text("task list"));
  EXPECT_EQ(run_cli({"help", "nonsense"}).code, 2);
  EXPECT_NE(run_cli({}).out.find("start here: skep up"), std::string::npos);
}

TEST(Reference, is_what_the_command_table_says) {
  const auto file = read_file(SKEP_SOURCE_DIR "/docs/reference/cli.md");
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, reference_markdown())
      << "write it again: build/bin/skep __docs cli > docs/reference/cli.md";
}

TEST(ConfigCheck, lists_every_problem_and_exits_78) {
  const test::TempDir dir;
  const std::string name = dir.file("config");
  std::ofstream(name) << "[node]\nsit = \"a\"\n[worker]\nconcurrency = \"many\"\n";
  const Ran ran = run_cli({"config", "check", "-c", name});
  EXPECT_EQ(ran.code, 78);
  EXPECT_NE(ran.err.find("site"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("concurrency"), std::string::npos) << ran.err;
  std::ofstream(name) << "[node]\nsite = \"site-x\"\n";
  const Ran good = run_cli({"config", "check", "-c", name});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_NE(good.out.find("at site site-x"), std::string::npos) << good.out;
  EXPECT_EQ(run_cli({"config", "check"}).code, 2);
}

}  // namespace
}  // namespace skep::cli
