#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

/// Runs `config check` against the plugins of this build.
struct ConfigCheckTest : testing::Test {
  Ran check(const std::string& toml) const {
    std::ofstream(folder + "/n.toml", std::ios::trunc)
        << "node.state_dir = \"" << folder << "/state\"\n"
        << toml;
    Ran ran = run_cli({"config", "check", "-c", folder + "/n.toml"});
    for (std::size_t at; (at = ran.err.find(folder + "/")) != std::string::npos;)
      ran.err.erase(at, folder.size() + 1);
    return ran;
  }
  void refuses(const std::string& toml, const std::string& message) const {
    const Ran ran = check(toml);
    EXPECT_EQ(ran.code, 78) << toml << ran.err;
    EXPECT_NE(ran.err.find(message), std::string::npos) << toml << ran.err;
    EXPECT_FALSE(fs::exists(folder + "/state")) << "a check writes nothing";
  }
  const test::TempDir dir;
  const std::string folder = dir.path();
};

TEST_F(ConfigCheckTest, takes_what_start_takes) {
  const std::string token = folder + "/token";
  std::ofstream(token) << "0123456789abcdef\n";
  ASSERT_EQ(::chmod(token.c_str(), 0600), 0);
  const Ran ran = check(
      "[http]\ntoken_file = \"token\"\n[queue]\nplugin = \"sqlite\"\npath = \"q.db\"\n"
      "[plugins.execute_script]\nenabled = false\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_FALSE(fs::exists(folder + "/state"));
}

TEST_F(ConfigCheckTest, says_where_the_spool_is) {
  const Ran ran = check("");
  EXPECT_NE(ran.out.find("spool file in " + fs::current_path().string() + "/offline\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(ConfigCheckTest, of_both_roles_names_no_other_control_plane) {
  EXPECT_NE(check("").out.find("  worker   of this node itself; "), std::string::npos)
      << check("").out;
  const Ran told = check(
      "node.roles = [\"control\", \"worker\"]\n"
      "worker.control_plane_url = \"http://h:1\"\n");
  EXPECT_NE(told.out.find("  worker   of http://h:1; "), std::string::npos) << told.out << told.err;
}

TEST_F(ConfigCheckTest, warns_of_a_user_that_is_not_there) {
  const Ran ran = check("[plugins.execute_script]\nrun_as = \"nosuchuser\"\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(
      ran.err.find("warning: n.toml:3:1: [plugins.execute_script] run_as: this machine has no "
                   "user \"nosuchuser\""),
      std::string::npos)
      << ran.err;
  EXPECT_EQ(check("[plugins.execute_script]\nrun_as = \"root\"\n").err.find("run_as"),
            std::string::npos);
}

TEST_F(ConfigCheckTest, refuses_a_component_that_is_not_there) {
  refuses("[queue]\nplugin = \"postgres\"\n",
          "n.toml:3:1: [queue] plugin = \"postgres\": no such queue; known: sqlite");
  refuses("[store]\nplugin = \"sqlit\"\n", "no such store; did you mean \"sqlite\"?");
  refuses("[spool]\nplugin = \"sqlite\"\n", "no such spool; known: file");
  refuses("[heartbeat]\nplugin = \"htp\"\n", "no such heartbeat; did you mean \"http\"?");
}

TEST_F(ConfigCheckTest, refuses_a_slots_key_that_its_component_does_not_have) {
  refuses("[queue]\nfoo = 1\n", "[queue] for plugin sqlite");
  refuses("[queue]\nfoo = 1\n", "\"foo\"");
  refuses("[spool]\nmax_files = \"x\"\n", "n.toml:3:1: [spool] for plugin");
}

TEST_F(ConfigCheckTest, refuses_tables_that_fit_no_plugin) {
  refuses("[plugins.execute_script]\ninterpreter = [\"/bin/sh\"]\n",
          "[plugins.execute_script]: unknown key \"interpreter\"; did you mean \"interpreters\"?");
  refuses("[plugins.lua]\nmemory_mb = \"x\"\n", "n.toml:3:1: [plugins.lua] /memory_mb: ");
  refuses("[plugins.lua]\nmemory_mb = -1\n", "n.toml:3:1: [plugins.lua] /memory_mb: ");
  refuses("node.roles = [\"control\"]\n[plugins.nope]\n", "[plugins.nope]: no plugin \"nope\"");
}

TEST_F(ConfigCheckTest, refuses_what_scripts_cannot_be_allowed) {
  refuses("[scripts]\nallow = [\"exce\"]\n",
          "n.toml:3:1: [scripts] allow has the unknown permission \"exce\"");
  refuses("[scripts.greet]\nallow = [\"exce\"]\n",
          "n.toml:3:1: [scripts.greet] allow has the unknown permission \"exce\"");
  refuses("[scripts.nix]\nalow = [\"exec\"]\n",
          "n.toml:3:1: [scripts.nix] /alow: unknown member \"alow\"; did you mean \"allow\"?");
}

TEST_F(ConfigCheckTest, warns_a_worker_of_tables_for_plugins_that_are_not_there_yet) {
  const Ran ran = check("node.roles = [\"worker\"]\n[plugins.execute_scrip]\nenabled = true\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("[plugins.execute_scrip]: no plugin \"execute_scrip\"; did you mean "
                         "\"execute_script\"?; it waits for one that the control plane sends"),
            std::string::npos)
      << ran.err;
  refuses("node.roles = [\"worker\"]\n[plugins.nope]\nenabled = 1\n", "[plugins.nope]");
}

TEST_F(ConfigCheckTest, refuses_folders_without_plugins) {
  refuses("[plugins]\npaths = [\"/nonexist\"]\n", "no plugin for a queue in /nonexist");
  refuses("[plugins]\npaths = [\"/nonexist\"]\n", "no plugins in /nonexist: No such file");
}

TEST_F(ConfigCheckTest, refuses_a_slot_of_a_plugin_that_is_turned_off) {
  refuses("[plugins.sqlite]\nenabled = false\n", "plugin sqlite is disabled");
}

TEST_F(ConfigCheckTest, refuses_token_files_that_hold_no_token) {
  fs::create_directories(folder + "/folder");
  ASSERT_EQ(::mkfifo((folder + "/pipe").c_str(), 0600), 0);
  refuses("[http]\ntoken_file = \"none\"\n", "[http] token_file: read none: No such file");
  refuses("[http]\ntoken_file = \"folder\"\n", "[http] token_file: folder is a folder");
  refuses("[worker]\ntoken_file = \"pipe\"\n", "[worker] token_file: pipe is no regular file");
}

TEST_F(ConfigCheckTest, refuses_a_token_that_nobody_could_show) {
  std::ofstream(folder + "/two") << "0123456789abcdef\nfedcba9876543210\n";
  ASSERT_EQ(::chmod((folder + "/two").c_str(), 0600), 0);
  refuses("[http]\ntoken_file = \"two\"\n",
          "[http] token_file: two does not hold one line of printable characters");
}

TEST_F(ConfigCheckTest, refuses_trust_that_cannot_work) {
  refuses("[trust]\npolicy = \"sign\"\n", "expected one of none, pin, signature, both");
  refuses("[trust]\nkeys = 1\n", "expected lists of strings by name");
  refuses("[trust.keys]\n\"com.acme.*\" = \"RW\"\n", "write \"com.acme.\" for all ids below it");
  refuses("[trust.keys]\nx = [\"RW\"]\n",
          "n.toml:2:8: trust.keys.\"x\"[0]: not a minisign public key");
  refuses("[trust]\npolicy = \"pin\"\n", "[trust] lock_file: find plugins.lock: No such file");
}

TEST_F(ConfigCheckTest, what_trust_refuses_serves_no_slot) {
  refuses("[trust]\npolicy = \"signature\"\n",
          "[queue] plugin = \"sqlite\": plugin sqlite is refused");
  const std::string said = check("[trust]\npolicy = \"signature\"\n").err;
  EXPECT_NE(said.find("  signature  "), std::string::npos) << said;
  EXPECT_NE(said.find("  unsigned\n"), std::string::npos) << "the cause, not only the policy";
}

TEST_F(ConfigCheckTest, looks_only_at_what_the_roles_use) {
  EXPECT_EQ(check("node.roles = [\"worker\"]\n[queue]\nplugin = \"postgres\"\n").code, 0);
}

TEST_F(ConfigCheckTest, lists_every_problem_of_plugins) {
  const Ran ran = check(
      "[queue]\nplugin = \"postgres\"\n[store]\nfoo = 1\nbar = 2\n[plugins.nope]\n"
      "[plugins.neither]\n[http]\ntoken_file = \"none\"\n");
  EXPECT_EQ(ran.code, 78);
  for (const char* word :
       {"postgres", "\"foo\"", "\"bar\"", "\"nope\"", "\"neither\"", "token_file"})
    EXPECT_NE(ran.err.find(word), std::string::npos) << word << '\n' << ran.err;
}

TEST_F(ConfigCheckTest, lists_problems_of_keys_and_of_plugins_at_once) {
  const Ran ran = check(
      "[worker]\nconcurrency = \"many\"\n[http]\nlisten = \"0.0.0.0:8000\"\n[control]\nbogus = 1\n"
      "[queue]\nplugin = \"postgres\"\n");
  EXPECT_EQ(ran.code, 78);
  for (const char* word : {"concurrency", "others can reach", "bogus", "\"postgres\""})
    EXPECT_NE(ran.err.find(word), std::string::npos) << word << '\n' << ran.err;
}

TEST_F(ConfigCheckTest, says_nothing_of_plugins_when_what_chooses_them_is_wrong) {
  for (const char* toml :
       {"[queue]\nplugin = 5\n[store]\nplugin = \"postgres\"\n",
        "[node]\nroles = \"contrl\"\n[store]\nplugin = \"postgres\"\n",
        "[qeue]\nplugin = \"x\"\n[store]\nplugin = \"postgres\"\n", "[store\nplugin = 1\n"}) {
    const Ran ran = check(toml);
    EXPECT_EQ(ran.code, 78);
    EXPECT_EQ(ran.err.find("no such store"), std::string::npos) << ran.err;
  }
}

TEST_F(ConfigCheckTest, gives_programs_every_problem) {
  std::ofstream(folder + "/n.toml") << "[worker]\nconcurrency = \"many\"\nbogus = 1\n";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"config", "check"}, {"start"}}) {
    std::vector<std::string> words = command;
    words.insert(words.end(), {"-c", folder + "/n.toml", "-o", "json"});
    const Ran ran = run_cli(words);
    EXPECT_EQ(ran.code, 78);
    const auto problem = parse_json(ran.err);
    ASSERT_TRUE(problem) << ran.err;
    const json::array& errors = problem->at("errors").as_array();
    ASSERT_EQ(errors.size(), 2U);
    EXPECT_EQ(errors[0].at("message"), problem->at("detail"));
    EXPECT_NE(get_string(errors[1].as_object(), "message").find("bogus"), std::string::npos);
  }
}

TEST_F(ConfigCheckTest, warns_of_script_folders_that_are_not_there) {
  const Ran ran = check("[scripts]\npaths = [\"nope\"]\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.err.find("warning: n.toml:3:1: no scripts in nope: No such file"),
            std::string::npos)
      << ran.err;
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
