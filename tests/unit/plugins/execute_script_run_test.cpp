// How a script runs and ends.
#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/unit/plugins/execute_script_support.hpp"

namespace skep {
namespace {

using test::script;

TEST_F(ExecuteScript, reports_the_whole_outcome_of_a_success) {
  const TaskRun r = run(script("echo hello; echo oops >&2").dump());
  const Json j = r.json();
  EXPECT_EQ(r.rc, SKEP_OK);
  EXPECT_EQ(j["exit_code"].integer(-1), 0);
  EXPECT_TRUE(j["signal"].is_null());
  EXPECT_EQ(j["stdout"].str(), "hello\n");
  EXPECT_EQ(j["stderr"].str(), "oops\n");
  EXPECT_FALSE(j["truncated"].boolean(true));
  EXPECT_EQ(j["stdout_bytes"].integer(), 6);
  EXPECT_EQ(j["stderr_bytes"].integer(), 5);
  EXPECT_GE(j["duration_ms"].integer(-1), 0);
  EXPECT_GE(j["cpu_ms"].integer(-1), 0);
  EXPECT_EQ(j["interpreter"].str(), "sh");
  EXPECT_EQ(r.out, "hello\n");
  EXPECT_EQ(r.err, "oops\n");
  EXPECT_TRUE(work_dir_is_empty());
}

TEST_F(ExecuteScript, fails_for_good_with_the_exit_code) {
  const TaskRun r = run(script("echo before; exit 3").dump());
  EXPECT_EQ(r.rc, SKEP_E_FAILED);
  EXPECT_EQ(r.message, "script exited with code 3");
  EXPECT_EQ(r.json()["exit_code"].integer(), 3);
  EXPECT_EQ(r.json()["stdout"].str(), "before\n");
}

TEST_F(ExecuteScript, asks_for_a_retry_of_the_exit_codes_that_are_listed) {
  Json params = script("exit 75");
  params.set("retry_on_exit", Json::array().push(74).push(75));
  const TaskRun r = run(params.dump());
  EXPECT_EQ(r.rc, SKEP_E_BUSY);
  EXPECT_EQ(r.message, "script exited with code 75");
}

TEST_F(ExecuteScript, names_the_signal_that_ended_it) {
  const TaskRun r = run(script("kill -SEGV $$").dump());
  EXPECT_EQ(r.rc, SKEP_E_FAILED);
  EXPECT_EQ(r.message, "script was ended by SIGSEGV");
  EXPECT_EQ(r.json()["signal"].str(), "SIGSEGV");
  EXPECT_TRUE(r.json()["exit_code"].is_null());
}

TEST_F(ExecuteScript, ends_at_its_time_limit_and_keeps_what_it_said) {
  Json params = script("echo started; sleep 600");
  TaskRun r;
  // A busy machine may need longer to say a word.
  for (double limit = 0.5; limit < 60 && r.json()["stdout"].str() != "started\n"; limit *= 4)
    r = run(params.set("timeout_seconds", limit).dump());
  EXPECT_EQ(r.rc, SKEP_E_DEADLINE);
  EXPECT_TRUE(r.message.starts_with("script ran longer than ")) << r.message;
  EXPECT_EQ(r.json()["stdout"].str(), "started\n");
  EXPECT_EQ(r.json()["signal"].str(), "SIGTERM");
  EXPECT_TRUE(work_dir_is_empty());
}

TEST_F(ExecuteScript, ends_at_the_deadline_of_its_task) {
  const TaskRun r = run(script("sleep 600").dump(), "", {.deadline = Millis(300)});
  EXPECT_EQ(r.rc, SKEP_E_DEADLINE);
  EXPECT_EQ(r.message, "script ran longer than the task's timeout of 0.3 s");
}

TEST_F(ExecuteScript, names_the_timeout_of_its_task_when_the_host_cancels_for_it) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  const TaskRun r = host.run(script("echo ready; sleep 600").dump(),
                             {.deadline = Millis(90'000), .on_output = [&](std::string_view) {
                                host.cancel(SKEP_CANCEL_DEADLINE);
                              }});
  EXPECT_EQ(r.rc, SKEP_E_DEADLINE);
  EXPECT_EQ(r.message, "script ran longer than the task's timeout of 90 s");
  EXPECT_EQ(r.json()["stdout"].str(), "ready\n");
}

TEST_F(ExecuteScript, kills_what_does_not_listen_after_the_configured_grace) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, config("\"grace_seconds\":0.2"));
  const Json params = script("trap '' TERM; echo ready; while :; do sleep 600; done");
  const TaskRun r = host.run(
      params.dump(), {.on_output = [&](std::string_view) { host.cancel(SKEP_CANCEL_DEADLINE); }});
  EXPECT_EQ(r.rc, SKEP_E_DEADLINE);
  EXPECT_EQ(r.json()["signal"].str(), "SIGKILL");
  EXPECT_GE(r.json()["duration_ms"].integer(), 200);
  EXPECT_LT(r.json()["duration_ms"].integer(), 120'000);
}

TEST_F(ExecuteScript, stops_when_cancelled_and_leaves_nothing) {
  const std::string seconds = proc::unique_seconds();
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  const TaskRun r = host.run(
      script("(setsid sleep " + seconds + " >/dev/null 2>&1 &); echo ready; sleep 600").dump(),
      {.on_output = [&](std::string_view) { host.cancel(); }});
  EXPECT_EQ(r.rc, SKEP_E_CANCELLED);
  EXPECT_EQ(r.message, "script was cancelled");
  EXPECT_EQ(r.json()["stdout"].str(), "ready\n");
  EXPECT_EQ(count_processes(seconds), 0);
  EXPECT_TRUE(work_dir_is_empty());
}

TEST_F(ExecuteScript, streams_output_while_the_script_runs) {
  const TempDir dir;
  Json params = script("echo first; while [ ! -e \"$1\" ]; do sleep 0.02; done; echo second");
  params.set("args", Json::array().push(dir.file("go")));
  const TaskRun r = run(params.dump(), "", {.on_output = [&](std::string_view bytes) {
                          if (bytes == "first\n") std::ofstream(dir.file("go")) << "1";
                        }});
  EXPECT_EQ(r.rc, SKEP_OK);
  EXPECT_EQ(r.out, "first\nsecond\n");
}

TEST_F(ExecuteScript, runs_several_at_once_in_one_instance) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        const std::string word = std::to_string(i);
        const TaskRun r = host.run(script("sleep 0.05; echo " + word).dump());
        right += r.rc == SKEP_OK && r.out == word + "\n";
      });
  }
  EXPECT_EQ(right, 8);
  EXPECT_TRUE(work_dir_is_empty());
}

TEST_F(ExecuteScript, runs_every_interpreter_of_the_default_list_with_arguments) {
  const std::pair<const char*, const char*> samples[] = {
      {"sh", "echo \"$1\""},
      {"bash", "a=(\"$@\"); echo \"${a[0]}\""},
      {"python3", "import sys\nprint(sys.argv[1])"},
      {"perl", "print \"$ARGV[0]\\n\";"}};
  for (const auto& [interpreter, text] : samples) {
    Json params = script(text);
    params.set("interpreter", interpreter).set("args", Json::array().push("x y"));
    const TaskRun r = run(params.dump());
    if (r.fail_code == SKEP_E_NOT_FOUND) continue;  // not installed here, and said so
    EXPECT_EQ(r.rc, SKEP_OK) << interpreter << ": " << r.message << r.err;
    EXPECT_EQ(r.out, "x y\n") << interpreter;
  }
}

TEST_F(ExecuteScript, refuses_an_interpreter_that_is_not_allowed_and_lists_those_that_are) {
  Json params = script("x");
  params.set("interpreter", "ruby");
  const TaskRun r = run(params.dump(), "\"interpreters\":[\"sh\",\"bash\"]");
  EXPECT_EQ(r.rc, SKEP_E_DENIED);
  EXPECT_NE(r.message.find("allowed: sh, bash"), std::string::npos) << r.message;
}

TEST_F(ExecuteScript, names_an_allowed_interpreter_that_is_not_installed) {
  Json params = script("x");
  params.set("interpreter", "no-such-shell");
  const TaskRun r = run(params.dump(), "\"interpreters\":[\"sh\",\"no-such-shell\"]");
  EXPECT_EQ(r.rc, SKEP_E_NOT_FOUND);
  EXPECT_NE(r.message.find("\"no-such-shell\" in PATH"), std::string::npos) << r.message;
  EXPECT_TRUE(r.json().is_object() && r.json()["exit_code"].is_null());
  EXPECT_TRUE(work_dir_is_empty());
}

TEST_F(ExecuteScript, takes_a_script_longer_than_an_argument_may_be) {
  const std::string padding(300'000, '#');
  const TaskRun r = run(script("echo top\n" + padding + "\necho bottom").dump());
  EXPECT_EQ(r.out, "top\nbottom\n");
}

TEST_F(ExecuteScript, takes_a_script_that_was_written_on_windows) {
  const TaskRun r = run(script("\xef\xbb\xbfset -e\r\nfalse\r\necho never\r\n").dump());
  EXPECT_EQ(r.rc, SKEP_E_FAILED) << "set -e counts";
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(run(script("printf 'a\r\n'\nprintf b").dump()).out, "a\r\nb") << "left as it is";
}

TEST_F(ExecuteScript, does_not_show_the_script_in_the_list_of_processes) {
  const TaskRun r = run(script("tr '\\0' ' ' </proc/$$/cmdline # hunter2").dump());
  EXPECT_NE(r.out.find("/script"), std::string::npos) << r.out;
  EXPECT_EQ(r.out.find("hunter2"), std::string::npos) << r.out;
}

TEST_F(ExecuteScript, wants_either_a_script_or_a_file) {
  EXPECT_THROW(run("{}"), std::runtime_error) << "its schema says so, where it is submitted";
  EXPECT_THROW(run(R"({"script":"true","file":"/bin/true"})"), std::runtime_error);
  EXPECT_EQ(run(R"({"script":""})").rc, SKEP_OK);
}

TEST_F(ExecuteScript, has_a_schema_that_refuses_nonsense) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  for (const char* params :
       {R"({"script":1})", R"({"script":"x","timeout_seconds":0})", R"({"scrip":"x"})",
        R"({"script":"x","cwd":"relative"})", R"({"script":"x","env":{"A":1}})",
        R"({"script":"x","retry_on_exit":[0]})", R"({"script":"x","output_cap_bytes":1})",
        R"({"script":"x","output_cap_bytes":1572865})"})
    EXPECT_THROW(host.run(params), std::runtime_error) << params;
}

}  // namespace
}  // namespace skep
