#include "core/plugin/registry.hpp"

#include <sys/stat.h>

#include <map>

#include "core/plugin/patience.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

using Tables = std::map<std::string, std::string>;

class RegistryTest : public testing::Test {
 protected:
  /// A registry over a folder with copies of these fixtures.
  Registry make(std::initializer_list<const char*> fixtures, Tables tables = {}) {
    for (const char* name : fixtures)
      fs::copy_file(fixture(name), plugins() + "/" + fs::path(name).filename().string(),
                    fs::copy_options::overwrite_existing);
    RegistryOptions options{{plugins()}, dir_.file("staging"), std::move(tables)};
    options.probe = false;
    return Registry(std::move(options));
  }
  std::string plugins() {
    fs::create_directories(dir_.file("plugins"));
    return dir_.file("plugins");
  }
  std::string scan_problem(std::initializer_list<const char*> fixtures, Tables tables) {
    Registry registry = make(fixtures, std::move(tables));
    const Status status = registry.scan();
    return status ? "accepted" : status.error().message;
  }
  /// What is listed about a plugin that was refused when tasks() tried to load it.
  std::string load_problem(const char* fixture_name) {
    Registry registry = make({fixture_name});
    EXPECT_TRUE(registry.scan());
    const auto runner = registry.tasks();
    EXPECT_TRUE(runner && (*runner)->types().empty());
    const PluginInfo info = info_of(registry, fs::path(fixture_name).filename().string());
    EXPECT_EQ(info.state, PluginState::kRefused);
    return info.reason;
  }

  TempDir dir_;
};

TEST_F(RegistryTest, lists_manifests_without_loading) {
  Registry registry = make({"good/noop.so", "good/sleep.so"});
  ASSERT_TRUE(registry.scan());
  const auto list = registry.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].id, "noop");
  EXPECT_EQ(list[0].version, "1.0.0");
  EXPECT_EQ(list[0].license, "Apache-2.0");
  EXPECT_EQ(list[0].state, PluginState::kAvailable);
  EXPECT_EQ(list[0].sha256.size(), 64u);
  EXPECT_EQ(list[1].components.at(0).description, "sleeps in small steps; says how far it is");
  EXPECT_FALSE(fs::exists(dir_.file("staging")));
  const auto types = registry.task_types();
  ASSERT_EQ(types.size(), 2u);
  EXPECT_EQ(types[1].name, "sleep");
  EXPECT_NE(types[1].params_schema.find("600000"), std::string::npos);
}

TEST_F(RegistryTest, bad_files_stop_nothing) {
  Registry registry =
      make({"good/echo.so", "bad/wrong_abi.so", "bad/newer_minor.so", "bad/bad_manifest.so"});
  write_bytes(plugins() + "/text.so", "not a library at all");
  write_bytes(plugins() + "/ignored.txt", "x");
  ASSERT_TRUE(registry.scan());
  EXPECT_EQ(registry.list().size(), 5u);
  EXPECT_EQ(info_of(registry, "text.so").reason, "not a shared library (only 20 bytes)");
  EXPECT_EQ(info_of(registry, "bad_manifest.so").reason,
            "manifest: components[0]: unknown field \"stabilty\"; did you mean \"stability\"?");
  const auto tasks = registry.tasks();
  ASSERT_TRUE(tasks);
  ASSERT_EQ((*tasks)->types().size(), 1u);
  EXPECT_EQ(info_of(registry, "echo.so").state, PluginState::kLoaded);
}

TEST_F(RegistryTest, refusal_is_a_table) {
  Registry registry = make({"bad/wrong_abi.so", "bad/newer_minor.so"});
  ASSERT_TRUE(registry.scan());
  const PluginInfo wrong = info_of(registry, "wrong_abi.so");
  EXPECT_EQ(
      wrong.reason,
      "plugin wrong_abi 1.0.0 (sha256 " + wrong.sha256.substr(0, 12) +
          ") refused: it does not fit this host\n"
          "  field           plugin          host            verdict\n"
          "  abi             skep/2 minor 0  skep/1 minor 0  another ABI  <- rebuild the plugin "
          "with the SDK of skep/1\n"
          "  skep.kind.task  /1              /1              ok\n  next: skep version");
  const PluginInfo newer = info_of(registry, "newer_minor.so");
  EXPECT_EQ(newer.reason,
            "plugin newer_minor 1.0.0 (sha256 " + newer.sha256.substr(0, 12) +
                ") refused: it does not fit this host\n"
                "  field           plugin          host            verdict\n"
                "  abi             skep/1 minor 7  skep/1 minor 0  plugin needs a newer host  <- "
                "upgrade skep, or build with an older SDK\n"
                "  skep.kind.task  /1              /1              ok\n  next: skep version");
}

TEST_F(RegistryTest, says_why_a_plugin_does_not_load) {
  EXPECT_EQ(load_problem("bad/null_entry.so"),
            "plugin null_entry: the table of skep_plugin_entry_v1() is null");
  EXPECT_EQ(load_problem("bad/short_table.so"),
            "plugin short_table: the table of skep_plugin_entry_v1() has 72 bytes; at least 80 are "
            "needed");
  EXPECT_EQ(load_problem("bad/null_run.so"),
            "plugin null_run: the skep.kind.task/1 table of component \"null_run\": run() is null");
  EXPECT_EQ(load_problem("bad/throws_in_create.so"),
            "plugin throws_in_create: create of \"throws_in_create\": there is no such device");
  const std::string undefined = load_problem("bad/undefined_symbol.so");
  EXPECT_NE(undefined.find("undefined symbol: skep_fixture_function_that_nobody_has"),
            std::string::npos)
      << undefined;
}

// It counts for each call of the plugin: near enough to wait for, and time enough for those that
// return.
constexpr const char* kSoon = R"("limits":{"start_timeout_ms":5000}})";

TEST_F(RegistryTest, a_plugin_whose_start_hangs_in_this_process_holds_nobody_else) {
  Registry registry = make({"odd/rulebreaker.so", "good/noop.so"},
                           {{"rulebreaker", std::string(R"({"how":"start_hangs",)") + kSoon}});
  ASSERT_TRUE(registry.scan());
  const auto runner = registry.tasks();
  ASSERT_TRUE(runner);
  EXPECT_EQ((*runner)->types().size(), 1u);
  const PluginInfo info = info_of(registry, "rulebreaker.so");
  EXPECT_EQ(info.state, PluginState::kRefused);
  EXPECT_NE(info.reason.find("start of \"rulebreaker\": it did not return within 5000 ms and was"),
            std::string::npos)
      << info.reason;
  EXPECT_TRUE(registry.reload("noop"));
  EXPECT_GE(given_up_calls(), 1);
}

TEST_F(RegistryTest, a_plugin_whose_stop_hangs_in_this_process_does_not_hold_the_end) {
  const int before = given_up_calls();
  {
    Registry registry = make({"odd/rulebreaker.so"},
                             {{"rulebreaker", std::string(R"({"how":"stop_hangs",)") + kSoon}});
    ASSERT_TRUE(registry.scan());
    const auto runner = registry.tasks();
    ASSERT_TRUE(runner);
    EXPECT_EQ((*runner)->types().size(), 1u);
  }
  EXPECT_EQ(given_up_calls(), before + 1);
}

TEST_F(RegistryTest, first_of_two_plugins_with_one_id_stands) {
  fs::create_directories(dir_.file("second"));
  write_bytes(dir_.file("second/noop.so"),
              patched(bytes_of(fixture("good/noop.so")), "\"1.0.0\"", "\"2.0.0\""));
  static_cast<void>(make({"good/noop.so"}));
  Registry registry(
      {{plugins(), dir_.file("second"), dir_.file("missing")}, dir_.file("staging"), {}});
  ASSERT_TRUE(registry.scan());
  const auto list = registry.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].state, PluginState::kAvailable);
  EXPECT_EQ(list[1].state, PluginState::kRefused);
  EXPECT_EQ(list[1].reason, "shadowed by " + plugins() +
                                "/noop.so (1.0.0), which has the same id\n"
                                "  next: remove one of the two files");
  EXPECT_EQ(registry.task_types().size(), 1u);
}

TEST_F(RegistryTest, a_name_that_belongs_to_another_plugin_is_refused_on_every_way) {
  static_cast<void>(make({"good/noop.so"}));
  RegistryOptions options{{plugins()}, dir_.file("staging"), {}};
  options.reserved = {{"noop", "shipped"}};
  Registry registry(options);
  ASSERT_TRUE(registry.scan());
  const PluginInfo refused = info_of(registry, "noop.so");
  EXPECT_EQ(refused.state, PluginState::kRefused);
  EXPECT_EQ(refused.reason,
            "plugin noop has a name that belongs to plugin shipped, which comes with skep\n"
            "  next: give the plugin another id");
  EXPECT_TRUE(registry.task_types().empty());
  EXPECT_FALSE(registry.reload("noop"));
  options.reserved = {{"noop", "noop"}};
  Registry own(options);
  ASSERT_TRUE(own.scan());
  EXPECT_EQ(info_of(own, "noop.so").state, PluginState::kAvailable);
}

/// "noop" as the component of another plugin, whose id is `id` (four letters).
std::string noop_of(const std::string& id) {
  return patched(bytes_of(fixture("good/noop.so")), "\"id\": \"noop\"", "\"id\": \"" + id + "\"");
}

TEST_F(RegistryTest, of_two_plugins_with_one_name_the_file_name_decides_nothing) {
  write_bytes(plugins() + "/a.so", noop_of("late"));
  write_bytes(plugins() + "/b.so", noop_of("soon"));
  RegistryOptions options{{plugins()}, dir_.file("staging"), {}};
  options.probe = false;
  Registry registry(options);
  ASSERT_TRUE(registry.scan());
  EXPECT_EQ(info_of(registry, "a.so").reason,
            "component \"noop\" of plugin late has the name that plugin soon (" + plugins() +
                "/b.so) has, too, and neither had it first\n  next: remove one of the files, or "
                "pin the one that you mean: skep plugin lock FILE");
  EXPECT_EQ(info_of(registry, "b.so").state, PluginState::kRefused);
  ASSERT_TRUE(registry.tasks());
  EXPECT_TRUE(registry.task_types().empty());
  EXPECT_FALSE(registry.reload("late"));
  options.is_pinned = [](std::string_view id) { return id == "soon"; };
  Registry pinned(options);
  ASSERT_TRUE(pinned.scan());
  EXPECT_EQ(info_of(pinned, "b.so").state, PluginState::kAvailable);
  EXPECT_NE(info_of(pinned, "a.so").reason.find("belongs to plugin soon, which had it first ("),
            std::string::npos);
}

TEST_F(RegistryTest, who_had_a_name_first_has_it_after_a_restart) {
  write_bytes(plugins() + "/b.so", noop_of("soon"));
  RegistryOptions options{{plugins()}, dir_.file("staging"), {}};
  options.probe = false;
  options.names_file = dir_.file("plugin-names.json");
  {
    Registry first(options);
    ASSERT_TRUE(first.scan());
    first.watch();
  }
  write_bytes(plugins() + "/a.so", noop_of("late"));
  Registry again(options);
  ASSERT_TRUE(again.scan());
  EXPECT_EQ(info_of(again, "b.so").state, PluginState::kAvailable);
  EXPECT_EQ(
      info_of(again, "a.so").reason,
      "component \"noop\" of plugin late has a name that belongs to plugin soon, which had it "
      "first (" +
          plugins() +
          "/b.so)\n  next: give the component another name, or remove soon or turn it off: "
          "[plugins.soon] enabled = false");
  fs::remove(plugins() + "/b.so");
  ASSERT_TRUE(again.scan());
  EXPECT_EQ(info_of(again, "a.so").state, PluginState::kAvailable) << "its owner is gone";
}

TEST_F(RegistryTest, a_version_that_takes_a_name_of_another_is_refused_beside_the_old_one) {
  static_cast<void>(make({"good/echo.so"}));
  write_bytes(plugins() + "/x.so", noop_of("mine"));
  RegistryOptions options{{plugins()}, dir_.file("staging"), {}};
  options.probe = false;
  Registry registry(options);
  ASSERT_TRUE(registry.scan());
  ASSERT_TRUE(registry.tasks());
  ASSERT_EQ(registry.task_table()->types().size(), 2u);
  write_bytes(plugins() + "/x.so",
              patched(noop_of("mine"), "\"name\": \"noop\"", "\"name\": \"echo\""));
  const auto reloaded = registry.reload("mine");
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().message.find("component \"echo\" of plugin mine has a name that "
                                          "belongs to plugin echo, which had it first"),
            std::string::npos)
      << reloaded.error().message;
  EXPECT_EQ(registry.task_table()->types().size(), 2u);
}

TEST_F(RegistryTest, what_arrives_later_cannot_keep_a_node_from_starting) {
  static_cast<void>(make({"good/noop.so"}));
  RegistryOptions options{{plugins()}, dir_.file("staging"), {{"noop", R"({"bogus":1})"}}};
  EXPECT_FALSE(Registry(options).scan());
  options.arrivals = plugins();
  Registry registry(options);
  ASSERT_TRUE(registry.scan());
  EXPECT_EQ(info_of(registry, "noop.so").state, PluginState::kRefused);
  EXPECT_NE(info_of(registry, "noop.so").reason.find("bogus"), std::string::npos);
  options.tables = {{"nope", "{}"}};
  EXPECT_TRUE(Registry(options).scan()) << "its plugin may come";
  options.tables = {{"nope", R"({"isolation":"nonsense"})"}};
  EXPECT_FALSE(Registry(options).scan()) << "a table that is wrong for every plugin";
}

TEST_F(RegistryTest, tables_are_checked_before_anything_runs) {
  EXPECT_EQ(scan_problem({"good/noop.so"}, {{"nop", "{}"}}),
            "[plugins.nop]: no plugin \"nop\"; did you mean \"noop\"?");
  EXPECT_EQ(scan_problem({"good/noop.so"}, {{"noop", R"({"a":1})"}}),
            "[plugins.noop]: unknown key \"a\"; known: enabled, isolation, limits");
  EXPECT_EQ(scan_problem({"odd/misbehave.so"}, {{"misbehave", R"({"greting":"x"})"}}),
            "[plugins.misbehave]: unknown key \"greting\"; did you mean \"greeting\"?");
  EXPECT_NE(scan_problem({"odd/misbehave.so"}, {{"misbehave", R"({"limit":0})"}}), "accepted");
  EXPECT_EQ(scan_problem({"odd/misbehave.so"},
                         {{"misbehave", R"({"limit":2,"enabled":true,"isolation":"inproc"})"}}),
            "accepted");
  EXPECT_EQ(scan_problem({"good/noop.so"}, {{"noop", R"({"isolation":"process"})"}}), "accepted");
  EXPECT_EQ(scan_problem({"good/noop.so"}, {{"noop", R"({"isolation":"thread"})"}}),
            "[plugins.noop]: isolation \"thread\" is unknown; known: inproc, process, per-task");
  EXPECT_NE(scan_problem({"good/noop.so"}, {{"noop", R"({"limits":{"memory":1}})"}})
                .find("unknown key \"memory\""),
            std::string::npos);
  EXPECT_EQ(scan_problem({"good/noop.so"}, {{"noop", R"({"enabled":"yes"})"}}),
            "[plugins.noop]: enabled must be true or false");
}

TEST_F(RegistryTest, only_tasks_and_scripts_run_apart) {
  EXPECT_EQ(
      scan_problem({"odd/beats.so"}, {{"beats", R"({"isolation":"process"})"}}),
      "[plugins.beats]: isolation \"process\" is for tasks and scripts; plugin beats has only "
      "heartbeat, which run in the node's process");
  EXPECT_EQ(scan_problem({"odd/beats.so"}, {{"beats", R"({"isolation":"inproc"})"}}), "accepted");
}

TEST_F(RegistryTest, what_cannot_run_apart_is_listed_as_in_this_process) {
  make({"odd/beats.so"});
  RegistryOptions options{{plugins()}, dir_.file("staging"), {}};
  options.isolation = "process";
  Registry registry(options);
  ASSERT_TRUE(registry.scan());
  const auto drum = registry.heartbeat("drum", "{}");
  ASSERT_TRUE(drum) << drum.error().message;
  EXPECT_EQ(info_of(registry, "beats.so").generations.at(0).isolation, "inproc");
}

TEST_F(RegistryTest, disabled_plugins_are_listed_and_left_alone) {
  Registry registry = make({"good/noop.so", "odd/beats.so"},
                           {{"noop", R"({"enabled":false})"}, {"beats", R"({"enabled":false})"}});
  ASSERT_TRUE(registry.scan());
  EXPECT_EQ(info_of(registry, "noop.so").state, PluginState::kDisabled);
  EXPECT_TRUE(registry.task_types().empty());
  const auto beats = registry.heartbeat("drum", "{}");
  ASSERT_FALSE(beats);
  EXPECT_EQ(
      beats.error().message,
      "heartbeat \"drum\" is in plugin beats, which [plugins.beats] enabled = false turns off");
}

TEST_F(RegistryTest, opens_a_component_by_its_name_with_its_table) {
  Registry registry = make({"odd/beats.so"}, {{"beats", R"({"loud":true})"}});
  ASSERT_TRUE(registry.scan());
  const auto drum = registry.heartbeat("drum", R"({"reply":"bang"})");
  ASSERT_TRUE(drum) << drum.error().message;
  EXPECT_EQ((*drum)->beat("http://x", "", "{}", Millis(1)).value(),
            R"({"loud":true,"reply":"bang"})");
  const auto bell = registry.heartbeat("bell", R"({"reply":"ding"})");
  ASSERT_TRUE(bell) << bell.error().message;
  const auto beat = (*bell)->beat("http://x", "", "{}", Millis(1));
  ASSERT_FALSE(beat);
  EXPECT_EQ(beat.error().code, Code::kUnavailable);
  EXPECT_EQ(beat.error().message, "nobody at http://x");
  EXPECT_EQ(beat.error().retry_after, Millis(250));
}

TEST_F(RegistryTest, says_what_is_wrong_with_a_slot) {
  Registry registry = make({"odd/beats.so", "good/noop.so"});
  ASSERT_TRUE(registry.scan());
  const auto text = [&](std::string_view name, std::string_view table) {
    const auto got = registry.heartbeat(name, table);
    return got ? std::string("opened") : got.error().message;
  };
  EXPECT_NE(text("bell", "{}").find("[heartbeat] for plugin beats"), std::string::npos);
  EXPECT_NE(text("drum", R"({"lod":true})").find("did you mean \"loud\"?"), std::string::npos);
  EXPECT_EQ(text("beats", "{}"),
            "plugin \"beats\" has several components of kind heartbeat; name one of them");
  EXPECT_EQ(text("drun", "{}"),
            "no heartbeat \"drun\"; did you mean \"drum\"?\n  there is:\n"
            "  drum  (plugin beats 1.0.0, " +
                plugins() +
                "/beats.so)\n"
                "  bell  (plugin beats 1.0.0, " +
                plugins() +
                "/beats.so)\n"
                "  searched: " +
                plugins());
  const auto queue = registry.queue("sqlite", "{}");
  ASSERT_FALSE(queue);
  EXPECT_EQ(queue.error().message,
            "no queue \"sqlite\"\n  there is no queue at all\n  searched: " + plugins());
  EXPECT_EQ(queue.error().code, Code::kNotFound);
  EXPECT_EQ(queue.error().next, "skep plugin list");
}

TEST_F(RegistryTest, what_is_loaded_is_the_copy_that_was_checked) {
  Registry registry = make({"good/noop.so"});
  ASSERT_TRUE(registry.scan());
  write_bytes(plugins() + "/noop.so",
              patched(bytes_of(fixture("good/noop.so")), "\"1.0.0\"", "\"6.6.6\""));
  const auto tasks = registry.tasks();
  ASSERT_TRUE(tasks);
  EXPECT_EQ((*tasks)->types().at(0).version, "6.6.6");
  EXPECT_EQ(info_of(registry, "noop.so").version, "6.6.6");
}

TEST_F(RegistryTest, says_that_it_cannot_stage) {
  static_cast<void>(make({"good/noop.so"}));
  write_bytes(dir_.file("file"), "x");
  Registry registry({{plugins()}, dir_.file("file/staging"), {}});
  ASSERT_TRUE(registry.scan());
  EXPECT_TRUE((*registry.tasks())->types().empty());
  EXPECT_NE(info_of(registry, "noop.so").reason.find("cannot make the plugin staging folder"),
            std::string::npos);
}

TEST_F(RegistryTest, two_registries_do_not_share_a_loaded_copy) {
  Registry first = make({"odd/misbehave.so"}, {{"misbehave", R"({"greeting":"first"})"}});
  Registry second = make({}, {{"misbehave", R"({"greeting":"second"})"}});
  ASSERT_TRUE(first.scan());
  ASSERT_TRUE(second.scan());
  const auto one = first.tasks();
  const auto two = second.tasks();
  ASSERT_TRUE(one && two);
  const auto config_of = [](ports::TaskRunner& runner) {
    ports::CancelToken cancel;
    ports::RunRequest request;
    request.task.type = "misbehave";
    request.task.params = R"({"how":"config"})";
    return runner.run(request, 0, cancel, {}).result;
  };
  EXPECT_EQ(config_of(**one), R"({"greeting":"first","limit":3})");
  EXPECT_EQ(config_of(**two), R"({"greeting":"second","limit":3})");
}

TEST_F(RegistryTest, loaded_plugins_survive_another_scan) {
  Registry registry = make({"good/noop.so"});
  ASSERT_TRUE(registry.scan());
  const auto tasks = registry.tasks();
  ASSERT_TRUE(tasks);
  make({"good/echo.so"});
  ASSERT_TRUE(registry.scan());
  EXPECT_EQ(info_of(registry, "noop.so").state, PluginState::kLoaded);
  EXPECT_EQ(info_of(registry, "echo.so").state, PluginState::kAvailable);
}

}  // namespace
}  // namespace skep::plugin
