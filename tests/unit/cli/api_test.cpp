#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

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
            "a smaller --limit   or   curl -o FILE http://h:1/api/tasks");
}

TEST(Api, says_how_to_read_what_does_not_end) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const auto late = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
    return Error{Code::kDeadline, "timed out"};
  };
  EXPECT_EQ(cli::run({"api", "GET", "/api/node/events"}, {}, {in, out, err}, late), 7);
  EXPECT_NE(err.str().find("  next:  a longer --timeout, such as 2m\n"
                           "         of events: skep events -f   or   "
                           "skep api GET '/api/events?follow=false'\n"),
            std::string::npos)
      << err.str();
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
}

TEST(Api, takes_no_answer_of_a_stranger) {
  const std::vector<std::vector<std::string>> lists{
      {"task", "list"},     {"task", "logs", "t1"}, {"task", "types"}, {"worker", "list"},
      {"registry", "list"}, {"plugin", "list"},     {"script", "list"}};
  for (std::vector<std::string> words : lists) {
    words.insert(words.end(), {"--server", "http://h:1"});
    for (const char* body : {"<html>", "[]", "{}", "true"}) {
      const Ran ran = run_cli(words, {{200, body}});
      EXPECT_EQ(ran.code, 1) << words[0] << words[1] << body;
      EXPECT_EQ(ran.out, "") << words[0] << words[1] << body;
      EXPECT_NE(ran.err.find("next:  skep health: is this a skep control plane?"),
                std::string::npos)
          << ran.err;
    }
  }
  EXPECT_EQ(run_cli({"worker", "show", "w"}, {{200, "[]"}}).code, 1);
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
  std::ofstream(name) << "s3cret\nmore\n";
  const Ran two = run_cli({"--token-file", name, "status"});
  EXPECT_EQ(two.code, 4);
  EXPECT_NE(two.err.find("does not hold one line of printable characters"), std::string::npos);
  EXPECT_EQ(two.err.find("s3cret"), std::string::npos) << two.err;
}

}  // namespace
}  // namespace skep::cli
