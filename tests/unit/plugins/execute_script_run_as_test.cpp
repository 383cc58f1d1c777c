// Scripts of another user.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "tests/unit/plugins/execute_script_support.hpp"

namespace skep {
namespace {

using test::script;

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

}  // namespace
}  // namespace skep
