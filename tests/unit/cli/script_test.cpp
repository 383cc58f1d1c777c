// skep script lint and list, by the files alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

class ScriptFiles : public testing::Test {
 protected:
  ScriptFiles() {
    std::filesystem::create_directory(dir_.file("scripts"));
    write("node.toml",
          "[node]\nstate_dir = \"st\"\n[scripts]\npaths = [\"scripts\"]\nallow = [\"kv\"]\n"
          "[scripts.off]\nenabled = false\n");
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.file(name)) << text;
    return dir_.file(name);
  }
  std::string script(const std::string& file, const std::string& name,
                     const std::string& permissions = "") const {
    return write("scripts/" + file, "return skep.task { name = '" + name +
                                        "', version = '1.0.0', permissions = {" + permissions +
                                        "}, run = function() return {} end }\n");
  }
  Ran list() const { return run_cli({"script", "list", "-c", dir_.file("node.toml")}); }

  test::TempDir dir_;
};

TEST_F(ScriptFiles, are_linted_against_what_the_node_grants) {
  const std::string file = script("needy.lua", "needy", "'exec', 'kv'");
  EXPECT_EQ(run_cli({"script", "lint", file}).code, 0) << "no node is at hand";
  const Ran ran = run_cli({"script", "lint", file, "-c", dir_.file("node.toml")});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_EQ(ran.out,
            "needy.lua needs the permission \"exec\", which this node does not grant; next: "
            "[scripts.needy] allow = [\"exec\", \"kv\"]\n");
}

TEST_F(ScriptFiles, without_a_test_say_where_one_belongs) {
  const std::string file = script("bare.lua", "bare");
  const Ran ran = run_cli({"script", "test", file});
  EXPECT_EQ(ran.code, 3);
  const std::string missing = dir_.file("scripts/bare_test.lua");
  EXPECT_EQ(ran.err, "error: " + file + " has no test: there is no " + missing +
                         "   [no-test]\n"
                         "  next:  write " +
                         missing +
                         ":\n"
                         "         test(\"does it\", function(t)\n"
                         "           local result = t.run {}\n"
                         "           t.ok(result)\n"
                         "         end)\n");
  const std::string from = ran.err.substr(ran.err.find("test(\"does"));
  write("scripts/bare_test.lua", from);
  EXPECT_EQ(run_cli({"script", "test", file}).code, 0) << "what it says is a test";
}

TEST_F(ScriptFiles, are_listed_with_what_a_node_would_make_of_them) {
  script("a.lua", "same");
  script("b.lua", "same");
  script("c.lua", "collect_facts");
  script("d.lua", "needy", "'exec'");
  script("e.lua", "off");
  const Ran ran = list();
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("NAME           VERSION  STATE     DESCRIPTION\n"
                         "same           1.0.0    ready     -\n"
                         "same           1.0.0    shadowed  -\n"
                         "collect_facts  1.0.0    shadowed  -\n"
                         "needy          1.0.0    refused   -\n"
                         "off            1.0.0    disabled  -\n"),
            0u)
      << ran.out;
  for (const char* words : {"task type same is served by ", "a.lua\n",
                            "task type collect_facts is served by plugin collect_facts",
                            "  next: [scripts.needy] allow = [\"exec\"]"})
    EXPECT_NE(ran.out.find(words), std::string::npos) << words << '\n' << ran.out;
  EXPECT_NE(ran.err.find("read from the files; no node answers on "), std::string::npos) << ran.err;
}

TEST(ScriptsOfANode, are_listed_by_generation) {
  const std::string list =
      R"({"items":[{"name":"disk","version":"2.0.0","description":"d","state":"failed",)"
      R"("reason":"disk.lua:3: no","generations":[{"number":1,"version":"1.0.0",)"
      R"("state":"active","reason":"","leases":1,"calls":9,"failures":2}]},)"
      R"({"name":"echo","version":"1.0.0","description":"e","state":"shadowed",)"
      R"("reason":"taken","generations":[]}]})";
  const Ran ran = run_cli({"script", "list", "--server", "http://h:1"}, {{200, list}});
  EXPECT_EQ(ran.out,
            "NAME  VERSION  STATE     GEN  LEASES  CALLS  FAILURES  DESCRIPTION\n"
            "disk  1.0.0    active    1    1       9      2         d\n"
            "echo  1.0.0    shadowed  -    -       -      -         e\n"
            "\ndisk\n  disk.lua:3: no\n"
            "\necho\n  taken\n");
  EXPECT_EQ(run_cli({"script", "list", "--server", "http://h:1"}).code, 8);
}

}  // namespace
}  // namespace skep::cli
