// Both commands that begin a script write the same one.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/base/text.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

constexpr const char* kPluginDir = SKEP_BUILD_DIR "/lib/skep/plugins";

std::string text_of(const std::string& path) { return read_file(path).value_or(""); }

TEST(NewScript, is_the_same_one_from_both_commands) {
  const test::TempDir dir;
  const std::string one = dir.file("one");
  const std::string two = dir.file("two");
  const Ran script = run_cli({"script", "new", "hello", "--dir", one});
  const Ran plugin = run_cli({"plugin", "new", "hello", "--lang", "lua", "--dir", two});
  EXPECT_EQ(script.code, 0) << script.err;
  EXPECT_EQ(plugin.code, 0) << plugin.err;
  EXPECT_EQ(script.out, one + "/hello.lua\n");
  EXPECT_EQ(plugin.out, two + "/hello.lua\n");
  for (const char* name : {"/hello.lua", "/hello_test.lua"}) {
    EXPECT_FALSE(text_of(one + name).empty()) << name;
    EXPECT_EQ(text_of(one + name), text_of(two + name)) << name;
  }
  const Ran tested = run_cli({"script", "test", two + "/hello.lua", "--plugins", kPluginDir});
  EXPECT_EQ(tested.code, 0) << tested.out << tested.err;
}

TEST(NewScript, goes_where_the_node_looks) {
  const test::TempDir dir;
  const std::string paths = "scripts.paths=[\"" + dir.file("found") + "\"]";
  const Ran ran = run_cli({"plugin", "new", "hello", "-l", "lua", "--set", paths, "--set",
                           "node.state_dir=" + dir.path()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(std::filesystem::exists(dir.file("found/hello.lua"))) << ran.out;
}

TEST(NewScript, replaces_nothing) {
  const test::TempDir dir;
  const std::vector<std::string> words{"plugin", "new",   "hello",   "--lang",
                                       "lua",    "--dir", dir.path()};
  EXPECT_EQ(run_cli(words).code, 0);
  const Ran again = run_cli(words);
  EXPECT_EQ(again.code, 5);
  EXPECT_NE(again.err.find("hello.lua exists already"), std::string::npos) << again.err;
}

TEST(NewScript, has_no_kind_and_no_plugin_id) {
  const Ran kind = run_cli({"plugin", "new", "hello", "--lang", "lua", "--kind", "queue"});
  EXPECT_EQ(kind.code, 2);
  EXPECT_NE(kind.err.find("lua template for tasks only"), std::string::npos) << kind.err;
  const Ran id = run_cli({"plugin", "new", "hello", "--lang", "lua", "--id", "com.acme.hello"});
  EXPECT_EQ(id.code, 2);
  EXPECT_NE(id.err.find("no plugin id"), std::string::npos) << id.err;
}

}  // namespace
}  // namespace skep::cli
