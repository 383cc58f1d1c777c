#include "core/supervise/state_folder.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/text.hpp"
#include "tests/support/resource_limits.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::supervise {
namespace {

namespace fs = std::filesystem;

struct StateFolderTest : testing::Test {
  const test::TempDir dir;
  const std::string folder = dir.path();
};

TEST_F(StateFolderTest, lets_one_process_hold_a_state_folder) {
  StateFolder first(folder);
  ASSERT_TRUE(first.lock());
  StateFolder second(folder);
  const auto locked = second.lock();
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().id(), "already-running");
  EXPECT_NE(locked.error().next.find("skep up --stop"), std::string::npos);
}

TEST_F(StateFolderTest, reads_back_who_runs) {
  const StateFolder state(folder);
  ASSERT_TRUE(state.write({{10, 11}, "http://x", true, {{"control", {12, 13}}}}));
  const auto record = state.read();
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->supervisor.pid, 10);
  EXPECT_EQ((*record)->supervisor.started, 11U);
  EXPECT_EQ((*record)->url, "http://x");
  EXPECT_TRUE((*record)->ready);
  ASSERT_EQ((*record)->nodes.size(), 1U);
  EXPECT_EQ((*record)->nodes[0].first, "control");
  state.forget();
  EXPECT_FALSE(*state.read());
  std::ofstream(state.path("up.json")) << "nonsense";
  EXPECT_FALSE(state.read());
}

TEST_F(StateFolderTest, takes_nothing_that_it_cannot_read_now_for_missing) {
  StateFolder state(folder);
  ASSERT_TRUE(state.lock());
  ASSERT_TRUE(state.write_toml("control", "[node]\n"));
  ASSERT_TRUE(state.write({{10, 11}, "http://x", true, {}}));
  std::ofstream(state.log_path("control")) << "x";
  const auto without_descriptors = [&](const auto& ask) {
    const test::FewDescriptors none(0);
    return ask();
  };
  const auto record = without_descriptors([&] { return state.read(); });
  ASSERT_FALSE(record) << "it was taken for one that nobody wrote";
  EXPECT_NE(record.error().code, Code::kCorrupt);
  const auto made = without_descriptors([&] { return state.check_made_by_up(); });
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().id(), "foreign-folder");
  EXPECT_TRUE(*state.read());
  EXPECT_TRUE(state.check_made_by_up());
  {
    const test::FewDescriptors one(1);
    EXPECT_TRUE(state.wipe());
  }
  EXPECT_FALSE(fs::exists(folder + "/control.log")) << "half of it, and all well";
}

TEST_F(StateFolderTest, fresh_takes_folders_that_are_empty_missing_or_its_own) {
  StateFolder state(folder + "/state");
  EXPECT_TRUE(state.check_made_by_up());
  fs::create_directories(state.folder());
  EXPECT_TRUE(state.check_made_by_up());
  ASSERT_TRUE(state.lock());
  EXPECT_TRUE(state.check_made_by_up());
}

TEST_F(StateFolderTest, takes_no_file_of_somebody_else_for_its_own) {
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
  };
  write("thesis", "x");
  for (const char* name : {"up.json", "up.lock", "site-a.toml"}) {
    for (const char* text : {"", "precious\n", "{}\n", R"({"pid":1,"url":"http://x"})"}) {
      write(name, text);
      const auto ours = StateFolder(folder).check_made_by_up();
      ASSERT_FALSE(ours) << name << ' ' << text;
      EXPECT_EQ(ours.error().id(), "foreign-folder");
      EXPECT_EQ(*read_file(folder + "/" + name), text);
    }
    fs::remove(folder + "/" + name);
  }
}

TEST_F(StateFolderTest, takes_nobodys_record_even_in_its_own_folder) {
  StateFolder state(folder);
  ASSERT_TRUE(state.lock());
  std::ofstream(folder + "/up.json") << "precious\n";
  EXPECT_FALSE(state.check_made_by_up());
  state.forget();
  EXPECT_EQ(*read_file(folder + "/up.json"), "precious\n");
}

TEST_F(StateFolderTest, knows_its_folder_by_mark_record_or_toml) {
  {
    StateFolder state(folder);
    ASSERT_TRUE(state.lock());
    std::ofstream(folder + "/up.log") << "x";
    EXPECT_TRUE(state.check_made_by_up());
  }
  const StateFolder state(folder);
  fs::remove(folder + "/up.lock");
  EXPECT_FALSE(state.check_made_by_up());
  ASSERT_TRUE(state.write({{10, 11}, "", true, {}}));
  EXPECT_TRUE(state.check_made_by_up());
  state.forget(12);
  EXPECT_TRUE(*state.read()) << "the record of another supervisor stays";
  state.forget(10);
  EXPECT_FALSE(state.check_made_by_up());
  ASSERT_TRUE(state.write_toml("control", "[node]\n"));
  EXPECT_TRUE(state.check_made_by_up());
}

TEST_F(StateFolderTest, wipes_only_what_it_made) {
  StateFolder state(folder);
  ASSERT_TRUE(state.lock());
  ASSERT_TRUE(state.write_toml("control", "[node]\n"));
  ASSERT_TRUE(state.write_toml("old-site", "[node]\n"));
  ASSERT_TRUE(state.write({{10, 11}, "", true, {}}));
  const std::vector<std::string> ours{"control/queue.db",  "control.log", "old-site/offline/1",
                                      "old-site.log",      "up.log",      ".up.json.tmp",
                                      ".old-site.toml.tmp"};
  // Names that look like ours, and a configuration that somebody wrote.
  const std::vector<std::string> theirs{"docs/thesis",        "control-notes/a", "up/b",
                                        "site-a/photographs", "site-a.toml",     "notes.log"};
  for (const auto& names : {ours, theirs})
    for (const std::string& name : names) {
      fs::create_directories(fs::path(folder + "/" + name).parent_path());
      std::ofstream(folder + "/" + name) << "x";
    }
  fs::create_directory_symlink(folder + "/docs", folder + "/old-site/link");
  ASSERT_TRUE(state.wipe());
  for (const std::string& name : theirs) EXPECT_TRUE(fs::exists(folder + "/" + name)) << name;
  for (const std::string& name : ours) EXPECT_FALSE(fs::exists(folder + "/" + name)) << name;
  for (const char* name : {"control", "old-site", "control.toml", "old-site.toml", "up.json"})
    EXPECT_FALSE(fs::exists(folder + "/" + name)) << name;
  EXPECT_TRUE(fs::exists(folder + "/up.lock"));
}

TEST_F(StateFolderTest, knows_the_record_of_a_supervisor_that_runs) {
  const StateFolder state(folder);
  const auto us = identify(::getpid());
  ASSERT_TRUE(us);
  ASSERT_TRUE(state.write({*us, "http://x", true, {}}));
  ASSERT_TRUE(state.running());
  EXPECT_EQ(state.running()->url, "http://x");
  ASSERT_TRUE(state.write({{us->pid, us->started + 1}, "http://x", true, {}}));
  EXPECT_FALSE(state.running());
}

}  // namespace
}  // namespace skep::supervise
