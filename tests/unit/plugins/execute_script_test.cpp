#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "capture.hpp"
#include "request.hpp"
#include "skep/kind/task.h"
#include "tests/support/fake_host.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep {
namespace {

using proc::count_processes;
using proc::eventually;
using proc::TempDir;
using test::FakeHost;
using test::TaskRun;

const std::string kManifest = SKEP_PLUGIN_DIR "/plugin.json";

class ExecuteScript : public ::testing::Test {
 protected:
  std::string config(const std::string& more = "") const {
    return "{\"work_dir\":\"" + work_.path() + "\"" + (more.empty() ? "" : "," + more) + "}";
  }
  TaskRun run(const std::string& params, const std::string& more_config = "",
              const test::TaskOptions& options = {}) const {
    FakeHost host(skep_plugin_entry_v1(), kManifest, config(more_config));
    return host.run(params, options);
  }
  bool work_dir_is_empty() const { return std::filesystem::is_empty(work_.path()); }

  TempDir work_;
};

/// Of the user who runs this.
std::string home() {
  const char* said = std::getenv("HOME");
  const passwd* entry = getpwuid(geteuid());
  return said != nullptr ? said : entry != nullptr ? entry->pw_dir : "";
}

Json script(const std::string& text) {
  Json params;
  params.set("script", text);
  return params;
}

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
  Json params = script("echo started; sleep 60");
  params.set("timeout_seconds", 0.5);
  const TaskRun r = run(params.dump());
  EXPECT_EQ(r.rc, SKEP_E_DEADLINE);
  EXPECT_EQ(r.message, "script ran longer than 0.5 s");
  EXPECT_EQ(r.json()["stdout"].str(), "started\n");
  EXPECT_EQ(r.json()["signal"].str(), "SIGTERM");
  EXPECT_TRUE(work_dir_is_empty());
}

TEST_F(ExecuteScript, ends_at_the_deadline_of_its_task) {
  const TaskRun r = run(script("sleep 60").dump(), "", {.deadline = Millis(300)});
  EXPECT_EQ(r.rc, SKEP_E_DEADLINE);
  EXPECT_EQ(r.message, "script ran longer than the task's timeout of 0.3 s");
}

TEST_F(ExecuteScript, names_the_timeout_of_its_task_when_the_host_cancels_for_it) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  const TaskRun r = host.run(script("echo ready; sleep 60").dump(),
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
      script("(setsid sleep " + seconds + " >/dev/null 2>&1 &); echo ready; sleep 60").dump(),
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

TEST_F(ExecuteScript, passes_input_arguments_and_variables_unchanged) {
  const std::string odd = "a 'b' \"c\" $HOME `id` \\ ü \n;";
  Json params = script("cat; printf '%s|%s|' \"$1\" \"$2\"; printf %s \"$GREETING\"");
  params.set("stdin", "from stdin\n").set("args", Json::array().push(odd).push(""));
  params.set("env", Json::object({{"GREETING", Json(odd)}}));
  const TaskRun r = run(params.dump());
  EXPECT_EQ(r.json()["stdout"].str(), "from stdin\n" + odd + "||" + odd);
}

// W8
TEST_F(ExecuteScript, gives_the_allowed_variables_and_the_identity_of_the_task_only) {
  setenv("AWS_SECRET_ACCESS_KEY", "hunter2", 1);
  setenv("TZ", "UTC", 1);
  Json params = script("env | grep -v -E '^(PWD|SHLVL|_)=' | sort");
  params.set("env", Json::object({{"LANG", Json("C")}, {"MINE", Json("1")}}));
  const TaskRun r = run(params.dump());
  unsetenv("AWS_SECRET_ACCESS_KEY");
  unsetenv("TZ");
  EXPECT_EQ(r.out, "ATTEMPT=2\nHOME=" + home() +
                       "\nIDEMPOTENCY_KEY=key-1\nLANG=C\nMINE=1\nPATH=" + std::getenv("PATH") +
                       "\nSKEP_SITE=site-a\nSKEP_WORKER_ID=worker-1\nTASK_ID=task-1\nTZ=UTC\n");
}

TEST_F(ExecuteScript, is_at_home_also_when_nobody_told_the_node_where) {  // F15
  const char* given = std::getenv("HOME");
  const std::string before = given == nullptr ? "" : given;
  unsetenv("HOME");
  const TaskRun r = run(script("echo $HOME").dump());
  const std::string expected = home();
  if (given != nullptr) setenv("HOME", before.c_str(), 1);
  EXPECT_EQ(r.out, expected + "\n");
}

std::vector<std::string> environment_of(const std::string& idempotency_key) {
  Json request;
  request.set("task_id", "task-1").set("idempotency_key", idempotency_key);
  request.set("params", script("true").set("interpreter", "sh"));
  return script::Request(request, script::Config(R"({"interpreters":["sh"]})"), {}).env;
}

TEST_F(ExecuteScript, gives_the_id_of_the_task_as_idempotency_key_when_there_is_none) {
  const auto sees = [](const std::string& key, const char* variable) {
    const auto env = environment_of(key);
    return std::find(env.begin(), env.end(), variable) != env.end();
  };
  EXPECT_TRUE(sees("", "IDEMPOTENCY_KEY=task-1"));
  EXPECT_TRUE(sees("mine", "IDEMPOTENCY_KEY=mine"));
}

TEST_F(ExecuteScript, refuses_what_a_program_would_get_cut_at_a_nul) {
  const auto refused = [&](const char* key, Json value, const std::string& shown) {
    const TaskRun r = run(script("true").set(key, std::move(value)).dump());
    EXPECT_EQ(r.rc, SKEP_E_INVALID) << key << ": " << r.message;
    EXPECT_NE(r.message.find(shown), std::string::npos) << r.message;
    EXPECT_TRUE(work_dir_is_empty());
  };
  const std::string odd("/usr\0x", 6);
  refused("args", Json::array().push("fine").push(odd), "args[1]");
  refused("cwd", odd, R"("/usr\u0000x")");
  refused("env", Json::object({{"MINE", Json(odd)}}), "the value of MINE");
  refused("env", Json::object({{std::string("A\0B", 3), Json("x")}}), R"("A\u0000B")");
  refused("env", Json::object({{std::string("TASK_ID\0", 8), Json("x")}}), R"("TASK_ID\u0000")");
  Json file;
  file.set("file", std::string("/bin/true\0.sh", 13));
  const TaskRun r = run(file.dump());
  EXPECT_EQ(r.rc, SKEP_E_INVALID);
  EXPECT_NE(r.message.find(R"("/bin/true\u0000.sh")"), std::string::npos) << r.message;
  Json input = script("od -An -c").set("stdin", std::string("a\0b", 3));
  EXPECT_EQ(run(input.dump()).out, "   a  \\0   b\n");
}

TEST_F(ExecuteScript, refuses_variables_that_are_its_own_or_no_names) {
  for (const char* name : {"TASK_ID", "A-B", "", "1A", "A=B"}) {
    Json params = script("true");
    params.set("env", Json::object({{name, Json("x")}}));
    const TaskRun r = run(params.dump());
    EXPECT_EQ(r.rc, SKEP_E_INVALID) << name;
    EXPECT_NE(r.message.find(name), std::string::npos) << r.message;
  }
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

TEST_F(ExecuteScript, starts_in_a_private_empty_folder_or_where_it_is_told) {
  const TaskRun own = run(script("ls -A; stat -c %a .; touch a; mkdir b; touch b/c").dump());
  EXPECT_EQ(own.out, "script\n700\n");
  EXPECT_TRUE(work_dir_is_empty());
  Json params = script("pwd");
  params.set("cwd", "/usr");
  EXPECT_EQ(run(params.dump()).out, "/usr\n");
  params.set("cwd", "/no/such");
  const TaskRun missing = run(params.dump());
  EXPECT_EQ(missing.rc, SKEP_E_INVALID);
  EXPECT_NE(missing.message.find("directory \"/no/such\": No such"), std::string::npos)
      << missing.message;
  params.set("cwd", "/etc/passwd");
  const TaskRun file = run(params.dump());
  EXPECT_EQ(file.rc, SKEP_E_INVALID);
  EXPECT_NE(file.message.find("directory \"/etc/passwd\": Not a directory"), std::string::npos)
      << file.message;
}

// W4
TEST_F(ExecuteScript, keeps_the_first_quarter_and_the_last_part_of_too_much_output) {
  Json params = script("echo FIRST; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo LAST");
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  std::size_t streamed = 0;
  const TaskRun r = host.run(
      params.dump(), {.on_output = [&](std::string_view bytes) { streamed += bytes.size(); }});
  const Json j = r.json();
  EXPECT_TRUE(j["truncated"].boolean());
  EXPECT_EQ(j["stdout_bytes"].integer(), 50'000'012);
  EXPECT_EQ(streamed, 50'000'012u);
  const std::string_view kept = j["stdout"].str();
  EXPECT_TRUE(kept.starts_with("FIRST\n"));
  EXPECT_TRUE(kept.ends_with("\nLAST\n"));
  const std::string gap =
      "\n[.. " + std::to_string(50'000'012 - (1 << 20)) + " bytes left out ..]\n";
  EXPECT_EQ(kept.find(gap), 256u << 10);
  EXPECT_EQ(kept.size(), (1u << 20) + gap.size());
}

TEST_F(ExecuteScript, writes_valid_json_for_output_that_is_not_text) {
  const TaskRun r = run(script("printf 'a\\377\\000b'").dump());
  EXPECT_EQ(r.json()["stdout"].str(), std::string_view("a\xef\xbf\xbd\0b", 6));
  EXPECT_EQ(r.json()["stdout_bytes"].integer(), 4);
}

constexpr std::size_t kMaxResult = 4u << 20;  // what a host takes

TEST_F(ExecuteScript, keeps_the_result_of_a_success_that_wrote_much_binary_output) {
  const TaskRun r = run(script("head -c 2000000 /dev/zero; echo ok >&2").dump());
  const Json j = r.json();
  EXPECT_EQ(r.rc, SKEP_OK) << r.message;
  EXPECT_LT(r.result.size(), kMaxResult);
  EXPECT_EQ(j["exit_code"].integer(-1), 0);
  EXPECT_TRUE(j["truncated"].boolean());
  EXPECT_EQ(j["stdout_bytes"].integer(), 2'000'000);
  EXPECT_EQ(j["stderr"].str(), "ok\n");
  const std::string_view kept = j["stdout"].str();
  const auto zeros = std::count(kept.begin(), kept.end(), '\0');
  EXPECT_GT(zeros, 520'000);
  EXPECT_NE(kept.find("\n[.. " + std::to_string(2'000'000 - zeros) + " bytes left out ..]\n"),
            std::string::npos);
}

TEST_F(ExecuteScript, keeps_a_half_of_each_stream_when_both_are_too_large) {
  Json params = script("head -c 3000000 /dev/zero | tr '\\0' '\\377' | tee /dev/stderr; exit 3");
  params.set("output_cap_bytes", 1'572'864);
  const TaskRun r = run(params.dump());
  EXPECT_EQ(r.message, "script exited with code 3");
  EXPECT_LT(r.result.size(), kMaxResult);
  EXPECT_GT(r.result.size(), 3'100'000u);
  const Json j = r.json();
  EXPECT_EQ(j["exit_code"].integer(), 3);
  EXPECT_TRUE(j["truncated"].boolean());
  EXPECT_EQ(j["stdout"].str(), j["stderr"].str());
}

TEST_F(ExecuteScript, keeps_text_up_to_the_largest_cap_on_both_streams) {
  Json params = script("head -c 1572864 /dev/zero | tr '\\0' x | tee /dev/stderr");
  params.set("output_cap_bytes", 1'572'864);
  const Json j = run(params.dump()).json();
  EXPECT_FALSE(j["truncated"].boolean(true));
  EXPECT_EQ(j["stdout"].str().size(), 1'572'864u);
  EXPECT_EQ(j["stderr"].str().size(), 1'572'864u);
}

TEST_F(ExecuteScript, runs_a_file_only_beneath_the_script_folders) {
  const TempDir allowed;
  const TempDir other;
  std::ofstream(allowed.file("ok.sh")) << "echo fine";
  std::ofstream(other.file("bad.sh")) << "echo bad";
  std::filesystem::create_symlink(other.file("bad.sh"), allowed.file("link.sh"));
  std::filesystem::create_directory(allowed.file("sub"));
  const std::string dirs = "\"script_dirs\":[\"" + allowed.path() + "\"]";
  const auto run_file = [&](const std::string& file) {
    return run(Json().set("file", file).dump(), dirs);
  };
  EXPECT_EQ(run_file(allowed.file("ok.sh")).out, "fine\n");
  EXPECT_EQ(run_file("ok.sh").out, "fine\n");
  EXPECT_EQ(run_file("sub/../ok.sh").out, "fine\n");
  EXPECT_EQ(run_file(other.file("bad.sh")).rc, SKEP_E_DENIED);
  EXPECT_EQ(run_file("link.sh").rc, SKEP_E_DENIED);
  EXPECT_EQ(
      run_file("../" + std::filesystem::path(other.path()).filename().string() + "/bad.sh").rc,
      SKEP_E_DENIED);
  EXPECT_EQ(run_file("none.sh").rc, SKEP_E_NOT_FOUND);
  EXPECT_EQ(run_file("sub").rc, SKEP_E_INVALID);
}

TEST_F(ExecuteScript, a_folder_whose_name_begins_like_a_script_folder_is_none) {
  const TempDir dir;
  for (const char* name : {"scripts", "scripts-evil"}) {
    std::filesystem::create_directory(dir.file(name));
    std::ofstream(dir.file(name) + "/x.sh") << "echo ran";
  }
  for (const char* slash : {"", "/"}) {
    const std::string dirs = "\"script_dirs\":[\"" + dir.file("scripts") + slash + "\"]";
    const auto run_file = [&](const std::string& file) {
      return run(Json().set("file", file).dump(), dirs);
    };
    EXPECT_EQ(run_file(dir.file("scripts/x.sh")).out, "ran\n");
    for (const std::string& file :
         {dir.file("scripts-evil/x.sh"), std::string("../scripts-evil/x.sh")}) {
      const TaskRun evil = run_file(file);
      EXPECT_EQ(evil.rc, SKEP_E_DENIED) << file;
      EXPECT_EQ(evil.out, "");
    }
  }
}

TEST_F(ExecuteScript, wants_an_absolute_file_when_there_are_no_script_folders) {
  const TempDir dir;
  std::ofstream(dir.file("x.sh")) << "echo ran $0";
  EXPECT_EQ(run(Json().set("file", dir.file("x.sh")).dump()).out, "ran " + dir.file("x.sh") + "\n");
  const TaskRun relative = run(R"({"file":"x.sh"})");
  EXPECT_EQ(relative.rc, SKEP_E_INVALID);
  EXPECT_NE(relative.message.find("script_dirs"), std::string::npos);
}

TEST_F(ExecuteScript, wants_either_a_script_or_a_file) {
  EXPECT_THROW(run("{}"), std::runtime_error) << "its schema says so, where it is submitted";
  EXPECT_THROW(run(R"({"script":"true","file":"/bin/true"})"), std::runtime_error);
  EXPECT_EQ(run(R"({"script":""})").rc, SKEP_OK);
}

TEST_F(ExecuteScript, removes_what_a_killed_worker_left_and_nothing_that_is_in_use) {
  const std::string stale = work_.file("skep-script-stale1");
  const std::string used = work_.file("skep-script-inuse1");
  for (const std::string& path : {stale, used}) {
    std::filesystem::create_directories(path + "/deep/er");
    std::ofstream(path + "/script") << "x";
  }
  std::ofstream(work_.file("other")) << "x";
  const int fd = open(used.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(run(script("true").dump()).rc, SKEP_OK);
  close(fd);
  EXPECT_FALSE(std::filesystem::exists(stale));
  EXPECT_TRUE(std::filesystem::exists(used + "/script"));
  EXPECT_TRUE(std::filesystem::exists(work_.file("other")));
}

TEST_F(ExecuteScript, says_what_is_wrong_with_its_work_folder) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, R"({"work_dir":"/no/such/folder"})");
  const TaskRun r = host.run(script("true").dump());
  EXPECT_EQ(r.rc, SKEP_E_NOT_HERE) << "it has not failed: it goes to another node";
  EXPECT_NE(r.message.find("/no/such/folder"), std::string::npos) << r.message;
}

/// A folder that other users may enter, as /tmp is.
std::string open_folder(const TempDir& dir) {
  EXPECT_EQ(::chmod(dir.path().c_str(), 0711), 0);
  return dir.path();
}

TEST_F(ExecuteScript, runs_as_another_user_with_a_home_of_its_own) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes somebody else";
  open_folder(work_);
  const std::string as = R"("run_as":"nobody")";
  const TaskRun who = run(script("id -u; id -g; id -G; echo $USER; pwd; echo $HOME; echo x > ~/x;"
                                 "stat -c '%a %u' . $0; grep CapEff /proc/self/status")
                              .dump(),
                          as);
  EXPECT_EQ(who.rc, SKEP_OK) << who.err << who.message;
  std::istringstream lines(who.out);
  std::vector<std::string> said;
  for (std::string line; std::getline(lines, line);) said.push_back(line);
  ASSERT_EQ(said.size(), 9u) << who.out;
  EXPECT_EQ(said[0], "65534");
  EXPECT_EQ(said[1], said[2]) << "no group of ours";
  EXPECT_EQ(said[3], "nobody");
  EXPECT_EQ(said[4], said[5]);
  EXPECT_TRUE(said[4].starts_with(work_.path())) << said[4];
  EXPECT_EQ(said[6], "700 65534");
  EXPECT_EQ(said[7], "400 65534");
  EXPECT_EQ(said[8].substr(8), "0000000000000000");
  EXPECT_TRUE(work_dir_is_empty());
  const TaskRun reads = run(script("cat /proc/$PPID/environ").dump(), as);
  EXPECT_EQ(reads.out, "") << "the environment of the worker";
  EXPECT_NE(reads.rc, SKEP_OK);
}

TEST_F(ExecuteScript, ends_what_another_user_left_and_removes_what_he_made) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes somebody else";
  open_folder(work_);
  const std::string seconds = proc::unique_seconds();
  const TaskRun r = run(script("setsid sleep " + seconds +
                               " & mkdir -p a/b; chmod 0 a;"
                               "ln -s /etc link; echo done")
                            .dump(),
                        R"("run_as":"nobody")");
  EXPECT_EQ(r.out, "done\n");
  EXPECT_EQ(count_processes(seconds), 0);
  EXPECT_TRUE(work_dir_is_empty());
  EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
}

TEST_F(ExecuteScript, says_why_it_cannot_run_as_somebody) {
  const auto why = [&](const std::string& user) -> std::string {
    try {
      FakeHost host(skep_plugin_entry_v1(), kManifest, config(R"("run_as":")" + user + "\""));
      return "it started";
    } catch (const std::runtime_error& refused) {
      return refused.what();
    }
  };
  const bool is_root = ::geteuid() == 0;
  EXPECT_NE(why("no-such-user").find(is_root ? "no user \"no-such-user\"" : "as root"),
            std::string::npos)
      << why("no-such-user");
  EXPECT_NE(why("root").find("root"), std::string::npos) << why("root");
}

TEST_F(ExecuteScript, names_what_is_missing_for_another_user_too) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes somebody else";
  open_folder(work_);
  Json params = script("true");
  params.set("interpreter", "no-such-interpreter");
  const TaskRun r =
      run(params.dump(), R"("run_as":"nobody","interpreters":["no-such-interpreter"])");
  EXPECT_EQ(r.rc, SKEP_E_NOT_FOUND);
  EXPECT_NE(r.message.find("no-such-interpreter"), std::string::npos) << r.message;
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

TEST_F(ExecuteScript, has_a_schema_that_refuses_nonsense) {
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  for (const char* params :
       {R"({"script":1})", R"({"script":"x","timeout_seconds":0})", R"({"scrip":"x"})",
        R"({"script":"x","cwd":"relative"})", R"({"script":"x","env":{"A":1}})",
        R"({"script":"x","retry_on_exit":[0]})", R"({"script":"x","output_cap_bytes":1})",
        R"({"script":"x","output_cap_bytes":1572865})"})
    EXPECT_THROW(host.run(params), std::runtime_error) << params;
}

TEST(Capture, keeps_exactly_what_fits_for_every_way_to_cut_the_stream) {
  std::string all;
  for (int i = 0; i < 100; ++i) all += static_cast<char>('a' + i % 26);
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    script::Capture whole(100);
    script::Capture part(40);
    for (std::size_t at = 0; at < all.size(); at += piece) {
      whole.add(std::string_view(all).substr(at, piece));
      part.add(std::string_view(all).substr(at, piece));
    }
    EXPECT_EQ(whole.text(), all);
    EXPECT_FALSE(whole.truncated());
    EXPECT_EQ(part.text(), all.substr(0, 10) + "\n[.. 60 bytes left out ..]\n" + all.substr(70));
  }
}

TEST(Capture, fits_into_a_json_string_of_a_given_size_whatever_the_bytes) {
  for (const std::string& unit : {std::string(1, '\0'), std::string("\xff"), std::string("\n\""),
                                  std::string("x"), std::string("ü"), std::string("€😀")}) {
    std::string all;
    while (all.size() < 20'000) all += unit;
    for (const std::size_t cap : {std::size_t{12'000}, all.size()}) {
      script::Capture capture(cap);
      capture.add(all);
      for (std::size_t max = 4'096; max < 130'000; max += 4'099) {
        const std::string text = capture.text(max);
        const std::size_t size = script::encoded_size(text);
        ASSERT_LE(size, max);
        if (script::encoded_size(capture.text()) <= max) {
          ASSERT_EQ(text, capture.text());
          continue;
        }
        ASSERT_GT(size + 400, max) << unit;
        const std::size_t gap = text.find("\n[.. ");
        ASSERT_NE(gap, std::string::npos);
        const std::size_t after = text.find(" bytes left out ..]\n", gap);
        const std::string_view tail = std::string_view(text).substr(after + 20);
        ASSERT_EQ(std::stoul(text.substr(gap + 5)), all.size() - gap - tail.size());
        ASSERT_TRUE(all.starts_with(text.substr(0, gap)));
        ASSERT_TRUE(all.ends_with(tail));
        ASSERT_GT(gap, 0u);
        ASSERT_GT(tail.size(), gap);
      }
    }
  }
}

TEST(Capture, widens_its_gap_between_characters) {
  std::string all;
  for (int i = 0; i < 5'000; ++i) all += "€😀";
  script::Capture capture(all.size());
  capture.add(all);
  for (std::size_t max = 4'096; max < 5'000; max += 7) {
    std::string json;
    Json::quote(json, capture.text(max));
    ASSERT_EQ(json.find("\xef\xbf\xbd"), std::string::npos) << max;
  }
}

}  // namespace
}  // namespace skep
