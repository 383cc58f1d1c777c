// Which node or control plane a command talks to, and who said so.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/fd.hpp"
#include "core/supervise/state_folder.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

class Destinations : public testing::Test {
 protected:
  /// The path of a new file in the folder.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.file(name)) << text;
    return dir_.file(name);
  }
  std::string control(const std::string& listen, const std::string& more = {}) const {
    return write("control.toml",
                 "[node]\nroles = [\"control\"]\nstate_dir = \"st\"\n[http]\nlisten = [\"" +
                     listen + "\"]\n" + more);
  }
  std::string worker(const std::string& url, const std::string& more = {}) const {
    return write("worker.toml",
                 "[node]\nroles = [\"worker\"]\nstate_dir = \"st\"\n[worker]\ncontrol_plane_url = "
                 "[\"" +
                     url + "\"]\n" + more);
  }
  /// Where the command's first request went; its error when there was none.
  static std::string asked(const std::vector<std::string>& words,
                           const Environment& environment = {}) {
    const Ran ran = FakeControl().run(words, environment);
    if (ran.requests.empty()) return ran.err;
    const net::ClientRequest& r = ran.requests[0];
    return r.unix_socket.empty() ? r.url : r.unix_socket;
  }
  /// A socket at which somebody listens until it is closed.
  UniqueFd listen(const std::string& name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    dir_.file(name).copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    return fd;
  }
  static bool has_header(const Ran& ran, const std::string& wanted) {
    const auto& headers = ran.requests.at(0).headers;
    return std::find(headers.begin(), headers.end(), wanted) != headers.end();
  }

  test::TempDir dir_;
};

constexpr const char* kTasks = "http://127.0.0.1:7001/api/tasks?limit=50";

TEST_F(Destinations, of_a_control_plane_are_its_own_listener) {
  EXPECT_EQ(asked({"task", "list", "-c", control("127.0.0.1:7001")}), kTasks);
  EXPECT_EQ(asked({"task", "list", "-c", control("0.0.0.0:7001")}), kTasks);
  EXPECT_EQ(asked({"task", "list", "-c", control("[::]:7001")}),
            "http://[::1]:7001/api/tasks?limit=50");
  EXPECT_EQ(asked({"task", "list"}, {{"SKEP_CONFIG", control("127.0.0.1:7001")}}), kTasks);
}

TEST_F(Destinations, of_a_port_that_the_kernel_chose_are_what_the_node_wrote_down) {
  const std::string file = control("127.0.0.1:0");
  const Ran never = FakeControl().run({"task", "list", "-c", file});
  EXPECT_EQ(never.code, 8);
  EXPECT_NE(never.err.find("never started"), std::string::npos) << never.err;
  fs::create_directory(dir_.file("st"));
  const UniqueFd socket = listen("st/node.sock");
  write("st/endpoints", "http://127.0.0.1:7001\n");
  EXPECT_EQ(asked({"task", "list", "-c", file}), kTasks);
}

TEST_F(Destinations, of_a_control_plane_that_does_not_run_are_no_strangers) {  // A9
  const std::string file = control("127.0.0.1:7001");
  fs::create_directory(dir_.file("st"));
  for (const bool crashed : {false, true}) {
    if (crashed) listen("st/node.sock").reset();
    const Ran ran = FakeControl().run({"task", "submit", "t", "-c", file});
    EXPECT_EQ(ran.code, 8) << crashed;
    EXPECT_TRUE(ran.requests.empty()) << "whoever listens there now is somebody else";
    EXPECT_NE(ran.err.find("does not run"), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("next:  skep start -c "), std::string::npos) << ran.err;
  }
}

TEST_F(Destinations, that_a_file_names_are_started_or_corrected_there) {
  const std::string file = worker("http://127.0.0.1:7001");
  const Ran control = FakeControl().run({"task", "list", "-c", file});
  EXPECT_NE(control.err.find("next:  start the control plane   or   correct " + file + "\n"),
            std::string::npos)
      << control.err;
  const Ran node = FakeControl().run({"node", "show", "-c", file});
  EXPECT_NE(node.err.find("next:  skep start -c " + file + "   or   correct that file\n"),
            std::string::npos)
      << node.err;
}

TEST_F(Destinations, of_a_folder_whose_skep_up_has_ended_are_no_strangers) {  // A9
  const fs::path before = fs::current_path();
  fs::current_path(dir_.path());
  fs::create_directory(".skep");
  EXPECT_EQ(asked({"task", "list"}), "http://127.0.0.1:9595/api/tasks?limit=50")
      << "a state folder, but none of skep up";
  write(".skep/control.toml", "");
  const Ran ran = FakeControl().run({"task", "submit", "t"});
  const std::string named = asked({"task", "list", "--server", "http://h:1"});
  fs::current_path(before);
  EXPECT_EQ(ran.code, 8);
  EXPECT_TRUE(ran.requests.empty());
  EXPECT_NE(ran.err.find("the skep up of ./.skep does not run"), std::string::npos) << ran.err;
  EXPECT_EQ(named, "http://h:1/api/tasks?limit=50");
}

TEST_F(Destinations, of_a_worker_are_its_control_plane) {
  const std::string file = worker("http://127.0.0.1:7001");
  const std::vector<std::vector<std::string>> commands{{"task", "list", "-c", file},
                                                       {"worker", "list", "-c", file},
                                                       {"registry", "list", "-c", file},
                                                       {"status", "-c", file},
                                                       {"api", "GET", "/x", "-c", file}};
  for (const auto& words : commands)
    EXPECT_TRUE(asked(words).starts_with("http://127.0.0.1:7001/")) << asked(words);
}

TEST_F(Destinations, of_a_node_are_its_socket) {
  const std::string socket = dir_.file("st/node.sock");
  EXPECT_EQ(asked({"node", "show", "-c", worker("http://h:1")}), socket);
  EXPECT_EQ(asked({"events", "-c", control("127.0.0.1:7001")}), socket);
}

TEST_F(Destinations, that_are_typed_win_over_variables_and_addresses_over_files) {
  const std::string file = worker("http://file:1");
  const Environment server{{"SKEP_SERVER", "http://variable:1"}};
  Environment both = server;
  both["SKEP_CONFIG"] = file;
  EXPECT_EQ(asked({"api", "GET", "/x", "-c", file, "--server", "http://typed:1"}, server),
            "http://typed:1/x");
  EXPECT_EQ(asked({"api", "GET", "/x", "-c", file}, both), "http://file:1/x")
      << "typed, though the variable says it too";
  EXPECT_EQ(asked({"api", "GET", "/x"}, both), "http://variable:1/x");
  EXPECT_EQ(asked({"health", "http://word:1", "-c", file}, both), "http://word:1/health");
  EXPECT_EQ(asked({"node", "show", "-c", file}, server), dir_.file("st/node.sock"));
  EXPECT_EQ(asked({"node", "show"}, both), "http://variable:1/api/node");
}

TEST_F(Destinations, get_the_token_of_the_file_that_names_them_and_no_other) {
  write("w.token", "of-the-worker\n");
  const std::string file = worker("http://h:1", "token_file = \"w.token\"\n");
  FakeControl control;
  const std::string bearer = "Authorization: Bearer ";
  EXPECT_TRUE(has_header(control.run({"task", "list", "-c", file}), bearer + "of-the-worker"));
  const Ran elsewhere = control.run({"task", "list", "-c", file, "--server", "http://other:1"});
  EXPECT_FALSE(has_header(elsewhere, bearer + "of-the-worker"));
  write("mine", "typed\n");
  const Ran typed = control.run({"task", "list", "-c", file, "--token-file", dir_.file("mine")});
  EXPECT_TRUE(has_header(typed, bearer + "typed"));
}

TEST_F(Destinations, that_refuse_a_token_are_named_with_its_file) {
  const std::string file = worker("http://h:1", "token_file = \"w.token\"\n");
  const std::string token = write("w.token", "of-the-worker\n");
  FakeControl control({{401, R"({"detail":"a token is needed","code":"denied"})"}});
  const Ran ran = control.run({"task", "list", "-c", file});
  EXPECT_EQ(ran.err, "error: a token is needed; what was sent is in " + token +
                         "   [denied]\n"
                         "  next:  put the token of http://h:1 into " +
                         token +
                         "   or   skep --token-file FILE ..   or   "
                         "export SKEP_TOKEN_FILE=FILE\n");
}

TEST_F(Destinations, are_named_again_in_what_comes_next) {
  const std::string file = worker("http://h:1");
  FakeControl control({{201, R"({"id":"t1","status":"queued"})"}});
  EXPECT_EQ(control.run({"task", "submit", "t", "-c", file}).err,
            "  next:  skep task logs t1 -f -c " + file + "\n");
  EXPECT_EQ(control.run({"task", "submit", "t", "--server", "http://a b"}).err.find("-c"),
            std::string::npos);
  EXPECT_EQ(control.run({"task", "submit", "t", "--server", "http://v:1"}).err,
            "  next:  skep task logs t1 -f --server http://v:1\n");
  EXPECT_EQ(control.run({"task", "submit", "t"}, {{"SKEP_SERVER", "http://v:1"}}).err,
            "  next:  skep task logs t1 -f\n")
      << "the variable is still there";
}

TEST_F(Destinations, that_do_not_answer_are_named_with_who_said_them) {
  const auto error = [](const std::vector<std::string>& words, const Environment& e = {}) {
    return FakeControl().run(words, e).err;
  };
  const std::string file = worker("http://h:1");
  EXPECT_NE(error({"task", "list", "-c", file}).find("http://h:1 (from " + file + ":5:1)"),
            std::string::npos)
      << error({"task", "list", "-c", file});
  EXPECT_NE(error({"task", "list"}, {{"SKEP_SERVER", "http://v:1"}}).find("(from SKEP_SERVER)"),
            std::string::npos);
  EXPECT_NE(error({"task", "list", "--server", "h"}).find("\"h\" (from --server) is not"),
            std::string::npos);
  for (const auto& [typed, meant] : {std::pair{"localhost:9595", "http://localhost:9595"},
                                     {"skep.example.org/", "http://skep.example.org"},
                                     {"ftp://h:1", "http://127.0.0.1:9595"},
                                     {"a b", "http://127.0.0.1:9595"},
                                     {"", "http://127.0.0.1:9595"}}) {
    const std::string said = error({"task", "list", "--server", typed});
    EXPECT_NE(said.find(std::string("next:  skep --server ") + meant + " ..\n"), std::string::npos)
        << said;
  }
  EXPECT_NE(error({"node", "show", "-c", file}).find("(from " + file + ":3:1)"), std::string::npos);
  const std::string bare = write("bare.toml", "[node]\nroles = [\"control\"]\n");
  EXPECT_NE(error({"task", "list", "-c", bare}).find("(default of http.listen in " + bare + ")"),
            std::string::npos);
}

TEST_F(Destinations, that_a_wrong_file_may_have_misspelt_are_not_guessed) {
  const std::string file = write("node.toml", "[node]\nroles=[\"control\"]\n[http]\nlisten_on=1\n");
  const Ran ran = FakeControl().run({"task", "list", "-c", file});
  EXPECT_EQ(ran.code, 78);
  EXPECT_TRUE(ran.requests.empty());
  EXPECT_NE(ran.err.find("or name the control plane: --server URL"), std::string::npos) << ran.err;
}

TEST_F(Destinations, of_a_file_that_is_no_TOML_are_read_from_its_other_lines) {
  const std::string good = "[node]\nstate_dir = \"st\"\nroles = [\"control\"]\n";
  const std::string http = "[http]\nlisten = [\"127.0.0.1:7001\"]\n";
  for (const std::string& broken : {std::string("id = \n"), std::string("= 3\n[[[\n")}) {
    const std::string after = write("after.toml", good + http + broken);
    EXPECT_EQ(asked({"node", "show", "-c", after}), dir_.file("st/node.sock"));
    EXPECT_EQ(asked({"task", "list", "-c", after}), kTasks);
    const std::string before = write("before.toml", broken + good + http);
    EXPECT_EQ(asked({"node", "reload", "-c", before}), dir_.file("st/node.sock"));
  }
}

TEST_F(Destinations, of_a_file_that_no_longer_says_them_can_be_named) {
  const std::string file = write("node.toml", "[node]\nstate_dir = st\n");
  const Ran ran = FakeControl().run({"node", "show", "-c", file});
  EXPECT_EQ(ran.code, 78);
  EXPECT_TRUE(ran.requests.empty());
  EXPECT_NE(ran.err.find(file + ":2:"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("--set node.state_dir=FOLDER"), std::string::npos) << ran.err;
  EXPECT_EQ(asked({"node", "show", "-c", file, "--set", "node.state_dir=/st"}), "/st/node.sock");
}

TEST_F(Destinations, are_the_running_skep_up_of_this_folder_before_the_default) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.path());
  fs::create_directory(".skep");
  const std::string none = asked({"api", "GET", "/x"});
  const auto us = supervise::identify(::getpid());
  ASSERT_TRUE(us);
  ASSERT_TRUE(supervise::StateFolder("./.skep").write({*us, "http://127.0.0.1:7002", true, {}}));
  const std::string up = asked({"api", "GET", "/x"});
  ASSERT_TRUE(supervise::StateFolder("./.skep").write(
      {*us, "http://127.0.0.1:7002", true, {{"control", *us}, {"site-a", *us}}}));
  const std::string node = asked({"node", "show"});
  const std::string events = asked({"events"});
  ASSERT_TRUE(supervise::StateFolder("./.skep").write(
      {*us, "http://127.0.0.1:7002", true, {{"site-a", *us}}}));
  const std::string restarted = asked({"events"});
  const std::string variable = asked({"api", "GET", "/x"}, {{"SKEP_SERVER", "http://v:1"}});
  supervise::ProcessId gone = *us;
  ++gone.started;
  ASSERT_TRUE(supervise::StateFolder("./.skep").write({gone, "http://127.0.0.1:7002", true, {}}));
  const std::string over = asked({"api", "GET", "/x"});
  fs::current_path(before);
  EXPECT_EQ(none, "http://127.0.0.1:9595/x");
  EXPECT_EQ(up, "http://127.0.0.1:7002/x");
  EXPECT_EQ(node, "./.skep/site-a/node.sock");
  EXPECT_EQ(events, "./.skep/control/node.sock") << "a site has no events of tasks";
  EXPECT_EQ(restarted, events) << "also where skep up no longer knows the one that runs";
  EXPECT_EQ(variable, "http://v:1/x");
  EXPECT_NE(over.find("the skep up of ./.skep does not run"), std::string::npos) << over;
}

TEST_F(Destinations, of_a_running_skep_up_that_do_not_answer_are_started_again) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.path());
  fs::create_directory(".skep");
  const auto us = supervise::identify(::getpid());
  ASSERT_TRUE(us);
  ASSERT_TRUE(supervise::StateFolder("./.skep").write(
      {*us, "http://127.0.0.1:7002", true, {{"site-a", *us}}}));
  const std::string control = FakeControl().run({"task", "list"}).err;
  const std::string events = FakeControl().run({"events"}).err;
  const std::string site = FakeControl().run({"node", "show"}).err;
  fs::current_path(before);
  const std::string again = "next:  skep up --stop && skep up -d   or   skep start -c ./.skep/";
  EXPECT_NE(control.find(again + "control.toml\n"), std::string::npos) << control;
  EXPECT_NE(events.find(again + "control.toml\n"), std::string::npos) << events;
  EXPECT_NE(site.find(again + "site-a.toml\n"), std::string::npos) << site;
}

TEST_F(Destinations, of_a_probe_are_a_worker_itself_but_a_control_planes_listener) {
  EXPECT_EQ(asked({"health", "--ready", "-c", worker("http://h:1")}), dir_.file("st/node.sock"));
  EXPECT_EQ(asked({"health", "-c", control("127.0.0.1:7002")}), "http://127.0.0.1:7002/health");
  EXPECT_EQ(asked({"health", "-c", worker("http://h:1"), "--server", "http://s:1"}),
            "http://s:1/health");
}

TEST_F(Destinations, of_a_probe_are_the_worker_whose_wrong_file_still_says_for_whom_it_works) {
  const std::string good =
      "[worker]\ncontrol_plane_url = [\"http://h:1\"]\n[node]\nstate_dir = \"st\"\n";
  for (const char* wrong : {"[plugins.x\n", "tags_of = 1\n"}) {
    const std::string file = write("worker.toml", good + wrong);
    const Ran ran =
        FakeControl({{200, R"({"status":"ok"})"}}).run({"health", "--live", "-c", file});
    EXPECT_EQ(ran.code, 0) << wrong << ran.err;
    ASSERT_EQ(ran.requests.size(), 1U) << wrong;
    EXPECT_EQ(ran.requests[0].unix_socket, dir_.file("st/node.sock"));
    EXPECT_EQ(FakeControl().run({"health", "--live", "-c", file}).code, 1) << wrong;
  }
}

TEST_F(Destinations, of_a_probe_that_nothing_says_are_unhealthy) {
  for (const char* text : {"[plugins.x\n", "[node]\nroles = [\"worker\"]\nstate_dir = st\n"}) {
    const std::string file = write("node.toml", text);
    for (const char* of : {"--live", "--ready"}) {
      const Ran ran = FakeControl({{200, R"({"status":"ok"})"}}).run({"health", of, "-c", file});
      EXPECT_EQ(ran.code, 1) << text;
      EXPECT_TRUE(ran.requests.empty()) << text;
      EXPECT_NE(ran.err.find("[config]"), std::string::npos) << ran.err;
    }
  }
  EXPECT_EQ(FakeControl().run({"health", "-c", dir_.file("none.toml")}).code, 1);
  EXPECT_EQ(FakeControl().run({"health", "-c", control("127.0.0.1:0")}).code, 1);
}

}  // namespace
}  // namespace skep::cli
