// Files that come, change, break and go while the node runs.
#include "core/plugin/scripts/registry.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/events.hpp"
#include "core/base/id.hpp"
#include "core/proc/monotonic.hpp"
#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

using plugin::ScriptInfo;
using plugin::ScriptOptions;
using plugin::ScriptRegistry;

std::string task(const std::string& name, const std::string& body,
                 const std::string& version = "1.0.0", const std::string& permissions = "") {
  return "return skep.task { name = '" + name + "', version = '" + version + "', permissions = {" +
         permissions + "}, run = function(ctx, params) " + body + " end }";
}

class Catalog : public ::testing::Test {
 protected:
  Catalog() {
    options_.paths = {dir_.file("first"), dir_.file("second")};
    for (const std::string& path : options_.paths) std::filesystem::create_directory(path);
  }

  std::string path(const std::string& name, int folder = 0) const {
    return options_.paths[static_cast<std::size_t>(folder)] + "/" + name;
  }
  void write(const std::string& name, const std::string& text, int folder = 0) const {
    std::ofstream(path(name, folder) + ".new") << text;
    std::filesystem::rename(path(name, folder) + ".new", path(name, folder));
  }
  ScriptRegistry& scanned() {
    if (!catalog_)
      catalog_ = std::make_unique<ScriptRegistry>(options_, rig_.shared_engine(), rig_.table());
    catalog_->scan();
    return *catalog_;
  }
  ScriptInfo info(const std::string& name, int folder = 0) {
    for (ScriptInfo& info : catalog_->list())
      if (info.path == path(name, folder)) return info;
    return {};
  }
  /// The result, or the error.
  std::string run(const std::string& type) {
    ports::RunRequest request;
    request.task.type = type;
    ports::CancelToken token;
    const auto out = rig_.table()->run(request, proc::monotonic_ms() + 600'000, token, {});
    return out.kind == model::OutcomeKind::kSucceeded ? out.result : out.error;
  }

  void start() {
    catalog_ = std::make_unique<ScriptRegistry>(options_, rig_.shared_engine(), rig_.table());
    catalog_->start();
  }
  /// Until a script became active after event `seen`.
  static void await_active(std::uint64_t seen) {
    const std::stop_source stop;
    for (;;) {
      const auto events = events::since(seen, 16, Millis{120'000}, stop.get_token());
      ASSERT_FALSE(events.empty()) << "nothing happened within two minutes";
      for (const auto& e : events)
        if (e.name == "script.active") return;
      seen = events.back().id;
    }
  }

  TempDir dir_;
  ScriptOptions options_;
  ScriptRig rig_;
  std::unique_ptr<ScriptRegistry> catalog_;
};

TEST_F(Catalog, serves_a_file_and_each_new_text_of_it) {
  write("a.lua", task("a", "return 1"));
  scanned();
  EXPECT_EQ(run("a"), "1");
  write("a.lua", task("a", "return 2", "2.0.0"));
  scanned();
  EXPECT_EQ(run("a"), "2");
  const ScriptInfo now = info("a.lua");
  EXPECT_EQ(now.version, "2.0.0");
  ASSERT_EQ(now.generations.size(), 2U);
  EXPECT_EQ(now.generations[0].number, 2U);
  EXPECT_TRUE(plugin::serves(now.generations[0].state));
}

TEST_F(Catalog, leaves_the_old_generation_serving_when_the_new_text_is_wrong) {
  write("a.lua", task("a", "return 1"));
  scanned();
  write("a.lua", "\nreturn skep.task {");
  scanned();
  EXPECT_EQ(run("a"), "1");
  EXPECT_EQ(info("a.lua").state, plugin::ScriptState::kFailed);
  EXPECT_EQ(info("a.lua").reason, "a.lua:2: unexpected symbol near <eof>");
  EXPECT_EQ(info("a.lua").generations.front().state, plugin::GenerationState::kActive);
  EXPECT_EQ(info("a.lua").sha256, sha256_hex("\nreturn skep.task {"))
      << "whoever published that text hears that it failed";
  write("a.lua", task("a", "return 3"));
  scanned();
  EXPECT_EQ(run("a"), "3");
  EXPECT_EQ(info("a.lua").reason, "");
}

TEST_F(Catalog, takes_the_type_out_with_its_file) {
  write("a.lua", task("a", "return 1"));
  scanned();
  std::filesystem::remove(path("a.lua"));
  scanned();
  EXPECT_NE(run("a").find("unknown-task-type"), std::string::npos);
  EXPECT_TRUE(catalog_->list().empty());
}

TEST_F(Catalog, follows_a_file_to_its_new_name) {
  write("a.lua", task("a", "return 1"));
  scanned();
  write("a.lua", task("b", "return 2"));
  scanned();
  EXPECT_NE(run("a").find("unknown-task-type"), std::string::npos);
  EXPECT_EQ(run("b"), "2");
}

TEST_F(Catalog, lets_the_first_folder_win) {
  write("x.lua", task("a", "return 'second'"), 1);
  scanned();
  EXPECT_EQ(run("a"), "\"second\"");
  write("y.lua", task("a", "return 'first'"));
  scanned();
  EXPECT_EQ(run("a"), "\"first\"");
  EXPECT_EQ(info("x.lua", 1).state, plugin::ScriptState::kShadowed);
  write("z.lua", task("a", "return 'third'"), 1);
  scanned();
  EXPECT_EQ(info("z.lua", 1).reason,
            "z.lua: task type a is that of " + path("y.lua") +
                ", which comes first\n  next: give one of the two another name");
  std::filesystem::remove(path("y.lua"));
  scanned();
  EXPECT_EQ(run("a"), "\"second\"");
}

TEST_F(Catalog, refuses_the_name_of_a_plugins_type) {
  ASSERT_TRUE(rig_.start_plugins());
  write("a.lua", task("collect_facts", "return 1"));
  scanned();
  EXPECT_EQ(info("a.lua").state, plugin::ScriptState::kFailed);
  EXPECT_NE(info("a.lua").reason.find("task type collect_facts is served by collect_facts"),
            std::string::npos)
      << info("a.lua").reason;
}

TEST_F(Catalog, refuses_permissions_that_the_node_does_not_grant) {
  write("a.lua", task("a", "return 1", "1.0.0", "'exec'"));
  scanned();
  EXPECT_EQ(info("a.lua").reason,
            "a.lua needs the permission \"exec\", which this node does not grant\n  next: "
            "[scripts.a] allow = [\"exec\"]");
}

TEST_F(Catalog, gives_scripts_of_the_shipped_folder_what_they_declare) {
  options_.shipped = options_.paths[1];
  write("a.lua", task("a", "return ctx.exec{'true'}.exit_code", "1.0.0", "'exec'"), 1);
  scanned();
  EXPECT_EQ(run("a"), "0");
}

TEST_F(Catalog, asks_the_admission_about_a_private_copy) {
  options_.staging_dir = dir_.file("staging");
  std::vector<std::string> seen;
  options_.admission = [&](const plugin::Candidate& c) -> Status {
    seen.push_back(c.id + " " + c.abi + " " + plugin::read_script(c.staged_path)->text);
    if (c.id.empty()) return {};
    return Error{Code::kDenied, "the lock has another sha256"};
  };
  write("a.lua", task("a", "return 1"));
  scanned();
  const std::string text = task("a", "return 1");
  EXPECT_EQ(seen, (std::vector<std::string>{" lua " + text, "a lua " + text}));
  EXPECT_EQ(info("a.lua").reason, "a.lua: the lock has another sha256");
  EXPECT_NE(run("a").find("unknown-task-type"), std::string::npos);
}

TEST_F(Catalog, runs_nothing_of_a_text_that_is_not_admitted) {
  options_.staging_dir = dir_.file("staging");
  options_.admission = [](const plugin::Candidate&) -> Status {
    return Error{Code::kDenied, "not pinned"};
  };
  write("a.lua", "error('it ran')");
  scanned();
  EXPECT_EQ(info("a.lua").reason, "a.lua: not pinned");
}

TEST_F(Catalog, tries_a_text_again_that_was_refused_for_another_cause_than_itself) {
  options_.staging_dir = dir_.file("staging");
  bool pinned = false;
  options_.admission = [&](const plugin::Candidate&) -> Status {
    return pinned ? Status{} : Status{Error{Code::kDenied, "not pinned"}};
  };
  write("a.lua", task("a", "return 1"));
  scanned();
  ASSERT_EQ(info("a.lua").state, plugin::ScriptState::kFailed);
  const auto refusals = events::newest();
  catalog_->scan();
  EXPECT_EQ(events::newest(), refusals) << "the same refusal is no news";
  pinned = true;
  catalog_->scan();
  EXPECT_EQ(run("a"), "1");
}

TEST_F(Catalog, a_new_lock_file_lets_refused_texts_be_tried_at_once) {
  options_.staging_dir = dir_.file("staging");
  options_.lock_file = dir_.file("plugins.lock");
  options_.admission = [lock = options_.lock_file](const plugin::Candidate&) -> Status {
    return std::filesystem::exists(lock) ? Status{} : Status{Error{Code::kDenied, "not pinned"}};
  };
  write("a.lua", task("a", "return 1"));
  start();
  ASSERT_EQ(info("a.lua").state, plugin::ScriptState::kFailed);
  const std::uint64_t before = events::newest();
  std::ofstream(options_.lock_file) << "pins";
  await_active(before);
  EXPECT_EQ(run("a"), "1");
}

TEST_F(Catalog, gives_a_name_back_that_its_file_gave_up) {
  write("a.lua", task("foo", "return 'a'"));
  write("b.lua", task("foo", "return 'b'"), 1);
  scanned();
  ASSERT_EQ(info("b.lua", 1).state, plugin::ScriptState::kShadowed);
  write("a.lua", task("bar", "return 'a'"));
  catalog_->scan();
  EXPECT_EQ(run("bar"), "\"a\"");
  EXPECT_EQ(run("foo"), "\"b\"");
}

TEST_F(Catalog, refuses_files_that_everybody_may_write_and_links) {
  write("a.lua", task("a", "return 1"));
  std::filesystem::permissions(path("a.lua"), std::filesystem::perms::others_write,
                               std::filesystem::perm_options::add);
  std::filesystem::create_symlink(path("a.lua"), path("b.lua"));
  scanned();
  EXPECT_NE(info("a.lua").reason.find("everybody may write it"), std::string::npos);
  EXPECT_NE(info("b.lua").reason.find("symbolic link"), std::string::npos);
}

TEST_F(Catalog, goes_back_when_the_first_runs_of_a_new_text_break) {
  write("a.lua", task("a", "return 1"));
  scanned();
  EXPECT_EQ(run("a"), "1");
  write("a.lua", task("a", "return nil + 1", "2.0.0"));
  scanned();
  for (int i = 0; i < 3; ++i) run("a");
  scanned();
  EXPECT_EQ(run("a"), "1");
  EXPECT_EQ(info("a.lua").state, plugin::ScriptState::kRolledBack);
  EXPECT_EQ(info("a.lua").reason, "3 of its first 3 runs were faults of the script");
}

class LastGoodScript : public Catalog {
 protected:
  LastGoodScript() {
    options_.staging_dir = dir_.file("staging");
    options_.state_dir = dir_.file("state");
    std::filesystem::create_directory(options_.state_dir);
  }
  void restart() {
    catalog_.reset();
    scanned();
  }
  void expect_stand_in(plugin::ScriptState state, const std::string& refusal) {
    EXPECT_EQ(run("a"), "1");
    EXPECT_EQ(info("a.lua").state, state);
    for (const std::string& part :
         {refusal, std::string("\nthe last good version serves in its place: 1.0.0 (sha256 "),
          std::string("next: repair the file or remove it")})
      EXPECT_NE(info("a.lua").reason.find(part), std::string::npos) << info("a.lua").reason;
    ASSERT_FALSE(info("a.lua").generations.empty());
    EXPECT_TRUE(plugin::serves(info("a.lua").generations.front().state));
  }
  static bool was_told(const std::string& name, const std::string& part, std::uint64_t since) {
    for (const auto& event : events::since(since, 64, Millis(0), {}))
      if (event.name == name && event.fields.find(part) != std::string::npos) return true;
    return false;
  }
};

TEST_F(LastGoodScript, serves_for_a_text_that_was_rolled_back_in_an_earlier_run) {
  write("a.lua", task("a", "return 1"));
  scanned();
  const std::string bad = task("a", "return nil + 1", "2.0.0");
  write("a.lua", bad);
  scanned();
  for (int i = 0; i < 3; ++i) run("a");
  scanned();
  for (int again = 0; again < 2; ++again) {
    const auto before = events::newest();
    restart();
    expect_stand_in(plugin::ScriptState::kRolledBack,
                    "3 of its first 3 runs were faults of the script");
    EXPECT_EQ(info("a.lua").sha256, sha256_hex(bad));
    EXPECT_TRUE(was_told("script.last_good", "2.0.0", before));
    scanned();
    EXPECT_FALSE(was_told("script.failed", "2.0.0", events::newest())) << "told once";
  }
  write("a.lua", task("a", "return 2"));
  scanned();
  EXPECT_EQ(run("a"), "2");
  EXPECT_EQ(info("a.lua").reason, "");
  write("a.lua", bad);
  scanned();
  EXPECT_NE(run("a"), "2") << "somebody brought it back: it is tried again";
}

TEST_F(LastGoodScript, serves_for_a_text_that_is_no_script) {
  write("a.lua", task("a", "return 1"));
  scanned();
  catalog_.reset();
  write("a.lua", "\nreturn skep.task {");
  scanned();
  expect_stand_in(plugin::ScriptState::kFailed, "a.lua:2: unexpected symbol near <eof>");
  write("a.lua", task("a", "return 3"));
  scanned();
  EXPECT_EQ(run("a"), "3");
}

TEST_F(LastGoodScript, goes_with_its_file) {
  write("a.lua", task("a", "return 1"));
  scanned();
  catalog_.reset();
  std::filesystem::remove(path("a.lua"));
  scanned();
  EXPECT_NE(run("a").find("unknown-task-type"), std::string::npos);
  ASSERT_EQ(catalog_->missing().size(), 1U);
  EXPECT_NE(catalog_->missing()[0].find("script a does not serve: its file is gone: "),
            std::string::npos);
  write("a.lua", task("a", "return 2"));
  scanned();
  EXPECT_TRUE(catalog_->missing().empty());
  std::filesystem::remove(path("a.lua"));
  restart();
  EXPECT_FALSE(catalog_->missing().empty()) << "nobody saw it go";
  write("a.lua", task("a", "return 3"));
  scanned();
  std::filesystem::remove(path("a.lua"));
  scanned();
  restart();
  EXPECT_TRUE(catalog_->missing().empty()) << "it was taken away while it served";
}

TEST_F(LastGoodScript, passes_the_gate_as_any_other_text) {
  write("a.lua", task("a", "return 1"));
  scanned();
  catalog_.reset();
  options_.admission = [](const plugin::Candidate& c) -> Status {
    if (c.version != "1.0.0") return {};
    return Error{Code::kDenied, "below min_version"};
  };
  write("a.lua", "return 1");
  scanned();
  EXPECT_NE(run("a").find("unknown-task-type"), std::string::npos);
  ASSERT_EQ(catalog_->missing().size(), 1U);
  EXPECT_NE(info("a.lua").reason.find("nor does the last good version serve: below min_version"),
            std::string::npos)
      << info("a.lua").reason;
}

TEST_F(Catalog, does_not_go_back_to_a_text_that_is_not_trusted_any_more) {
  options_.staging_dir = dir_.file("staging");
  std::string refused;
  options_.admission = [&](const plugin::Candidate& c) -> Status {
    if (c.sha256 != refused) return {};
    return Error{Code::kDenied, "not pinned"};
  };
  write("a.lua", task("a", "return 1"));
  scanned();
  refused = info("a.lua").generations.at(0).sha256;
  write("a.lua", task("a", "return nil + 1", "2.0.0"));
  scanned();
  const auto before = events::newest();
  for (int i = 0; i < 3; ++i) run("a");
  scanned();
  EXPECT_NE(run("a"), "1");
  EXPECT_EQ(info("a.lua").state, plugin::ScriptState::kActive);
  bool told = false;
  for (const auto& event : events::since(before, 64, Millis(0), {}))
    told = told || (event.name == "script.failed" &&
                    event.fields.find("going back failed: not pinned") != std::string::npos);
  EXPECT_TRUE(told);
}

TEST_F(Catalog, keeps_a_new_text_that_fails_on_purpose) {
  write("a.lua", task("a", "return 1"));
  scanned();
  write("a.lua", task("a", "ctx.fail('the disk is full')", "2.0.0"));
  scanned();
  for (int i = 0; i < 5; ++i) run("a");
  scanned();
  EXPECT_EQ(info("a.lua").state, plugin::ScriptState::kActive);
  EXPECT_EQ(info("a.lua").generations[1].state, plugin::GenerationState::kRetired);
}

TEST_F(Catalog, notices_changes_by_itself) {
  const std::uint64_t before = events::newest();
  start();
  write("a.lua", task("a", "return 1"));
  await_active(before);
  EXPECT_EQ(run("a"), "1");
}

}  // namespace
}  // namespace skep::test
