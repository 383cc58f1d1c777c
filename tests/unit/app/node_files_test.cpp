// What a worker says of the registry's files, by what their loaders say.
#include "core/app/node_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/text.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::app {
namespace {

plugin::GenerationInfo generation(std::uint64_t number, const std::string& sha256,
                                  plugin::GenerationState state, const std::string& reason = {}) {
  plugin::GenerationInfo g;
  g.number = number;
  g.sha256 = sha256;
  g.state = state;
  g.reason = reason;
  return g;
}

/// "new failed: why", of the first word on that hash.
std::string word_on(const std::string& sha256, const std::vector<api::HeldRelease>& states) {
  for (const api::HeldRelease& s : states)
    if (s.sha256 == sha256) return s.state + (s.reason.empty() ? "" : ": " + s.reason);
  return "";
}

plugin::ScriptInfo script(const std::string& sha256, plugin::ScriptState state,
                          const std::string& reason) {
  plugin::ScriptInfo s;
  s.name = "probe";
  s.path = "/a/scripts/probe.lua";
  s.sha256 = sha256;
  s.state = state;
  s.reason = reason;
  return s;
}

TEST(database_path, is_another_file_for_each_plugin) {  // A4
  EXPECT_EQ(database_path(DatabaseKind::kQueue, "sqlite", "/st"), "/st/queue.db");
  EXPECT_EQ(database_path(DatabaseKind::kStore, "sqlite", "/st"), "/st/store.db");
  EXPECT_EQ(database_path(DatabaseKind::kQueue, "com.acme.queue", "/st"),
            "/st/com.acme.queue-queue.db");
}

TEST(release_states, a_script_that_does_not_load_failed_while_the_old_one_is_active) {
  auto s = script("new", plugin::ScriptState::kFailed, "probe.lua:1: no");
  s.generations = {generation(1, "old", plugin::GenerationState::kActive)};
  const auto said = script_states({s}, "/a/scripts");
  EXPECT_EQ(word_on("new", said), "failed: probe.lua:1: no");
  EXPECT_EQ(word_on("old", said), "active");
  EXPECT_TRUE(script_states({s}, "/a/other").empty());
}

TEST(release_states, a_script_that_was_taken_back_failed) {
  auto s = script("new", plugin::ScriptState::kRolledBack, "3 of its first 3 runs");
  s.generations = {
      generation(2, "new", plugin::GenerationState::kTakenBack, "3 of its first 3 runs"),
      generation(1, "old", plugin::GenerationState::kActive)};
  const auto said = script_states({s}, "/a/scripts");
  EXPECT_EQ(word_on("new", said), "failed: 3 of its first 3 runs");
  EXPECT_EQ(word_on("old", said), "active");
}

TEST(release_states, say_of_each_state_whether_the_bytes_serve_or_were_refuted) {
  for (std::size_t i = 0; i < plugin::kGenerationStates; ++i) {
    plugin::PluginInfo p;
    p.id = "echo";
    p.path = "/a/plugins/echo.so";
    p.state = plugin::PluginState::kLoaded;
    const auto state = static_cast<plugin::GenerationState>(i);
    p.generations = {generation(1, "it", state, "why")};
    const std::string word = word_on("it", plugin_states({p}, "/a/plugins"));
    EXPECT_EQ(word, plugin::serves(state)       ? "active"
                    : plugin::is_refuted(state) ? "failed: why"
                                                : "")
        << to_string(state);
  }
}

TEST(release_states, a_plugin_file_that_cannot_replace_the_old_one_failed) {
  plugin::PluginInfo p;
  p.id = "echo";
  p.path = "/a/plugins/echo.so";
  p.sha256 = "old";
  p.failed_sha256 = "new";
  p.state = plugin::PluginState::kLoaded;
  p.reason = "step probe";
  p.generations = {generation(1, "old", plugin::GenerationState::kActive)};
  const auto said = plugin_states({p}, "/a/plugins");
  EXPECT_EQ(word_on("new", said), "failed: step probe");
  EXPECT_EQ(word_on("old", said), "active");
}

TEST(release_states, a_plugin_that_was_refused_failed) {
  plugin::PluginInfo p;
  p.id = "echo";
  p.path = "/a/plugins/echo.so";
  p.sha256 = "new";
  p.state = plugin::PluginState::kRefused;
  p.reason = "no such symbol";
  EXPECT_EQ(word_on("new", plugin_states({p}, "/a/plugins")), "failed: no such symbol");
}

TEST(state_dir, that_cannot_be_made_says_as_whom_and_what_helps) {
  const test::TempDir dir;
  const std::string path = dir.file("closed/state");
  std::filesystem::create_directory(dir.file("closed"));
  ASSERT_EQ(chmod(dir.file("closed").c_str(), 0500), 0);
  const bool root = geteuid() == 0;  // who may write everywhere
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const std::string user = std::to_string(geteuid());
  const Status denied = make_state_dir(path);
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Code::kConfig);
  EXPECT_EQ(denied.error().message, "[node] state_dir: make folder " + path + " as user id " +
                                        user + ": Permission denied (errno 13)");
  EXPECT_EQ(denied.error().next,
            "sudo install -d -m 700 -o " + user + " " + path + "   or   name another folder");
  std::ofstream(dir.file("file")) << "x";
  const Status in_the_way = make_state_dir(dir.file("file/state"));
  ASSERT_FALSE(in_the_way);
  EXPECT_EQ(in_the_way.error().next, "name another folder");
}

TEST(plugin_search, begins_with_the_registrys_folder_on_a_worker_only) {
  config::Config config;
  config.node.state_dir = "/s";
  config.plugins.paths = {"/p"};
  config.node.roles = {"worker"};
  plugin::RegistryOptions options;
  set_plugin_search(config, options);
  EXPECT_EQ(options.paths, (std::vector<std::string>{"/s/releases/plugins", "/p"}));
  EXPECT_EQ(options.arrivals, "/s/releases/plugins");
  config.node.roles = {"control"};
  options = {};
  set_plugin_search(config, options);
  EXPECT_EQ(options.paths, std::vector<std::string>{"/p"});
  EXPECT_EQ(options.arrivals, "");
}

TEST(plugin_folders, of_the_node_itself_are_made_and_others_are_not) {
  const test::TempDir dir;
  config::Config config;
  config.node.state_dir = dir.file("state");
  config.node.roles = {"control"};
  make_plugin_folders(config);
  EXPECT_TRUE(std::filesystem::is_directory(dir.file("state/plugins")));
  EXPECT_FALSE(std::filesystem::exists(dir.file("state/releases"))) << "of workers";
  config.node.state_dir = dir.file("other");
  config.node.roles = {"worker"};
  config.plugins.paths = {dir.file("elsewhere")};
  make_plugin_folders(config);
  EXPECT_TRUE(std::filesystem::is_directory(dir.file("other/releases/plugins")));
  EXPECT_FALSE(std::filesystem::exists(dir.file("other/plugins")));
  EXPECT_FALSE(std::filesystem::exists(dir.file("elsewhere")));
}

TEST(NodeId, is_made_once_and_never_replaced) {
  const test::TempDir dir;
  config::Config config;
  config.node.state_dir = dir.path();
  const auto made = node_id(config);
  ASSERT_TRUE(made);
  EXPECT_EQ(node_id(config).value(), *made);
  for (const char* damaged : {"", "my host\n"}) {
    std::ofstream(dir.file("node-id"), std::ios::trunc) << damaged;
    const auto refused = node_id(config);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("node-id holds no worker id"), std::string::npos);
    EXPECT_EQ(read_file(dir.file("node-id")).value_or("gone"), damaged);
  }
}

TEST(Incarnation, goes_up_and_is_kept_for_its_user_alone) {
  const test::TempDir dir;
  config::Config config;
  config.node.state_dir = dir.path();
  std::ofstream(dir.file("incarnation")) << "";
  std::filesystem::permissions(dir.file("incarnation"), std::filesystem::perms(0644));
  const std::string first = next_incarnation(config);
  EXPECT_LT(first, next_incarnation(config));
  EXPECT_EQ(std::filesystem::status(dir.file("incarnation")).permissions(),
            std::filesystem::perms(0600));
}

TEST(LostSpool, is_one_whose_folder_is_gone_after_a_run) {
  const test::TempDir dir;
  config::Config config;
  config.node.state_dir = dir.path();
  config.spool.table = R"({"dir":")" + dir.file("offline") + R"("})";
  EXPECT_FALSE(lost_spool(config)) << "a first start";
  next_incarnation(config);
  EXPECT_TRUE(lost_spool(config));
  std::filesystem::create_directory(dir.file("offline"));
  EXPECT_FALSE(lost_spool(config));
  config.spool = {"other", "{}"};
  EXPECT_FALSE(lost_spool(config)) << "nobody knows where that one keeps its items";
}

TEST(NodeId, that_cannot_be_read_is_said_with_the_error_and_no_advice_to_remove_it) {
  const test::TempDir dir;
  config::Config config;
  config.node.state_dir = dir.path();
  // A regular file of our own whose first byte cannot be read.
  std::filesystem::create_symlink("/proc/self/mem", dir.file("node-id"));
  const auto refused = node_id(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "read " + dir.file("node-id") + ": Input/output error (errno 5)");
  EXPECT_EQ(refused.error().next, "");
  std::filesystem::remove(dir.file("node-id"));
  std::filesystem::create_symlink(dir.file("nothing"), dir.file("node-id"));
  EXPECT_FALSE(node_id(config)) << "a link to nothing";
  EXPECT_TRUE(std::filesystem::is_symlink(dir.file("node-id")));
}

TEST(NodeId, waits_for_no_pipe) {
  const test::TempDir dir;
  config::Config config;
  config.node.state_dir = dir.path();
  ASSERT_EQ(::mkfifo(dir.file("node-id").c_str(), 0600), 0);
  EXPECT_EQ(node_id(config).error().message, dir.file("node-id") + " is no regular file");
}

TEST(ReadToken, that_cannot_be_read_is_said_with_the_error_and_no_advice_to_write_it) {
  const auto refused = read_token("/proc/self/mem");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "read /proc/self/mem: Input/output error (errno 5)");
  EXPECT_EQ(refused.error().next, "");
}

TEST(ReadToken, that_is_too_short_is_said_with_how_to_write_one) {
  const test::TempDir dir;
  const std::string path = dir.file("token");
  std::ofstream(path) << "short\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  const auto refused = read_token(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, path + " holds no token of at least 16 characters");
  EXPECT_NE(refused.error().next.find("/dev/urandom"), std::string::npos);
}

TEST(ReadToken, that_nobody_could_show_is_refused_without_telling_it) {
  const test::TempDir dir;
  const std::string path = dir.file("token");
  std::ofstream(path) << "0123456789abcdef\nfedcba9876543210\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  const auto refused = read_token(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConfig);
  EXPECT_EQ(refused.error().message, path + " does not hold one line of printable characters");
  EXPECT_EQ(refused.error().next.find("0123"), std::string::npos);
}

}  // namespace
}  // namespace skep::app
