// What a script is given: input, arguments, variables.
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "request.hpp"
#include "tests/unit/plugins/execute_script_support.hpp"

namespace skep {
namespace {

using test::script;

/// Of the user who runs this.
std::string home() {
  const char* said = std::getenv("HOME");
  const passwd* entry = getpwuid(geteuid());
  return said != nullptr ? said : entry != nullptr ? entry->pw_dir : "";
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

}  // namespace
}  // namespace skep
