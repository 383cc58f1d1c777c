#include "core/app/reloader.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "core/app/admission.hpp"
#include "core/app/node_check.hpp"
#include "core/app/node_core.hpp"
#include "core/app/node_files.hpp"
#include "core/base/events.hpp"
#include "core/base/text.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::app {
namespace {

namespace fs = std::filesystem;

class ReloaderTest : public testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(path_) << text; }

  Reloader make(const std::string& text) {
    write(text);
    Reloader::Guards guards;
    guards.check = [this](const config::Loaded&, const config::Loaded&) { return check_; };
    guards.trust = [this](const config::Config&) {
      asked_ += "trust ";
      return trust_;
    };
    guards.plugins = [this](const config::Config&) {
      asked_ += "plugins ";
      return plugins_;
    };
    const config::LoadOptions source{.path = path_};
    return Reloader(config::load(source).value(), source, std::move(guards));
  }
  std::vector<Reloader::Apply> parts() {
    return {[this](const config::Config& c) { applied_.push_back(c.worker.concurrency); }};
  }
  static std::string newest_event() {
    const auto found = events::since(events::newest() - 1, 1, Millis{0}, {});
    return found.empty() ? "" : found[0].name + " " + found[0].fields;
  }

  const test::TempDir dir_;
  const std::string path_ = dir_.file("node.toml");
  Status check_;
  Result<plugin::Configured> plugins_ = plugin::Configured{};
  std::string asked_;
  Status trust_;
  std::vector<int> applied_;
};

TEST_F(ReloaderTest, applies_live_keys_and_names_the_rest) {
  Reloader reloader = make("[worker]\nconcurrency = 4\n");
  reloader.start(parts());
  write("[worker]\nconcurrency = 8\n[http]\nthreads = 9\n");
  const ReloadReport report = reloader.reload("api");
  EXPECT_EQ(report.result, "partly");
  ASSERT_EQ(report.applied.size(), 1u);
  EXPECT_EQ(report.applied[0].key, "worker.concurrency");
  ASSERT_EQ(report.needs_restart.size(), 1u);
  EXPECT_EQ(report.needs_restart[0].key, "http.threads");
  EXPECT_EQ(applied_, std::vector<int>{8});
  EXPECT_EQ(reloader.running().config.http.threads, 16);
  EXPECT_EQ(reloader.running().config.worker.concurrency, 8);
  EXPECT_NE(newest_event().find("http.threads: 16 -> 9"), std::string::npos) << newest_event();
  EXPECT_EQ(reloader.reload("api").result, "partly") << "it waits until a restart";
  write("[worker]\nconcurrency = 8\n");
  EXPECT_EQ(reloader.reload("api").result, "unchanged");
  EXPECT_TRUE(reloader.needs_restart().empty());
}

/// With the guards of a node and the plugins of this build.
class NodeReloadTest : public ReloaderTest {
 protected:
  void run(const std::string& text) {
    write(text);
    const config::LoadOptions source{.path = path_};
    const auto loaded = config::load(source).value();
    plugin::RegistryOptions options;
    set_plugin_search(loaded.config, options);
    options.staging_dir = dir_.file("staging");
    registry_ = std::make_unique<plugin::Registry>(options);
    ASSERT_TRUE(registry_->scan());
    reloader_ = std::make_unique<Reloader>(
        loaded, source, reload_guards(*registry_, make_gate(loaded.config).value(), path_));
    reloader_->start(parts());
  }

  const std::string node_ = "[node]\nstate_dir = \"state\"\n";
  std::unique_ptr<plugin::Registry> registry_;
  std::unique_ptr<Reloader> reloader_;
};

TEST_F(NodeReloadTest, refuses_the_whole_in_the_words_of_config_check) {
  run(node_);
  for (const std::string tables :
       {"[queue]\npaht = \"q.db\"\n", "[store]\nbusy_timeout_ms = \"long\"\nx = 1\n",
        "[spool]\nmax_bytes = 1\n", "[heartbeat]\nplugin = \"htp\"\n",
        "[plugins.sqlite]\nbusy_timeout_ms = \"long\"\n", "[plugins.execute_script]\nnice = 99\n",
        "[plugins.lua]\nmemory_mb = \"x\"\n", "[plugins.lua]\nmemory_mb = -1\n",
        "[scripts]\nallow = [\"exce\"]\n", "[scripts.greet]\nallow = [\"exce\"]\n",
        "[scripts.nix]\nalow = [\"exec\"]\n", "[http]\ntoken_file = \"nope.token\"\n",
        "[spool]\nmax_bytes = 1\n[http]\njoin_token_file = \"nope.token\"\n"}) {
    write(node_ + tables + "[worker]\nconcurrency = 8\n");
    const auto found = check_node(config::load({.path = path_}).value());
    ASSERT_FALSE(found.errors.empty()) << tables;
    EXPECT_TRUE(found.errors[0].starts_with(path_ + ":")) << found.errors[0];
    const ReloadReport report = reloader_->reload("api");
    ASSERT_EQ(report.result, "refused") << tables;
    EXPECT_EQ(report.error->message, join(found.errors, "\n"));
    EXPECT_TRUE(applied_.empty());
  }
  write(node_ + "[queue]\npath = \"q.db\"\n[worker]\nconcurrency = 8\n");
  const ReloadReport report = reloader_->reload("api");
  EXPECT_EQ(report.result, "partly");
  ASSERT_EQ(report.needs_restart.size(), 1u);
  EXPECT_EQ(report.needs_restart[0].key, "queue.path");
  EXPECT_EQ(applied_, std::vector<int>{8});
}

TEST_F(NodeReloadTest, minds_no_component_that_the_node_was_started_with) {
  run(node_ + "[queue]\nplugin = \"gone\"\n");
  write(node_ + "[queue]\nplugin = \"gone\"\n[worker]\nconcurrency = 8\n[spool]\nmax_items = 99\n");
  EXPECT_EQ(reloader_->reload("api").result, "partly") << "its file may be replaced at the moment";
  EXPECT_EQ(applied_, std::vector<int>{8});
}

TEST_F(NodeReloadTest, minds_token_files_of_keys_that_changed) {
  const std::string worker = "[worker]\ntoken_file = \"gone.token\"\n";
  run(node_ + worker);
  write(node_ + worker + "concurrency = 8\n");
  EXPECT_EQ(reloader_->reload("api").result, "applied")
      << "the old one may be replaced at the moment";
  write(node_ + worker + "join_token_file = \"nope.token\"\n");
  const ReloadReport report = reloader_->reload("api");
  ASSERT_EQ(report.result, "refused");
  EXPECT_TRUE(report.error->message.starts_with(path_ + ":5:1: [worker] join_token_file: read "))
      << report.error->message;
  write("[node]\nstate_dir = \"state\"\nroles = [\"control\"]\n" + worker +
        "join_token_file = \"nope.token\"\n");
  EXPECT_EQ(reloader_->reload("api").result, "partly") << "a control plane reads neither";
}

TEST_F(NodeReloadTest, minds_secrets_that_changed_and_takes_them_live) {
  const std::string gone = "[secrets.gone]\nfile = \"gone\"\n";
  run(node_ + gone);
  write(node_ + gone + "plugins = [\"acme\"]\n");
  const ReloadReport report = reloader_->reload("api");
  ASSERT_EQ(report.result, "refused");
  EXPECT_NE(report.error->message.find("[secrets.gone] file: read "), std::string::npos)
      << report.error->message;
  const std::string file = fs::path(path_).parent_path() / "value";
  std::ofstream(file) << "some value";
  fs::permissions(file, fs::perms::owner_read);
  write(node_ + gone + "[secrets]\ndb = { file = \"value\", plugins = [\"acme\"] }\n");
  EXPECT_EQ(reloader_->reload("api").result, "applied") << "the old one may be mounted later";
  write(node_ + gone + "[secrets]\ndb = { file = \"value\", plugin = [\"acme\"] }\n");
  EXPECT_NE(reloader_->reload("api").error->message.find("did you mean \"plugins\"?"),
            std::string::npos);
}

TEST_F(ReloaderTest, shows_no_refusal_of_a_file_that_was_corrected) {
  Reloader reloader = make("[worker]\nconcurrency = 4\n");
  reloader.start(parts());
  EXPECT_EQ(reloader.reload("api").result, "unchanged");
  EXPECT_FALSE(reloader.last()) << "nothing to tell";
  for (const std::string wrong : {"nope = 1\n", "[http]\nthreads = 9\n"}) {
    write("[worker]\nconcurrency = 4\n" + wrong);
    const std::string said = reloader.reload("api").result;
    EXPECT_NE(said, "unchanged");
    EXPECT_EQ(reloader.last()->result, said);
    write("[worker]\nconcurrency = 4\n");
    EXPECT_EQ(reloader.reload("file").result, "unchanged");
    EXPECT_EQ(reloader.last()->result, "unchanged");
  }
  write("[worker]\nconcurrency = 8\n");
  EXPECT_EQ(reloader.reload("api").result, "applied");
  EXPECT_EQ(reloader.reload("api").result, "unchanged");
  EXPECT_EQ(reloader.last()->result, "applied") << "that is what runs";
}

TEST_F(ReloaderTest, changes_nothing_when_the_file_is_wrong_or_gone) {
  Reloader reloader = make("[worker]\nconcurrency = 4\n");
  reloader.start(parts());
  write("[worker]\nconcurrency = 8\nnope = 1\n");
  const ReloadReport report = reloader.reload("file");
  EXPECT_EQ(report.result, "refused");
  EXPECT_NE(report.error->message.find("node.toml:3:1"), std::string::npos)
      << report.error->message;
  std::filesystem::remove(path_);
  EXPECT_EQ(reloader.reload("file").result, "refused");
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader.running().config.worker.concurrency, 4);
  EXPECT_EQ(newest_event().substr(0, 14), "config.refused");
}

TEST_F(ReloaderTest, changes_nothing_when_a_plugin_refuses_its_table) {
  Reloader reloader = make("");
  reloader.start(parts());
  check_ = config_error("x: level is 1; expected a string");
  write("[worker]\nconcurrency = 8\n[trust]\npolicy = \"pin\"\n[plugins.x]\nlevel = 1\n");
  EXPECT_EQ(reloader.reload("file").result, "refused");
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(asked_, "");
  check_ = Status{};
  EXPECT_EQ(reloader.reload("file").result, "applied");
  EXPECT_EQ(applied_, std::vector<int>{8});
  EXPECT_EQ(asked_, "trust plugins ") << "what plugins load must pass the stricter policy";
}

TEST_F(ReloaderTest, says_of_each_plugin_what_came_of_its_table) {
  Reloader reloader = make("[plugins.a]\nn = 1\n[plugins.b]\nn = 1\n");
  reloader.start(parts());
  write("[plugins.a]\nn = 2\n[plugins.b]\nn = 2\n[plugins.c]\nn = 2\n");
  plugins_ = plugin::Configured{
      {"a"}, {{"b", invalid("no b")}, {"c", Error{Code::kState, "no c", "needs-restart"}}}};
  const ReloadReport report = reloader.reload("api");
  EXPECT_EQ(report.result, "partly");
  ASSERT_EQ(report.applied.size(), 1u);
  EXPECT_EQ(report.applied[0].key, "plugins.a.n");
  ASSERT_EQ(report.needs_restart.size(), 2u) << "what is not in force";
  EXPECT_EQ(report.needs_restart[0].key, "plugins.b.n");
  EXPECT_NE(api::encode(view_of(report)).find(R"({"id":"b","result":"failed","error":"no b"})"),
            std::string::npos)
      << api::encode(view_of(report));
  EXPECT_NE(api::encode(view_of(report)).find(R"({"id":"c","result":"restart")"),
            std::string::npos);
  EXPECT_EQ(reloader.running().config.plugins.tables.at("b"), R"({"n":1})");
  EXPECT_EQ(reloader.running().config.plugins.tables.count("c"), 0u);
  asked_.clear();
  plugins_ = plugin::Configured{{"b", "c"}, {}};
  EXPECT_EQ(reloader.reload("api").result, "applied");
  EXPECT_EQ(asked_, "plugins ") << "they are tried again";
  asked_.clear();
  EXPECT_EQ(reloader.reload("api").result, "unchanged");
  EXPECT_EQ(asked_, "");
}

TEST_F(ReloaderTest, a_table_that_goes_back_reaches_the_plugin_that_failed) {
  Reloader reloader = make("[plugins.b]\nn = 1\n");
  reloader.start(parts());
  write("[plugins.b]\nn = 2\n");
  plugins_ = plugin::Configured{{}, {{"b", invalid("no b")}}};
  EXPECT_EQ(reloader.reload("api").result, "partly");
  asked_.clear();
  plugins_ = plugin::Configured{{"b"}, {}};
  write("[plugins.b]\nn = 1\n");
  EXPECT_EQ(reloader.reload("api").result, "unchanged");
  EXPECT_EQ(asked_, "plugins ") << "or its next reload takes the bad one";
}

TEST_F(ReloaderTest, refuses_a_file_that_was_emptied) {
  Reloader reloader = make("[worker]\nconcurrency = 4\n[trust]\npolicy = \"pin\"\n");
  reloader.start(parts());
  for (const char* nothing : {"", " \n\t\n", "# all gone\n", "[worker]\n"}) {
    write(nothing);
    for (const char* trigger : {"file", "SIGHUP", "api"}) {
      const ReloadReport report = reloader.reload(trigger);
      EXPECT_EQ(report.result, "refused") << nothing;
      EXPECT_NE(report.error->message.find("sets nothing any more"), std::string::npos);
    }
  }
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader.running().config.worker.concurrency, 4);
  write("[worker]\nconcurrency = 4\n[trust]\npolicy = \"pin\"\n");
  EXPECT_EQ(reloader.reload("file").result, "unchanged");
}

TEST_F(ReloaderTest, takes_a_last_line_without_its_end_only_when_asked) {
  Reloader reloader = make("[worker]\nconcurrency = 4\n");
  reloader.start(parts());
  write("[worker]\nconcurrency = 2");  // of 25
  const ReloadReport report = reloader.reload("file");
  EXPECT_EQ(report.result, "refused");
  EXPECT_NE(report.error->message.find("the last line has no end"), std::string::npos);
  EXPECT_NE(report.error->next.find("skep node reload"), std::string::npos);
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader.reload("api").result, "applied");
}

TEST_F(ReloaderTest, leaves_what_a_guard_cannot_take_live_for_the_next_start) {
  Reloader reloader = make("[trust]\npolicy = \"pin\"\n");
  reloader.start(parts());
  trust_ = Error{Code::kState, "that would admit more"};
  write("[worker]\nconcurrency = 8\n[trust]\npolicy = \"none\"\n");
  const ReloadReport report = reloader.reload("file");
  EXPECT_EQ(report.result, "partly");
  ASSERT_EQ(report.needs_restart.size(), 1u);
  EXPECT_EQ(report.needs_restart[0].key, "trust.policy");
  EXPECT_NE(report.error->message.find("admit more"), std::string::npos);
  EXPECT_EQ(reloader.running().config.trust.policy, "pin");
  EXPECT_EQ(applied_, std::vector<int>{8});
}

TEST_F(ReloaderTest, refuses_while_the_node_starts_or_stops) {
  Reloader reloader = make("");
  EXPECT_EQ(reloader.reload("api").error->code, Code::kUnavailable);
  reloader.start(parts());
  EXPECT_EQ(reloader.reload("api").result, "unchanged");
  reloader.stop();
  EXPECT_EQ(reloader.reload("api").error->code, Code::kUnavailable);
}

}  // namespace
}  // namespace skep::app
