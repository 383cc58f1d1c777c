#include "core/config/load.hpp"
#include "core/config/diff.hpp"
#include "core/config/show.hpp"

#include <set>

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/control/events/config.hpp"
#include "support.hpp"

namespace skep::config {
namespace {

TEST_F(ConfigTest, an_empty_file_gives_the_defaults) {
  const auto loaded = load_text("");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.worker.concurrency, 4);
  EXPECT_EQ(loaded->config.http.listen, Config{}.http.listen);
  EXPECT_TRUE(loaded->config.is_control());
  EXPECT_TRUE(loaded->config.is_worker());
  EXPECT_TRUE(loaded->warnings.empty());
  for (const auto& [path, origin] : loaded->origins)
    EXPECT_EQ(origin.kind, Layer::kDefault) << path;
}

TEST_F(ConfigTest, a_working_folder_that_is_gone_keeps_its_name) {
  const std::string path = write("[worker]\nconcurrency = 5\n");
  const auto home = std::filesystem::current_path();
  const std::string gone = std::filesystem::canonical(folder_).string() + "/gone";
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  const auto before = load({.path = path});
  std::filesystem::remove(gone);
  const auto after = load({.path = path});
  std::filesystem::current_path(home);
  ASSERT_TRUE(before) << before.error().message;
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->config.worker.concurrency, 5);
  EXPECT_EQ(after->config.spool.table, before->config.spool.table);
  EXPECT_NE(after->config.spool.table.find(gone), std::string::npos) << after->config.spool.table;
}

TEST_F(ConfigTest, the_file_of_the_design_loads) {
  const auto loaded = load_text(R"(
[node]
id = "worker-site-a-01"
site = "site-a"
roles = ["worker"]
state_dir = "/var/lib/skep"
[worker]
control_plane_url = "http://localhost:8000"
poll_interval_seconds = 5.0
capabilities = { docker = true, gpu = false }
[queue]
plugin = "sqlite"
[spool]
plugin = "file"
dir = "/var/lib/skep/offline"
[plugins]
paths = ["/usr/lib/skep/plugins"]
[plugins.execute_script]
isolation = "inproc"
[scripts]
paths = ["/etc/skep/lua"]
)");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Config& c = loaded->config;
  EXPECT_EQ(c.node.id, "worker-site-a-01");
  EXPECT_FALSE(c.is_control());
  EXPECT_EQ(c.worker.control_plane_url, std::vector<std::string>{"http://localhost:8000"});
  EXPECT_EQ(c.worker.capabilities, (std::map<std::string, bool>{{"docker", true}, {"gpu", false}}));
  EXPECT_EQ(c.spool.table, R"({"dir":"/var/lib/skep/offline"})");
  EXPECT_EQ(c.plugins.tables.at("execute_script"), R"({"isolation":"inproc"})");
  EXPECT_EQ(c.scripts.paths, std::vector<std::string>{"/etc/skep/lua"});
}

TEST_F(ConfigTest, later_layers_win_key_by_key) {
  const std::string path = write("[worker]\nconcurrency = 5\nbatch_size = 5\ndrain_seconds = 5\n");
  const auto loaded =
      load({.path = path,
            .environment = {{"WORKER_BATCH_SIZE", "6"}, {"SKEP_WORKER_DRAIN_SECONDS", "6"}},
            .overrides = {{"worker.drain_seconds", "7"}}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.worker.concurrency, 5);
  EXPECT_EQ(loaded->config.worker.batch_size, 6);
  EXPECT_EQ(loaded->config.worker.drain_seconds, 7);
  EXPECT_EQ(to_string(loaded->origins.at("worker.concurrency")), path + ":2:1");
  EXPECT_EQ(to_string(loaded->origins.at("worker.batch_size")), "env WORKER_BATCH_SIZE");
  EXPECT_EQ(to_string(loaded->origins.at("worker.drain_seconds")), "flag worker.drain_seconds");
  EXPECT_EQ(to_string(loaded->origins.at("node.id")), "default");
}

TEST_F(ConfigTest, every_problem_of_every_layer_is_said_at_once) {
  const std::string path =
      write("[worker]\nconcurency = 4\nbatch_size = \"many\"\n[wokrer]\nx = 1\n");
  const std::string message = error_of({.path = path,
                                        .environment = {{"WORKER_CONCURRENCY", "four"}},
                                        .overrides = {{"log.level", "loud"}}});
  EXPECT_EQ(
      message,
      "skep.toml:2:1: unknown key worker.concurency; did you mean \"concurrency\"?\n"
      "skep.toml:3:1: worker.batch_size is \"many\" (a string); expected an integer from 1 to "
      "1024\n"
      "skep.toml:4:2: unknown section [wokrer]; did you mean \"worker\"?\n"
      "env WORKER_CONCURRENCY: worker.concurrency is \"four\" (a string); expected an integer from "
      "1 to 1024\n"
      "flag log.level: log.level is \"loud\" (a string); expected one of debug, info, warn, error");
}

TEST_F(ConfigTest, the_next_step_names_the_file) {
  const std::string path = write("x = 1");
  const auto loaded = load({.path = path});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().next, "correct it, then: skep config check -c " + path);
  EXPECT_EQ(info(loaded.error().code).exit_code, 78);
}

struct Case {
  const char* toml;
  const char* message;
};
class Refuses : public ConfigTest, public testing::WithParamInterface<Case> {};

TEST_P(Refuses, with_place_and_reason) {
  const std::string message = error_of_text(GetParam().toml);
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Values, Refuses,
    testing::Values(
        Case{"[node]\nroles = []", "2:1: node.roles is empty; expected at least one entry"},
        Case{"[node]\nroles = [\"wroker\"]",
             "node.roles[0] is \"wroker\" (a string); expected one of "
             "control, worker; did you mean \"worker\"?"},
        Case{"[node]\nroles = [\"worker\", \"worker\"]", "node.roles[1] repeats \"worker\""},
        Case{"[node]\nsite = \"\"", "node.site is empty"},
        Case{"[node]\nid = \"a b\"", "node.id is \"a b\" (a string); expected 1 to 128"},
        Case{"[node]\nstate_dir = \"~/skep\"", "\"~\" is not expanded"},
        Case{"[node]\nstate_dir = \"a\\u0000b\"", "a path has no zero byte"},
        Case{"[worker]\nconcurrency = 0",
             "worker.concurrency is 0 (an integer); expected an integer "
             "from 1 to 1024"},
        Case{"[worker]\nconcurrency = 4.0",
             "worker.concurrency is 4 (a number); expected an integer"},
        Case{"[worker]\nconcurrency = 99999999999", "expected an integer from 1 to 1024"},
        Case{"[worker]\npoll_interval_seconds = inf",
             "is inf (a number); expected a number of seconds"},
        Case{"[worker]\npoll_interval_seconds = nan", "is nan (a number)"},
        Case{"[worker]\npoll_interval_seconds = \"5 s\"",
             "is \"5 s\" (a string); expected a number of "
             "seconds from 0.01 to 3600, or a text such as \"5m\""},
        Case{"[worker]\npoll_interval_seconds = -1", "from 0.01 to 3600"},
        Case{"[worker]\ncapabilities = [\"docker\"]", "expected true or false by name"},
        Case{"[worker]\ncapabilities = { docker = 1 }",
             "worker.capabilities.docker is 1 (an integer); "
             "expected true or false"},
        Case{"[worker]\ncapabilities = { \"a b\" = true }", "worker.capabilities.a b is no name"},
        Case{"[worker]\ncontrol_plane_url = []", "worker.control_plane_url is empty"},
        Case{"[worker]\ncontrol_plane_url = \"localhost:8000\"", "the scheme is http or https"},
        Case{"[worker]\ncontrol_plane_url = \"http://\"", "the host is missing"},
        Case{"[worker]\ncontrol_plane_url = \"http://h:99999\"", "the port is 1 to 65535"},
        Case{"[worker]\ncontrol_plane_url = \"http://h/?a=1\"", "without \"?\" and \"#\""},
        Case{"[worker]\ncontrol_plane_url = \"http://u:pw@h\"", "\"http://u:***@h\" (a string)"},
        Case{"[http]\nlisten = [\"8000\"]",
             "expected an IP address and port such as 127.0.0.1:8000"},
        Case{"[http]\nlisten = [\"127.0.0.1:65536\"]", "expected an IP address and port"},
        Case{"[http]\nlisten = [\"::1:8000\"]", "or [::1]:8000"},
        Case{"[http]\nlisten = [\"example.org:80\"]", "expected an IP address and port"},
        Case{"[http]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "http.listen[1] repeats"},
        Case{"[http]\ntoken_file = \"t\"\nlisten = [\"0.0.0.0:1\", \"127.0.0.1:1\"]",
             "3:1: http.listen: 127.0.0.1:1 and 0.0.0.0:1 cover the same address"},
        Case{"[http]\nlisten = [\"0.0.0.0:8000\"]",
             "2:1: http.listen has 0.0.0.0:8000, which others can "
             "reach; set http.token_file"},
        Case{"[log]\nformat = \"xml\"", "expected one of text, json"},
        Case{"[queue]\nplugin = \"\"", "queue.plugin is empty"},
        Case{"[queue]\nx = inf", "queue.x has null, inf or nan"},
        Case{"[plugins.\"a/b\"]", "1:10: \"a/b\" cannot be the name of a plugin"},
        Case{"[plugins]\npath = []", "unknown key plugins.path; did you mean \"paths\"?"},
        Case{"[control]\nretry_base_seconds = 10\nretry_cap_seconds = 5",
             "3:1: control.retry_cap_seconds is less than control.retry_base_seconds (10)"},
        Case{"[control]\noffline_after_seconds = 400", "control.stale_after_seconds is less than"},
        Case{"[worker]\nheartbeat_interval_seconds = 90", "every lease would run out"}));

INSTANTIATE_TEST_SUITE_P(
    Names, Refuses,
    testing::Values(
        Case{"site = \"a\"", "1:1: unknown key site; site belongs into [node]"},
        Case{"queue = \"postgres\"",
             "1:1: queue is \"postgres\" (a string); expected a table, [queue]"},
        Case{"[[worker]]\nconcurrency = 1",
             "worker is [{\"concurrency\":1}] (an array); expected a table"},
        Case{"nothing = 1", "every key belongs into a table: node, http"},
        Case{"[worker]\nsite = \"a\"", "unknown key worker.site; site belongs into [node]"},
        Case{"[worker]\noffline_dir = \"a\"", "did you mean spool.dir?"},
        Case{"[worker]\npoll_interval = 2", "did you mean worker.poll_interval_seconds?"},
        Case{"[node]\nworker_id = \"a\"", "did you mean node.id?"},
        Case{"[node.deep]\nx = 1", "unknown key node.deep"}));

TEST_F(ConfigTest, an_unknown_section_is_said_once) {
  EXPECT_EQ(split(error_of_text("[wokrer]\na = 1\nb = 2\n"), '\n').size(), 1u);
}

TEST_F(ConfigTest, a_free_port_may_be_asked_for_more_than_once) {
  EXPECT_TRUE(load_text("[http]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\", \"localhost:0\"]"));
}

TEST_F(ConfigTest, an_open_listener_is_fine_with_a_token_and_on_a_mere_worker) {
  EXPECT_TRUE(load_text("[http]\nlisten = [\"0.0.0.0:8000\"]\ntoken_file = \"token\""));
  EXPECT_TRUE(load_text("[node]\nroles = [\"worker\"]\n[http]\nlisten = [\"0.0.0.0:8000\"]"));
}

TEST_F(ConfigTest, tables_of_plugins_keep_their_types) {
  const auto loaded = load_text(
      "[queue]\nplugin = \"x\"\ni = 5\nf = 5.0\nb = true\ns = \"a\\nb\"\nl = [1, [2]]\n"
      "d = 1979-05-27\nt = 1979-05-27T07:32:00Z\n[queue.deep]\nk = 1\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.queue.plugin, "x");
  const auto table = parse_json(loaded->config.queue.table);
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->at("i").is_int64());
  EXPECT_TRUE(table->at("f").is_double());
  EXPECT_EQ(table->at("d"), "1979-05-27");
  EXPECT_EQ(table->at("t"), "1979-05-27T07:32:00Z");
  EXPECT_EQ(table->at("l"), *parse_json("[1,[2]]"));
  EXPECT_EQ(table->at("deep"), *parse_json("{\"k\":1}"));
  EXPECT_FALSE(table->get_object().contains("plugin"));
}

TEST_F(ConfigTest, an_empty_table_of_a_plugin_is_kept) {
  const auto loaded = load_text("[plugins.docker]\n[plugins.\"com.acme.disk\"]\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.plugins.tables,
            (std::map<std::string, std::string>{{"docker", "{}"}, {"com.acme.disk", "{}"}}));
}

TEST_F(ConfigTest, relative_paths_start_where_they_were_written) {
  const std::string path = write(
      "[node]\nstate_dir = \"state\"\n[spool]\ndir = \"./spool/\"\n[plugins]\npaths = [\"../p\", "
      "\"/q\"]\n");
  const std::string here = std::filesystem::current_path();
  const auto from_file = load({.path = path});
  ASSERT_TRUE(from_file) << from_file.error().message;
  EXPECT_EQ(from_file->config.node.state_dir, folder_ + "/state");
  EXPECT_EQ(from_file->config.spool.table, "{\"dir\":\"" + folder_ + "/spool\"}");
  EXPECT_EQ(from_file->config.plugins.paths, (std::vector<std::string>{"/tmp/p", "/q"}));
  EXPECT_EQ(from_file->config.http.token_file, "");
  const auto others = load(
      {.environment = {{"SKEP_NODE_STATE_DIR", "state"}}, .overrides = {{"scripts.paths", "lua"}}});
  ASSERT_TRUE(others);
  EXPECT_EQ(others->config.node.state_dir, here + "/state");
  EXPECT_EQ(others->config.scripts.paths, std::vector<std::string>{here + "/lua"});
  EXPECT_EQ(others->config.spool.table, "{\"dir\":\"" + here + "/offline\"}");
}

TEST_F(ConfigTest, another_spool_gets_dir_only_when_somebody_wrote_it) {
  const auto without = load_text("[spool]\nplugin = \"com.acme.spool\"\n");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->config.spool.table, "{}");
  EXPECT_FALSE(without->origins.contains("spool.dir"));
  const auto with = load_text("[spool]\nplugin = \"com.acme.spool\"\ndir = \"/x\"\n");
  ASSERT_TRUE(with);
  EXPECT_EQ(with->config.spool.table, R"({"dir":"/x"})");
}

TEST_F(ConfigTest, flags_reach_tables_of_plugins) {
  const auto loaded = load({.overrides = {{"plugins.com.acme.disk.level", "7"},
                                          {"queue.url", "postgres://h/d"},
                                          {"store.wal", "true"}}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.plugins.tables.at("com.acme.disk"), R"({"level":7})");
  EXPECT_EQ(loaded->config.queue.table, R"({"url":"postgres://h/d"})");
  EXPECT_EQ(loaded->config.store.table, R"({"wal":true})");
}

TEST_F(ConfigTest, flags_that_name_no_key_are_refused) {
  for (const char* flag : {"", "x", ".", "worker.", ".x", "worker.foo", "wokrer.x", "plugins.x"})
    EXPECT_NE(error_of({.overrides = {{flag, "1"}}}).find("flag " + std::string(flag)),
              std::string::npos)
        << flag;
}

TEST_F(ConfigTest, inspect_keeps_what_is_right_beside_what_is_wrong) {
  const Inspected found =
      inspect({.path = write(
                   "[worker]\nconcurrency = \"many\"\nbatch_size = 7\n[queue]\nplugin = \"x\"\n")});
  EXPECT_EQ(found.problems.size(), 1U);
  EXPECT_EQ(found.loaded.config.worker.batch_size, 7);
  EXPECT_EQ(found.loaded.config.worker.concurrency, Config{}.worker.concurrency);
  EXPECT_EQ(found.loaded.config.queue.plugin, "x");
}

TEST_F(ConfigTest, inspect_says_whether_plugins_can_be_checked) {
  const auto clear = [this](const std::string& toml, std::map<std::string, std::string> env = {}) {
    return inspect({.path = write(toml), .environment = std::move(env)}).plugins_are_clear;
  };
  EXPECT_TRUE(clear(""));
  EXPECT_TRUE(clear("[http]\nlisten = \"0.0.0.0:1\"\n[log]\nx = 1\n[scripts]\npaths = 1\n"));
  EXPECT_FALSE(clear("[plugins]\npaths = 1\n"));
  EXPECT_FALSE(clear("[spool]\ndir = 1\n"));
  EXPECT_FALSE(clear("[nod]\n"));
  EXPECT_FALSE(clear("x = 1\n"));
  EXPECT_FALSE(clear("", {{"WORKER_ID", "a"}, {"SKEP_NODE_ID", "b"}}));
}

TEST_F(ConfigTest, trust_keys_are_lists_by_the_ids_they_may_sign) {
  const auto loaded = load_text(
      "[trust]\npolicy = \"both\"\n[trust.keys]\n\"com.acme.\" = [\"a\", \"b\"]\ndisk = \"c\"\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Config::Trust& trust = loaded->config.trust;
  EXPECT_EQ(trust.policy, "both");
  EXPECT_EQ(trust.keys, (std::map<std::string, std::vector<std::string>>{{"com.acme.", {"a", "b"}},
                                                                         {"disk", {"c"}}}));
  EXPECT_EQ(trust.lock_file, folder_ + "/plugins.lock") << "beside the file";
  const auto environment = load_environment({{"SKEP_TRUST_KEYS", R"({"*": ["d"]})"}});
  ASSERT_TRUE(environment) << environment.error().message;
  EXPECT_EQ(environment->config.trust.keys.at("*"), std::vector<std::string>{"d"});
  EXPECT_NE(error_of_text("[trust.keys]\nx = [1]\ny = 2\n").find("trust.keys.\"y\" is 2"),
            std::string::npos);
}

TEST_F(ConfigTest, times_take_units) {  // O8
  const auto loaded = load_text(
      "[control]\nlease_seconds = \"5m\"\nretention_days = \"36h\"\nretry_base_seconds = "
      "\"250ms\"\n"
      "[worker]\ndrain_seconds = 45\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.tasks.lease_seconds, 300);
  EXPECT_EQ(loaded->config.tasks.retention_days, 1.5);
  EXPECT_EQ(loaded->config.tasks.retry_base_seconds, 0.25);
  EXPECT_EQ(loaded->config.worker.drain_seconds, 45);
  const auto others =
      load({.environment = {{"SKEP_WORKER_DRAIN_SECONDS", "2m"}, {"WORKER_POLL_INTERVAL", "1.5"}},
            .overrides = {{"control.lease_seconds", "1h"}}});
  ASSERT_TRUE(others) << others.error().message;
  EXPECT_EQ(others->config.worker.drain_seconds, 120);
  EXPECT_EQ(others->config.worker.poll_interval_seconds, 1.5);
  EXPECT_EQ(others->config.tasks.lease_seconds, 3'600);
}

TEST_F(ConfigTest, secrets_are_tables_with_a_path_in_each) {
  const std::string path = write(
      "[secrets]\ndb = { file = \"values/db\", plugins = [\"acme\"] }\n"
      "[secrets.\"api.key\"]\nfile = \"/etc/key\"\n");
  const auto loaded = load({.path = path});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const std::string folder = std::filesystem::path(path).parent_path();
  EXPECT_EQ(*parse_json(loaded->config.secrets.at("db")),
            *parse_json(R"({"file":")" + folder + R"(/values/db","plugins":["acme"]})"));
  EXPECT_EQ(loaded->config.secrets.at("api.key"), R"({"file":"/etc/key"})");
  EXPECT_NE(show(*loaded, false).find("[secrets.\"api.key\"]\nfile = \"/etc/key\"\n"),
            std::string::npos);
  EXPECT_NE(show_json(*loaded).find(R"("secrets":{)"), std::string::npos);
  Config next = loaded->config;
  next.secrets.erase("db");
  const auto changes = diff(loaded->config, next);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].key, "secrets.db.file");
  EXPECT_TRUE(changes[0].live);
  EXPECT_EQ(with_live(loaded->config, next).secrets, next.secrets);
  EXPECT_FALSE(load({.path = write("[secrets]\ndb = 7\n")}));
  EXPECT_FALSE(load({.path = write("[secrets.\"../x\"]\nfile = \"x\"\n")}));
}

TEST_F(ConfigTest, members_of_tables_that_end_in_seconds_take_units) {  // O8
  const auto loaded = load_text(
      "[plugins.x]\ngrace_seconds = \"5m\"\nname = \"5m\"\nidle_seconds = \"soon\"\n"
      "[plugins.x.limits]\ncpu_seconds = \"250ms\"\n[scripts.y]\ntimeout_seconds = \"1h\"\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*parse_json(loaded->config.plugins.tables.at("x")),
            *parse_json(R"({"grace_seconds":300.0,"name":"5m","idle_seconds":"soon",
                            "limits":{"cpu_seconds":0.25}})"));
  EXPECT_EQ(*parse_json(loaded->config.scripts.tables.at("y")),
            *parse_json(R"({"timeout_seconds":3600.0})"));
}

TEST_F(ConfigTest, times_are_checked_whatever_their_unit) {
  EXPECT_EQ(
      error_of_text("[control]\nlease_seconds = \"2d\"\n"),
      "skep.toml:2:1: control.lease_seconds is 172800 (a number); expected a number of seconds "
      "from 1 to 86400, or a text such as \"5m\"");
  for (const char* text : {"\"5\"", "\"5 m\"", "\"m\"", "\"-5m\"", "\"5min\"", "true"})
    EXPECT_NE(
        error_of_text("[worker]\ndrain_seconds = " + std::string(text)).find("such as \"5m\""),
        std::string::npos)
        << text;
  EXPECT_EQ(error_of_text("[worker]\nresult_reserve_mb = \"5m\"").find("such as"),
            std::string::npos)
      << "not a time";
}

TEST_F(ConfigTest, who_is_told_for_whom_it_works_is_a_worker_alone) {  // O6
  const auto alone =
      load_environment({{"WORKER_ID", "w"}, {"WORKER_CONTROL_PLANE_URL", "http://control:8000"}});
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_FALSE(alone->config.is_control());
  EXPECT_TRUE(alone->config.is_worker());
  EXPECT_FALSE(load_text("[worker]\ncontrol_plane_url = \"http://c:1\"\n")->config.is_control());
  const auto both = load_text(
      "[node]\nroles = [\"control\", \"worker\"]\n[worker]\ncontrol_plane_url = \"http://c:1\"\n");
  EXPECT_TRUE(both->config.is_control()) << "said is said";
  EXPECT_TRUE(load_text("[worker]\nconcurrency = 2\n")->config.is_control());
}

TEST_F(ConfigTest, a_file_may_set_nothing) {  // O6
  EXPECT_TRUE(says_nothing(*load_text("# nothing yet\n[worker]\n")));
  EXPECT_FALSE(says_nothing(*load_text("[worker]\nconcurrency = 4\n"))) << "a default, but said";
  EXPECT_FALSE(says_nothing(*load_environment({{"WORKER_ID", "w"}})));
}

TEST_F(ConfigTest, a_path_of_a_queue_starts_at_the_file) {  // A4
  const auto loaded = load_text("[queue]\npath = \"data/q.db\"\n[store]\npath = \"/abs/s.db\"\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.queue.table, "{\"path\":\"" + folder_ + "/data/q.db\"}");
  EXPECT_EQ(loaded->config.store.table, "{\"path\":\"/abs/s.db\"}");
  const auto flag = load({.overrides = {{"queue.path", "q.db"}}});
  const std::string here = std::filesystem::current_path();
  EXPECT_EQ(flag->config.queue.table, "{\"path\":\"" + here + "/q.db\"}");
  EXPECT_EQ(load_text("[queue]\npath = 7\n")->config.queue.table, "{\"path\":7}")
      << "for the plugin's schema to refuse";
}

TEST_F(ConfigTest, kinds_of_events_are_those_that_there_are) {
  EXPECT_EQ(
      error_of_text("[control]\nevents = [\"task.faild\"]"),
      "skep.toml:2:1: control.events[0] is \"task.faild\" (a string); no event that is kept is "
      "called so; did you mean \"task.failed\"?");
  EXPECT_NE(error_of_text("[control]\nevents = [\"*\", \"!wroker.*\"]").find("control.events[1]"),
            std::string::npos);
  EXPECT_TRUE(
      load_text("[control]\nevents = [\"task.*\", \"!task.succeeded\", \"worker.paused\"]"));
}

TEST(EventKinds, are_those_of_the_documents) {
  const auto text = read_file(SKEP_SOURCE_DIR "/docs/reference/events.md");
  ASSERT_TRUE(text);
  std::set<std::string> documented;
  bool durable = false;
  for (const std::string& line : split(*text, '\n')) {
    if (line.starts_with("## ")) durable = false;
    if (line.starts_with("Durable")) durable = true;
    if (durable && line.starts_with("| `"))
      documented.insert(line.substr(3, line.find('`', 3) - 3));
  }
  documented.erase("release.failed");  // the node's
  const auto kinds = control::event_kinds();
  EXPECT_EQ(documented, std::set<std::string>(kinds.begin(), kinds.end()));
}

TEST_F(ConfigTest, an_error_of_a_plugin_gets_the_place_of_its_key) {  // O11
  const auto loaded = load_text(
      "[queue]\nplugin = \"x\"\nwal = 1\n[plugins.disk]\nenabled = true\nlevel = 1\n"
      "[plugins.disk.limits]\ncpu = 1\n[spool]\nplugin = \"file\"\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto placed = [&](const std::string& message) {
    std::string text = with_place(*loaded, config_error(message)).message;
    const std::size_t at = text.find("skep.toml");
    return at == std::string::npos ? text : text.substr(at);
  };
  EXPECT_EQ(placed("[plugins.disk] /level: is 1"), "skep.toml:6:1: [plugins.disk] /level: is 1");
  EXPECT_EQ(placed("[plugins.disk]: unknown key \"limits\""),
            "skep.toml:7:15: [plugins.disk]: unknown key \"limits\"");
  EXPECT_EQ(placed("[queue]: /wal is 1"), "skep.toml:3:1: [queue]: /wal is 1");
  EXPECT_EQ(placed("[plugins.disk] cannot be found").substr(0, 10), "skep.toml:")
      << "its first key";
  EXPECT_EQ(placed("[store] /path: missing"), "[store] /path: missing") << "nobody wrote it";
  EXPECT_EQ(placed("[spool] dir: plugin x"), "[spool] dir: plugin x") << "its default";
}

}  // namespace
}  // namespace skep::config
