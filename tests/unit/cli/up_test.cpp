#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/app/app.hpp"
#include "core/base/text.hpp"
#include "core/cli/facts_view.hpp"
#include "core/cli/fleet.hpp"
#include "core/cli/up_background.hpp"
#include "core/cli/up_demo.hpp"
#include "core/cli/up_state.hpp"
#include "core/config/load.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

struct UpTest : testing::Test {
  const test::TempDir dir;
  const std::string folder = dir.path();
};

proc::Background sleeper() {
  proc::Spec spec;
  spec.argv = {"/bin/sleep", "300"};
  auto child = proc::Background::spawn(spec, "/dev/null");
  EXPECT_TRUE(child) << child.error().message;
  return std::move(*child);
}

TEST_F(UpTest, writes_files_that_the_loader_takes) {
  UpState state(folder + "/with \"quotes\"");
  ASSERT_TRUE(state.lock());
  const UpPlan plan{state.folder(), {"site-a"}, {"127.0.0.1:0"}};
  const auto control = state.write_control_toml(plan);
  const auto site = state.write_site_toml("site-a", "http://127.0.0.1:1", true);
  ASSERT_TRUE(control && site);
  const auto c = config::load({*control, {}, {}});
  const auto w = config::load({*site, {}, {}});
  ASSERT_TRUE(c) << c.error().message;
  ASSERT_TRUE(w) << w.error().message;
  EXPECT_TRUE(c->config.is_control());
  EXPECT_FALSE(c->config.is_worker());
  EXPECT_EQ(c->config.node.state_dir, state.folder() + "/control");
  EXPECT_EQ(c->config.http.listen, std::vector<std::string>{"127.0.0.1:0"});
  EXPECT_EQ(w->config.node.id, "worker-site-a-01");
  EXPECT_EQ(w->config.worker.control_plane_url, std::vector<std::string>{"http://127.0.0.1:1"});
  EXPECT_TRUE(w->config.worker.capabilities.at("docker"));
  EXPECT_NE(w->config.spool.table.find("/site-a/offline"), std::string::npos);
  EXPECT_EQ(app::plugin_paths(w->config).front(), state.folder() + "/plugins");
  EXPECT_EQ(app::script_paths(w->config).front(), state.folder() + "/scripts");
  EXPECT_TRUE(std::filesystem::is_directory(state.folder() + "/scripts"));
}

TEST_F(UpTest, lets_one_process_hold_a_state_folder) {
  UpState first(folder);
  ASSERT_TRUE(first.lock());
  UpState second(folder);
  const auto locked = second.lock();
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().id(), "already-running");
  EXPECT_NE(locked.error().next.find("skep up --stop"), std::string::npos);
}

TEST_F(UpTest, reads_back_who_runs) {
  const UpState state(folder);
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

TEST_F(UpTest, refuses_a_folder_that_it_did_not_make) {
  fs::create_directories(folder + "/docs");
  std::ofstream(folder + "/docs/thesis") << "x";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"up", "--port", "0", "--state", folder},
        {"up", "--fresh", "--port", "0", "--state", folder},
        {"up", "--fresh", "--port", "0", "--state", folder, "--detach"}}) {
    const Ran ran = run_cli(words);
    EXPECT_EQ(ran.code, 5);
    EXPECT_NE(ran.err.find("was not made by skep up and is not empty; nothing in it was touched"),
              std::string::npos)
        << ran.err;
    EXPECT_NE(ran.err.find("next:"), std::string::npos);
    EXPECT_TRUE(fs::exists(folder + "/docs/thesis"));
    EXPECT_FALSE(fs::exists(folder + "/up.lock")) << "a refusal must not make the folder ours";
  }
}

TEST_F(UpTest, takes_no_file_of_somebody_else_for_its_own) {
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
  };
  write("thesis", "x");
  for (const char* name : {"up.json", "up.lock", "site-a.toml"}) {
    for (const char* text : {"", "precious\n", "{}\n", R"({"pid":1,"url":"http://x"})"}) {
      write(name, text);
      const auto ours = UpState(folder).check_made_by_up();
      ASSERT_FALSE(ours) << name << ' ' << text;
      EXPECT_EQ(ours.error().id(), "foreign-folder");
      const Ran ran = run_cli({"up", "-d", "--port", "0", "--state", folder});
      EXPECT_EQ(ran.code, 5) << ran.err;
      EXPECT_EQ(*read_file(folder + "/" + name), text);
    }
    fs::remove(folder + "/" + name);
  }
}

TEST_F(UpTest, takes_nobodys_record_even_in_its_own_folder) {
  UpState state(folder);
  ASSERT_TRUE(state.lock());
  std::ofstream(folder + "/up.json") << "precious\n";
  EXPECT_FALSE(state.check_made_by_up());
  EXPECT_EQ(run_cli({"up", "--stop", "--state", folder}).code, 1);
  state.forget();
  EXPECT_EQ(*read_file(folder + "/up.json"), "precious\n");
}

TEST_F(UpTest, knows_its_folder_by_mark_record_or_toml) {
  {
    UpState state(folder);
    ASSERT_TRUE(state.lock());
    std::ofstream(folder + "/up.log") << "x";
    EXPECT_TRUE(state.check_made_by_up());
  }
  const UpState state(folder);
  fs::remove(folder + "/up.lock");
  EXPECT_FALSE(state.check_made_by_up());
  ASSERT_TRUE(state.write({{10, 11}, "", true, {}}));
  EXPECT_TRUE(state.check_made_by_up());
  state.forget(12);
  EXPECT_TRUE(*state.read()) << "the record of another supervisor stays";
  state.forget(10);
  EXPECT_FALSE(state.check_made_by_up());
  ASSERT_TRUE(state.write_control_toml({folder, {"a"}, {"127.0.0.1:0"}}));
  EXPECT_TRUE(state.check_made_by_up());
}

TEST_F(UpTest, says_where_the_one_that_runs_listens) {
  UpState first(folder);
  ASSERT_TRUE(first.lock());
  ASSERT_TRUE(first.write({{10, 11}, "http://127.0.0.1:4711", true, {}}));
  const Ran ran = run_cli({"up", "-d", "--port", "0", "--state", folder});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("next:  skep --server http://127.0.0.1:4711 status\n"), std::string::npos)
      << ran.err;
}

TEST(UpReport, comes_back_as_the_failure_it_was) {
  const Failure sent{Error{Code::kState, "m", "port-taken", "a\nb"}, {}, {"one", "two"}};
  const auto back = failure_of_report(report_of(sent));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->error.code, Code::kState);
  EXPECT_EQ(back->error.message, "m");
  EXPECT_EQ(back->error.name, "port-taken");
  EXPECT_EQ(back->error.next, "a\nb");
  EXPECT_EQ(back->details, sent.details);
  EXPECT_FALSE(failure_of_report(""));
  EXPECT_FALSE(failure_of_report("Segmentation fault"));
}

TEST_F(UpTest, fresh_takes_folders_that_are_empty_missing_or_its_own) {
  UpState state(folder + "/state");
  EXPECT_TRUE(state.check_made_by_up());
  fs::create_directories(state.folder());
  EXPECT_TRUE(state.check_made_by_up());
  ASSERT_TRUE(state.lock());
  EXPECT_TRUE(state.check_made_by_up());
}

TEST_F(UpTest, wipes_only_what_it_made) {
  UpState state(folder);
  ASSERT_TRUE(state.lock());
  const UpPlan plan{folder, {"old-site"}, {"127.0.0.1:0"}};
  ASSERT_TRUE(state.write_control_toml(plan));
  ASSERT_TRUE(state.write_site_toml("old-site", "http://127.0.0.1:1", false));
  ASSERT_TRUE(state.write({{10, 11}, "", true, {}}));
  const std::vector<std::string> ours{"control/queue.db", "control.log", "old-site/offline/1",
                                      "old-site.log", "up.log"};
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

TEST_F(UpTest, refuses_an_empty_state_folder_name) {
  const Ran ran = run_cli({"up", "--stop", "--state", ""});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--state is empty"), std::string::npos) << ran.err;
}

TEST_F(UpTest, takes_the_first_complete_line_of_endpoints) {
  const UpState state(folder);
  fs::create_directories(folder + "/control");
  EXPECT_EQ(state.control_url(), "");
  std::ofstream(folder + "/control/endpoints") << "http://127.0.0.1:4";
  EXPECT_EQ(state.control_url(), "");
  std::ofstream(folder + "/control/endpoints") << "http://127.0.0.1:41\nhttp://127.0.0.1:42\n";
  EXPECT_EQ(state.control_url(), "http://127.0.0.1:41");
}

TEST_F(UpTest, shows_the_last_lines_of_a_log) {
  const UpState state(folder);
  EXPECT_EQ(state.log_tail("n", 2), "");
  std::ofstream(state.log_path("n")) << "1\n2\n3\n";
  EXPECT_EQ(state.log_tail("n", 2), "2\n3\n");
  EXPECT_EQ(state.log_tail("n", 9), "1\n2\n3\n");
}

TEST_F(UpTest, ends_exactly_the_process_it_knows) {
  auto child = sleeper();
  const auto id = identify(child.pid());
  ASSERT_TRUE(id);
  EXPECT_TRUE(is_alive(*id));
  const ProcessId other{id->pid, id->started + 1};
  EXPECT_FALSE(is_alive(other));
  EXPECT_TRUE(*end_process(other, Millis{1'000}));
  EXPECT_TRUE(is_alive(*id)) << "a reused number must not be signalled";
  const auto ended = end_process(*id, Millis{10'000});
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(*ended);
  EXPECT_FALSE(is_alive(*id));
}

TEST_F(UpTest, stop_says_when_nothing_runs) {
  const Ran ran = run_cli({"up", "--stop", "--state", folder});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("nothing that skep up started runs"), std::string::npos);
  EXPECT_NE(ran.err.find("pgrep -af 'skep start'"), std::string::npos);
}

TEST_F(UpTest, stop_ends_the_processes_of_the_record) {
  auto supervisor = sleeper();
  auto node = sleeper();
  auto bystander = sleeper();
  const UpState state(folder);
  ASSERT_TRUE(state.write({*identify(supervisor.pid()),
                           "",
                           true,
                           {{"site-a", *identify(node.pid())}, {"site-b", {bystander.pid(), 1}}}}));
  const Ran ran = run_cli({"up", "--stop", "--state", folder});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(supervisor.poll(Millis{120'000}));
  EXPECT_TRUE(node.poll(Millis{120'000}));
  EXPECT_FALSE(bystander.poll());
  EXPECT_FALSE(fs::exists(state.path("up.json")));
}

TEST_F(UpTest, says_how_to_take_another_port_when_one_is_taken) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const Ran ran = run_cli({"up", "--port", port, "--state", folder});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("127.0.0.1:" + port + " is taken by another program   [port-taken]"),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("--port 0"), std::string::npos);
}

TEST_F(UpTest, refuses_bad_sites_and_ports) {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--sites", "a,,b"},
                                               {"--sites", "a,a"},
                                               {"--sites", "../x"},
                                               {"--sites", "control"},
                                               {"--port", "70000"},
                                               {"--port", "x"}}) {
    const Ran ran = run_cli({"up", "--state", folder, more[0], more[1]});
    EXPECT_EQ(ran.code, 2) << more[1] << ran.err;
  }
}

TEST_F(UpTest, names_a_node_that_does_not_start_and_shows_its_log) {
  UpState state(folder);
  ASSERT_TRUE(state.lock());
  // A program that refuses "start -c FILE" and says so: the log must reach the user.
  std::ofstream(folder + "/program") << "#!/bin/sh\necho \"boom $1 $2\" >&2\nexit 78\n";
  fs::permissions(folder + "/program", fs::perms::owner_all);
  std::ostringstream out;
  std::ostringstream err;
  const Console console{out, err};
  Fleet fleet(
      {{folder, {"site-a"}, {"127.0.0.1:0"}}, folder + "/program", {{"PATH", "/usr/bin:/bin"}}},
      state, console,
      [](const net::ClientRequest&) -> Result<net::ClientResponse> { return unavailable("no"); });
  const auto started = fleet.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().error.message, "node control exited with code 78");
  EXPECT_EQ(started.error().details, std::vector<std::string>{"boom start -c"});
  fleet.stop();
  EXPECT_FALSE(*state.read());
}

TEST(Facts, make_one_row_a_site) {
  const auto task =
      parse_json(R"J({"site":"a","worker_id":"w","duration_ms":12,"result":{"fact_count":61,
    "facts":{"os":{"name":"x","pretty_name":"Debian GNU/Linux 12 (bookworm)"},"kernel":{"release":"6.1.0"},
    "cpu":{"logical_count":4},"memory":{"total_bytes":4294967296,"available_bytes":1073741824},
    "mounts":{"mounts":[{"point":"/boot","total_bytes":1},{"point":"/","total_bytes":2048,"available_bytes":1024}]},
    "load":{"one_minute":0.5}}}})J");
  ASSERT_TRUE(task) << task.error().message;
  std::ostringstream out;
  std::ostringstream err;
  print_facts_table(Console{out, err}, {*task, *parse_json(R"({"site":"b","result":null})")});
  EXPECT_EQ(
      out.str(),
      "SITE  WORKER  OS                              KERNEL  CPUS  MEMORY            DISK /"
      "            LOAD  FACTS  MS\n"
      "a     w       Debian GNU/Linux 12 (bookworm)  6.1.0   4     4.0 GiB 75% used  2.0 KiB 50%"
      " used  0.50  61     12\n"
      "b     -       -                               -       -     -                 -"
      "                 -     -      0\n");
}

TEST(Demo, runs_facts_everywhere_and_a_script_with_live_output) {
  std::vector<Answer> answers{
      {201, R"({"items":[{"id":"f1"},{"id":"f2"}]})"},
      {200, R"({"id":"f1","status":"succeeded","site":"a","result":{}})"},
      {200, R"({"id":"f2","type":"collect_facts","status":"failed","site":"b"})"},
      {201, R"({"items":[{"id":"s1"}]})"},
      {200, R"({"items":[{"stream":"stdout","text":"he"}],"next_cursor":"1","ended":false})"},
      {200, R"({"items":[{"stream":"stdout","text":"llo\nlast"}],"next_cursor":"2","ended":true})"},
      {200,
       R"({"id":"s1","type":"execute_script","status":"succeeded","result":{"exit_code":0}})"}};
  std::size_t next = 0;
  auto api = Client::make(
      {"http://h:1", "", ""}, "", Millis{1'000},
      [&](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return net::ClientResponse{answers.at(next).status, answers.at(next++).body, {}};
      },
      nullptr);
  ASSERT_TRUE(api);
  std::ostringstream out;
  std::ostringstream err;
  const auto good = run_demo(*api, Console{out, err}, {"a", "b"});
  ASSERT_TRUE(good) << good.error().error.message;
  EXPECT_FALSE(*good) << "one of the tasks failed";
  EXPECT_NE(out.str().find("a | hello\na | last\n"), std::string::npos) << out.str();
  EXPECT_NE(err.str().find("task f2 collect_facts failed"), std::string::npos);
}

}  // namespace
}  // namespace skep::cli
