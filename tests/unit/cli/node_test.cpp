#include <gtest/gtest.h>

#include "cli_support.hpp"
#include "core/cli/sse_reader.hpp"

namespace skep::cli {
namespace {

constexpr auto kNode =
    R"({"id":"w1","state":"running","roles":["worker"],"site":"s","version":"1",)"
    R"("pid":7,"started_at":"2026-01-10T11:59:00Z","state_dir":"/st",)"
    R"("config_file":"n.toml","urls":["unix:/st/node.sock"],"needs_restart":)"
    R"([{"key":"http.threads","before":4,"after":9}],"last_reload":null})";

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

TEST(Node, shows_what_waits_for_a_restart) {
  const Ran ran = run_cli({"node", "show", "--set", "node.state_dir=/st"}, {{200, kNode}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("needs restart  http.threads  4 -> 9\n"), std::string::npos) << ran.out;
  ASSERT_EQ(ran.requests.size(), 1u);
  EXPECT_EQ(ran.requests[0].unix_socket, "/st/node.sock");
}

TEST(Node, typed_server_wins_over_the_variable_of_a_file) {
  FakeControl node({{200, kNode}});
  const Ran ran =
      node.run({"node", "show", "--server", "http://h:1"}, {{"SKEP_CONFIG", "/none.toml"}});
  ASSERT_EQ(ran.requests.size(), 1u) << ran.err;
  EXPECT_EQ(ran.requests[0].url, "http://h:1/api/node");
  EXPECT_TRUE(ran.requests[0].unix_socket.empty());
}

TEST(Node, reload_says_what_it_did) {
  const Ran done = run_cli(
      {"node", "reload", "--server", "unix:/s"},
      {{200,
        R"({"result":"partly","applied":[{"key":"log.level","before":"info","after":"debug"}],)"
        R"("needs_restart":[],"covered":[{"key":"worker.batch_size","value":3,"by":"env X"}],)"
        R"("warnings":[],"error":null})"}});
  EXPECT_EQ(done.out,
            "applied        log.level  \"info\" -> \"debug\"\n"
            "covered        worker.batch_size: env X counts, not the file\n");
  const Ran refused =
      run_cli({"node", "reload", "--server", "unix:/s"},
              {{422, R"({"status":422,"code":"config","detail":"n.toml:1:1: no"})"}});
  EXPECT_EQ(refused.code, 78) << refused.err;
}

TEST(Node, says_how_to_name_one_when_none_answers) {
  const Ran ran = run_cli({"node", "show", "--set", "node.state_dir=/nowhere"});
  EXPECT_EQ(ran.code, 8);
  EXPECT_NE(ran.err.find("no node answers on /nowhere/node.sock (from flag node.state_dir)"),
            std::string::npos)
      << ran.err;
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

TEST(PluginsOfANode, that_was_named_by_its_url_are_not_read_from_files) {
  EXPECT_EQ(run_cli({"plugin", "list", "--server", "http://h:1"}).code, 8);
}

TEST(PluginReload, says_what_serves) {
  const Ran ran = run_cli(
      {"plugin", "reload", "docker", "--server", "http://h:1"},
      {{200, R"({"id":"docker","generation":4,"version":"2.1.0","sha256":"x","changed":true})"}});
  EXPECT_EQ(ran.out, "plugin docker generation 4, version 2.1.0, serves now\n");
  EXPECT_EQ(ran.requests[0].url, "http://h:1/api/node/plugins/docker/reload");
}

TEST(SseReader, takes_events_in_any_portions) {
  const std::string text =
      ": hello\nretry: 2000\n\nid: r.1\nevent: a\ndata: {\"x\":1}\n\n: still here\n\n"
      "id: r.2\r\nevent: b\r\ndata: one\r\ndata: two\r\n\r\nid: r.3\nevent: nothing\n\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    SseReader reader;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += step)
      reader.feed(std::string_view(text).substr(at, step), [&](const SseEvent& e) {
        seen += e.id + " " + e.name + " " + e.data + ";";
        return true;
      });
    EXPECT_EQ(seen, "r.1 a {\"x\":1};r.2 b one\ntwo;") << "in portions of " << step;
    EXPECT_EQ(reader.last_id(), "r.3") << "an id counts without data too";
  }
}

TEST(SseReader, takes_an_id_without_an_event_and_drops_half_an_event_at_a_restart) {
  SseReader reader;
  std::vector<std::string> seen;
  const auto keep = [&](const SseEvent& event) {
    seen.push_back(event.id + " " + event.data);
    return true;
  };
  reader.feed(": hello\n\nid: a.7\n\n", keep);
  EXPECT_EQ(reader.last_id(), "a.7");
  reader.feed("id: a.8\nevent: x\ndata: {\"ha", keep);
  reader.restart();
  reader.feed(": hello\n\nid: a.8\nevent: x\ndata: {}\n\n", keep);
  EXPECT_EQ(seen, std::vector<std::string>{"a.8 {}"});
}

TEST(SseReader, stops_when_told_and_skips_what_is_too_long) {
  SseReader reader;
  int seen = 0;
  EXPECT_FALSE(reader.feed("data: 1\n\ndata: 2\n\n", [&](const SseEvent&) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(reader.feed("data: " + std::string(3u << 20, 'x') + "\n\ndata: y\n\n",
                          [&](const SseEvent& e) { return e.data == "y"; }));
}

}  // namespace
}  // namespace skep::cli
