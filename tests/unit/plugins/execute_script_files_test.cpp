// Folders and files: where a script lies, where it runs, what is left of it.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/plugins/execute_script_support.hpp"

namespace skep {
namespace {

using test::script;

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

}  // namespace
}  // namespace skep
