#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/base/fd.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

constexpr const char* kPluginDir = SKEP_BUILD_DIR "/lib/skep/plugins";

std::string text_of(const std::string& path) { return read_file(path).value_or(""); }

constexpr auto kPlugins =
    R"({"items":[{"id":"docker","version":"2.0.0","license":"MIT","description":"d",)"
    R"("path":"/p/docker.so","sha256":"ab","state":"loaded","reason":"","components":[],)"
    R"("generations":[)"
    R"({"number":3,"version":"2.0.0","sha256":"ab","state":"active","reason":"",)"
    R"("isolation":"process","leases":2,"calls":9,"failures":1,"active_at":null,"drain_ms":null},)"
    R"({"number":2,"version":"1.9.0","sha256":"aa","state":"draining","reason":"",)"
    R"("isolation":"process","leases":1,"calls":5,"failures":0,"active_at":null,"drain_ms":null},)"
    R"({"number":1,"version":"1.8.0","sha256":"a9","state":"retired","reason":"",)"
    R"("isolation":"process","leases":0,"calls":4,"failures":0,"active_at":null,"drain_ms":1500}]}]})";

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

TEST(NewScript, takes_no_name_that_a_plugin_has) {
  const test::TempDir dir;
  const Ran ran = run_cli({"script", "new", "collect_facts", "--dir", dir.file("s")});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("has the task type collect_facts already   [exists]\n"
                         "  next:  skep script new my_collect_facts\n"),
            std::string::npos)
      << ran.err;
  EXPECT_FALSE(std::filesystem::exists(dir.file("s/collect_facts.lua")));
}

TEST(NewScript, quotes_its_path_in_what_comes_next) {
  const test::TempDir dir;
  const std::string folder = dir.file("my scripts");
  const Ran ran = run_cli({"script", "new", "hello", "--dir", folder, "--server", "http://h:1"});
  EXPECT_NE(ran.err.find("  next:  skep script test '" + folder +
                         "/hello.lua'\n"
                         "         skep task submit hello --wait --server http://h:1\n"),
            std::string::npos)
      << ran.err;
}

TEST(InstallPlugin, of_no_file_names_the_nearest_one) {
  const test::TempDir dir;
  const Ran none = run_cli({"plugin", "install", dir.file("hello.so"), "--to", dir.path()});
  EXPECT_NE(none.err.find("next:  build it first   or   skep plugin new NAME"), std::string::npos)
      << none.err;
  std::ofstream(dir.file("hello.so")) << "x";
  const Ran ran = run_cli({"plugin", "install", dir.file("helo.so"), "--to", dir.path()});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("did you mean \"hello.so\"?"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("next:  skep plugin install " + dir.file("hello.so") + "\n"),
            std::string::npos)
      << ran.err;
}

TEST(NewScript, has_no_kind_and_no_plugin_id) {
  const Ran kind = run_cli({"plugin", "new", "hello", "--lang", "lua", "--kind", "queue"});
  EXPECT_EQ(kind.code, 2);
  EXPECT_NE(kind.err.find("lua template for tasks only"), std::string::npos) << kind.err;
  const Ran id = run_cli({"plugin", "new", "hello", "--lang", "lua", "--id", "com.acme.hello"});
  EXPECT_EQ(id.code, 2);
  EXPECT_NE(id.err.find("no plugin id"), std::string::npos) << id.err;
}

TEST(PluginList, says_a_refused_plugin_once) {
  const test::TempDir dir;
  const std::string& folder = dir.path();
  std::ofstream(dir.file("broken.so")) << "no library\n";
  testing::internal::CaptureStderr();
  const Ran table = run_cli({"plugin", "list", "--path", folder});
  const Ran names = run_cli({"plugin", "list", "--path", folder, "-o", "name"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(table.out.find("broken  -        refused"), std::string::npos) << table.out;
  EXPECT_EQ(table.err, "1 refused; next: skep plugin show ID\n");
  EXPECT_EQ(names.out, "");
}

TEST(PluginList, without_a_file_looks_where_install_puts_them) {
  const test::TempDir dir;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  std::filesystem::create_directories(".skep/plugins");
  std::ofstream(".skep/plugins/broken.so") << "no library\n";
  const Ran ran = run_cli({"plugin", "list"});
  std::filesystem::current_path(before);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("\nbroken "), std::string::npos) << ran.out << ran.err;
}

TEST(PluginsOfANode, are_listed_by_generation) {
  const Ran ran = run_cli({"plugin", "list", "--server", "http://h:1"}, {{200, kPlugins}});
  EXPECT_EQ(ran.out,
            "ID      VERSION  STATE     GEN  LEASES  CALLS  FAILURES  COMPONENTS\n"
            "docker  2.0.0    active    3    2       9      1         -\n"
            "docker  1.9.0    draining  2    1       5      0         -\n");
  const Ran wide =
      run_cli({"plugin", "list", "-o", "wide", "--server", "http://h:1"}, {{200, kPlugins}});
  EXPECT_NE(wide.out.find("1.5s"), std::string::npos) << wide.out;
  EXPECT_EQ(
      run_cli({"plugin", "list", "-o", "name", "--server", "http://h:1"}, {{200, kPlugins}}).out,
      "docker\n");
}

TEST(PluginsOfANode, say_in_full_why_something_does_not_serve) {
  const std::string generation =
      R"({"number":1,"version":"1.0.0","state":"active","reason":"","calls":1}]})";
  const std::string list =
      R"({"items":[{"id":"a","state":"loaded","reason":"a.so 2.0.0 was rolled back: slow\n)"
      R"(  next: mend it","generations":[{"number":2,"version":"2.0.0","state":"rolled_back",)"
      R"("reason":"slow"},)" +
      generation + R"(,{"id":"b","state":"loaded","reason":"","generations":[{"number":2,)" +
      R"("version":"2.0.0","state":"failed","reason":"no such symbol"},)" + generation + "]}";
  const std::string about_a = "\na\n  a.so 2.0.0 was rolled back: slow\n    next: mend it\n";
  const std::vector<std::string> words{"plugin", "list", "--server", "http://h:1"};
  const Ran table = run_cli(words, {{200, list}});
  EXPECT_TRUE(table.out.ends_with("-\n" + about_a)) << table.out;
  auto wide = words;
  wide.insert(wide.end(), {"-o", "wide"});
  const Ran all = run_cli(wide, {{200, list}});
  EXPECT_TRUE(all.out.ends_with(about_a + "\nb 2.0.0, generation 2\n  no such symbol\n"))
      << all.out;
  const Ran shown = run_cli({"plugin", "show", "b", "--server", "http://h:1"}, {{200, list}});
  EXPECT_NE(shown.out.find("\nb 2.0.0, generation 2\n  no such symbol\n"), std::string::npos)
      << shown.out;
}

TEST(PluginsOfANode, that_was_named_by_its_url_are_not_read_from_files) {
  EXPECT_EQ(run_cli({"plugin", "list", "--server", "http://h:1"}).code, 8);
}

class PluginInstall : public testing::Test {
 protected:
  /// Installs a plugin where a node runs. Its answer has `sha256` and `failed_sha256`, each "NEW"
  /// for that of the file.
  Ran install(const std::string& sha256, const std::string& failed_sha256, const std::string& state,
              const std::string& reason, const std::vector<std::string>& more = {}) {
    const std::string fresh = sha256_hex(text_of(file));
    const json::object plugin{{"id", "heartbeat_http"},
                              {"sha256", sha256 == "NEW" ? fresh : sha256},
                              {"failed_sha256", failed_sha256 == "NEW" ? fresh : failed_sha256},
                              {"state", state},
                              {"reason", reason}};
    const std::string list = R"({"items":[)" + to_text(plugin) + "]}";
    std::ofstream(config) << "[node]\nroles = [\"worker\"]\nstate_dir = \"st\"\n[plugins]\npaths = "
                             "[\"" +
                                 dir.file("plugins") + "\"]\n";
    std::vector<std::string> words{"plugin", "install", file, "-c", config};
    words.insert(words.end(), more.begin(), more.end());
    return run_cli(words, {{200, list}});
  }
  const test::TempDir dir;
  const std::string file = std::string(kPluginDir) + "/heartbeat_http.so";
  const std::string config = dir.file("worker.toml");
};

TEST_F(PluginInstall, fails_when_the_node_refuses_the_file_beside_one_that_serves) {
  const Ran ran = install("old", "NEW", "loaded", "it cannot start");
  EXPECT_EQ(ran.code, info(Code::kState).exit_code) << ran.out << ran.err;
  EXPECT_TRUE(ran.out.starts_with("installed ")) << ran.out;
  EXPECT_NE(ran.err.find("error: the running node does not serve it: it cannot start"),
            std::string::npos)
      << ran.err;
  const Ran quiet = install("old", "NEW", "loaded", "it cannot start", {"-q", "-o", "json"});
  EXPECT_EQ(quiet.code, ran.code);
  EXPECT_NE(quiet.err.find("it cannot start"), std::string::npos) << quiet.err;
}

TEST_F(PluginInstall, fails_when_the_node_serves_none_of_it) {
  const Ran ran = install("NEW", "", "refused", "not in plugins.lock");
  EXPECT_EQ(ran.code, info(Code::kState).exit_code) << ran.out << ran.err;
  EXPECT_NE(ran.err.find("not in plugins.lock"), std::string::npos) << ran.err;
}

TEST_F(PluginInstall, ends_well_when_the_node_serves_it_or_takes_it_at_its_next_start) {
  const Ran ran = install("NEW", "", "loaded", "");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("the running node serves it"), std::string::npos) << ran.err;
  const Ran later = install("NEW", "NEW", "loaded", "restart it");
  EXPECT_EQ(later.code, 0) << later.err;
  EXPECT_NE(later.err.find("goes on as before: restart it"), std::string::npos) << later.err;
}

TEST_F(PluginInstall, removes_what_installs_that_were_killed_left) {
  const std::vector<std::string> words{"plugin", "install", file, "--to", dir.path()};
  for (const char* name : {".other.so.tmp", ".heartbeat_http.so.tmp", ".other.so", "other.so.tmp"})
    std::ofstream(dir.file(name)) << "left";
  const Ran ran = run_cli(words);
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{".other.so", "heartbeat_http.so", "other.so.tmp"}));
}

TEST_F(PluginInstall, refuses_a_name_that_belongs_to_another_plugin) {
  const auto with = [&](const std::string& id, const std::string& component) {
    std::string bytes = text_of(SKEP_BUILD_DIR "/lib/skep/test-plugins/odd/beats.so");
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{"\"id\": \"beats\"", "\"id\": \"" + id + "\""},
          {"\"name\": \"drum\"", "\"name\": \"" + component + "\""},
          {"\"name\": \"bell\"", "\"name\": \"" + id.substr(0, 4) + "\""}})
      bytes.replace(bytes.find(from), from.size(), to);
    const std::string path = dir.file(id + ".so");
    std::ofstream(path) << bytes;
    return path;
  };
  const std::string to = dir.file("node");
  std::filesystem::create_directory(to);
  const auto put = [&](const std::string& path) {
    return run_cli({"plugin", "install", path, "--to", to});
  };
  const Ran shipped = put(with("tempo", "http"));
  EXPECT_EQ(shipped.code, info(Code::kDenied).exit_code);
  EXPECT_NE(shipped.err.find("component \"http\" of plugin tempo has a name that belongs to plugin "
                             "heartbeat_http, which comes with skep"),
            std::string::npos)
      << shipped.err;
  EXPECT_EQ(put(with("first", "drum")).code, 0);
  const Ran second = put(with("after", "drum"));
  EXPECT_EQ(second.code, info(Code::kDenied).exit_code);
  EXPECT_NE(second.err.find("belongs to plugin first, which had it first (" + to + "/first.so)"),
            std::string::npos)
      << second.err;
  EXPECT_FALSE(std::filesystem::exists(to + "/after.so"));
  EXPECT_EQ(put(with("first", "gong")).code, 0) << "its own next version";
  const Ran third = put(with("after", "drum"));
  EXPECT_EQ(third.code, 0) << "the name is free: " << third.err;
}

TEST_F(PluginInstall, says_what_a_start_would_say_of_one_that_does_not_fit) {
  const Ran ran =
      run_cli({"plugin", "install", SKEP_BUILD_DIR "/lib/skep/test-plugins/bad/newer_minor.so",
               "--to", dir.path()});
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.err.find("plugin needs a newer host  <- upgrade skep, or build with an older SDK"),
            std::string::npos)
      << ran.err;
}

TEST_F(PluginInstall, waits_for_another_one_but_not_for_ever) {
  const UniqueFd other(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  const Ran ran = run_cli({"plugin", "install", file, "--to", dir.path()});
  EXPECT_EQ(ran.code, info(Code::kBusy).exit_code) << ran.err;
  EXPECT_NE(ran.err.find("another install is at work in " + dir.path()), std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("next:"), std::string::npos) << ran.err;
}

TEST(PluginReload, says_what_serves) {
  const Ran ran = run_cli(
      {"plugin", "reload", "docker", "--server", "http://h:1"},
      {{200, R"({"id":"docker","generation":4,"version":"2.1.0","sha256":"x","changed":true})"}});
  EXPECT_EQ(ran.out, "plugin docker generation 4, version 2.1.0, serves now\n");
  EXPECT_EQ(ran.requests[0].url, "http://h:1/api/node/plugins/docker/reload");
  const Ran forced =
      run_cli({"plugin", "reload", "docker", "--force", "--server", "http://h:1"}, {{200, "{}"}});
  EXPECT_EQ(forced.requests[0].url, "http://h:1/api/node/plugins/docker/reload?force=true");
}

}  // namespace
}  // namespace skep::cli
