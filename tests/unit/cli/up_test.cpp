#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/app/app.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/destination.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/up/background.hpp"
#include "core/cli/up/demo.hpp"
#include "core/cli/up/nodes.hpp"
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
  supervise::StateFolder state(folder + "/with \"quotes\"");
  ASSERT_TRUE(state.lock());
  const UpPlan plan{state.folder(), {"site-a"}, {"127.0.0.1:0"}};
  const auto control = write_control_toml(state, plan);
  const auto site = write_site_toml(state, "site-a", "http://127.0.0.1:1", true);
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
  EXPECT_EQ(w->config.worker.drain_seconds, 30) << "what skep up says when it stops";
  EXPECT_EQ(app::plugin_paths(w->config).front(), state.folder() + "/plugins");
  EXPECT_EQ(app::script_paths(w->config).front(), state.folder() + "/scripts");
  EXPECT_TRUE(std::filesystem::is_directory(state.folder() + "/scripts"));
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
      const Ran ran = run_cli({"up", "-d", "--port", "0", "--state", folder});
      EXPECT_EQ(ran.code, 5) << ran.err;
      EXPECT_EQ(*read_file(folder + "/" + name), text);
    }
    fs::remove(folder + "/" + name);
  }
}

TEST_F(UpTest, says_where_the_one_that_runs_listens) {
  supervise::StateFolder first(folder);
  ASSERT_TRUE(first.lock());
  const auto us = supervise::identify(::getpid());
  ASSERT_TRUE(us);
  ASSERT_TRUE(first.write({*us, "http://127.0.0.1:4711", true, {{"control", *us}}}));
  const Ran ran = run_cli({"up", "-d", "--port", "0", "--state", folder});
  EXPECT_EQ(ran.code, 5);
  EXPECT_NE(ran.err.find("next:  skep --server http://127.0.0.1:4711 status\n"), std::string::npos)
      << ran.err;
}

TEST_F(UpTest, says_that_the_control_plane_of_the_one_that_runs_has_ended) {
  supervise::StateFolder first(folder);
  ASSERT_TRUE(first.lock());
  const auto us = supervise::identify(::getpid());
  ASSERT_TRUE(us);
  const supervise::ProcessId gone{us->pid, us->started + 1};
  using Nodes = std::vector<std::pair<std::string, supervise::ProcessId>>;
  for (const Nodes& nodes : {Nodes{{"site-a", *us}}, Nodes{{"control", gone}, {"site-a", *us}}}) {
    ASSERT_TRUE(first.write({*us, "http://127.0.0.1:4711", true, nodes}));
    const Ran ran = run_cli({"up", "--port", "0", "--state", folder});
    EXPECT_EQ(ran.code, 5);
    EXPECT_NE(
        ran.err.find(", but its control plane has ended   [already-running]\n  next:  skep up "
                     "--stop --state " +
                     folder + " && skep up -d --state " + folder + "   or   skep start -c " +
                     folder + "/control.toml\n"),
        std::string::npos)
        << ran.err;
  }
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

TEST_F(UpTest, refuses_an_empty_state_folder_name) {
  const Ran ran = run_cli({"up", "--stop", "--state", ""});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--state is empty"), std::string::npos) << ran.err;
}

TEST_F(UpTest, takes_the_first_complete_line_of_endpoints) {
  EXPECT_EQ(first_endpoint(folder), "");
  std::ofstream(folder + "/endpoints") << "http://127.0.0.1:4";
  EXPECT_EQ(first_endpoint(folder), "");
  std::ofstream(folder + "/endpoints") << "http://127.0.0.1:41\nhttp://127.0.0.1:42\n";
  EXPECT_EQ(first_endpoint(folder), "http://127.0.0.1:41");
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
  const supervise::StateFolder state(folder);
  ASSERT_TRUE(state.write(
      {*supervise::identify(supervisor.pid()),
       "",
       true,
       {{"site-a", *supervise::identify(node.pid())}, {"site-b", {bystander.pid(), 1}}}}));
  const Ran ran = run_cli({"up", "--stop", "--state", folder});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(
      ran.err.starts_with("stopping: workers finish what they run, for 30s at most; the rest goes "
                          "back to the queue\n"))
      << ran.err;
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
  supervise::StateFolder state(folder);
  ASSERT_TRUE(state.lock());
  // A program that refuses "start -c FILE" and says so: the log must reach the user.
  std::ofstream(folder + "/program") << "#!/bin/sh\necho \"boom $1 $2\" >&2\nexit 78\n";
  fs::permissions(folder + "/program", fs::perms::owner_all);
  std::ostringstream out;
  std::ostringstream err;
  const Console console{out, err};
  UpNodes nodes(
      {{folder, {"site-a"}, {"127.0.0.1:0"}}, folder + "/program", {{"PATH", "/usr/bin:/bin"}}},
      state, console,
      [](const net::ClientRequest&) -> Result<net::ClientResponse> { return unavailable("no"); });
  const auto started = nodes.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().error.message, "node control exited with code 78");
  EXPECT_EQ(started.error().details, std::vector<std::string>{"boom start -c"});
  nodes.stop();
  EXPECT_FALSE(*state.read());
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

TEST(Demo, that_did_not_end_well_says_what_runs_on) {
  const UpPlan plan{"/st", {"site-a"}, {"127.0.0.1:0"}};
  const std::string told =
      "the nodes go on in the background; to end them: skep up --stop --state /st\n";
  const auto left = [&](const Expected<bool>& demo, int code, const std::string& said) {
    std::ostringstream out;
    std::ostringstream err;
    const auto ended = leave_running(demo, plan, Console{out, err});
    EXPECT_EQ(ended ? *ended : exit_code_of(ended.error()), code);
    EXPECT_EQ(err.str(), said);
  };
  left(true, 0, "");
  left(false, 9, told);
  left(Failure(interruption()), 130, told);
}

}  // namespace
}  // namespace skep::cli
