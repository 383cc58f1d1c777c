// What a node answers about itself is as the schemas of its rows say.
#include <gtest/gtest.h>

#include <fstream>

#include "core/api/documents.hpp"
#include "core/app/node_api.hpp"
#include "core/app/plugin_json.hpp"
#include "tests/support/document_check.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::app {
namespace {

plugin::GenerationInfo generation(plugin::GenerationState state) {
  plugin::GenerationInfo g;
  g.number = 2;
  g.version = "1.0.0";
  g.sha256 = std::string(64, 'a');
  g.state = state;
  g.isolation = "process";
  if (state != plugin::GenerationState::kStarting) g.active_at = 1'700'000'000'000;
  if (state == plugin::GenerationState::kRetired) g.drain_ms = 12;
  return g;
}

using Checks = std::vector<api::Health::Check>;

class NodeDocuments : public testing::Test {
 protected:
  static config::LoadOptions source(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    return {.path = path};
  }

  /// Calls the route; its answer must be what its row says.
  net::HttpResponse visit(const std::string& method, const std::string& path) {
    const auto match = router.match(method, path);
    net::HttpRequest r;
    r.method = method;
    r.path = path;
    r.params = match.params;
    net::HttpResponse answer = match.route->handler(r);
    const auto& documents = match.route->documents;
    const bool problem = answer.content_type == "application/problem+json";
    const bool text = answer.content_type.starts_with("text/");
    if (answer.status < 300) {
      EXPECT_TRUE(answer.content_type.starts_with(documents.media)) << path;
    }
    if (!text) {
      EXPECT_EQ(check.wrong(problem ? "Problem" : documents.response, answer.body), "")
          << path << ": " << answer.body;
    }
    return answer;
  }

  const test::TempDir dir;
  const std::string file = dir.file("node.toml");
  const config::LoadOptions from = source(file, "[worker]\nconcurrency = 4\n");
  plugin::Registry registry{plugin::RegistryOptions{}};
  EventStreams events{4};
  Reloader reloader{config::load(from).value(),
                    from,
                    {.check = [](const auto&, const auto&) { return Status(); },
                     .trust = [](const auto&) { return Status(); },
                     .plugins = [](const auto&) { return plugin::Configured(); }}};
  NodeApi node{{"n1", "site-a", {"control", "worker"}, "/state", file, 1'700'000'000'000},
               registry,
               reloader,
               events};
  const net::Router router{node.routes()};
  const test::DocumentCheck check{router.openapi("1", api::schemas())};
};

TEST_F(NodeDocuments, every_row_names_what_it_answers) {
  for (const net::Route& row : router.routes())
    EXPECT_TRUE(check.schemas().contains(row.documents.response)) << row.path;
}

TEST_F(NodeDocuments, answers_fit_also_after_reloads) {
  node.set_parts({{}, [] { return Checks{{"database", ""}, {"queue", "the disk is full"}}; }});
  EXPECT_NE(visit("GET", "/api/node").body.find(R"("troubles":["queue: the disk is full"])"),
            std::string::npos);
  EXPECT_EQ(visit("POST", "/api/node/reload").status, 503) << "nothing applies it yet";
  reloader.start({});
  node.set_urls({"http://127.0.0.1:1"});
  std::ofstream(file) << "[worker]\nconcurrency = 8\n[http]\nthreads = 9\n";
  EXPECT_EQ(visit("POST", "/api/node/reload").status, 200);
  visit("GET", "/api/node");
  std::ofstream(file) << "nope = 1\n";
  EXPECT_GE(visit("POST", "/api/node/reload").status, 400);
  for (const char* path : {"/api/node", "/api/node/plugins", "/api/node/scripts",
                           "/api/node/config", "/api/node/metrics"})
    EXPECT_EQ(visit("GET", path).status, 200);
  EXPECT_EQ(visit("POST", "/api/node/plugins/none/reload").status, 404);
}

TEST_F(NodeDocuments, a_node_is_ready_when_all_its_parts_are_well) {
  EXPECT_EQ(visit("GET", "/livez").status, 200);
  EXPECT_EQ(visit("GET", "/readyz").status, 503) << "it has only begun";
  std::string trouble;
  node.set_parts({{}, [&] { return Checks{{"database", ""}, {"worker", trouble}}; }});
  EXPECT_EQ(visit("GET", "/readyz").status, 200);
  trouble = "script: No space left on device";
  for (const char* path : {"/readyz", "/health"}) {
    const auto answer = visit("GET", path);
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.body.find(R"("database":"ok","worker":"script: No space left)"),
              std::string::npos)
        << answer.body;
  }
  node.set_parts({{}, [] { return Checks{{"database", ""}, {"worker", "no space", true}}; }});
  EXPECT_EQ(visit("GET", "/readyz").status, 200) << "a control plane serves others";
  EXPECT_NE(visit("GET", "/readyz").body.find("no space"), std::string::npos);
}

TEST_F(NodeDocuments, a_node_that_stops_is_not_ready_though_its_parts_are_well) {
  EXPECT_NE(visit("GET", "/readyz").body.find("it is starting"), std::string::npos);
  node.set_parts({{}, [] { return Checks{{"database", ""}, {"worker", ""}}; }});
  node.set_urls({"http://127.0.0.1:1"});
  EXPECT_EQ(visit("GET", "/readyz").status, 200);
  EXPECT_NE(visit("GET", "/api/node").body.find(R"("state":"running")"), std::string::npos);
  node.set_stopping();
  for (const bool parts_there : {true, false}) {
    if (!parts_there) node.set_parts({});
    const auto answer = visit("GET", "/readyz");
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.body.find(R"("node":"it is stopping since 2)"), std::string::npos)
        << answer.body;
    const auto shown = visit("GET", "/api/node");
    EXPECT_NE(shown.body.find(R"("state":"stopping")"), std::string::npos) << shown.body;
    EXPECT_NE(shown.body.find(R"("troubles":["node: it is stopping)"), std::string::npos);
    EXPECT_NE(visit("GET", "/api/node/metrics").body.find(R"(skep_check_failed{check="node"} 1)"),
              std::string::npos);
  }
}

TEST_F(NodeDocuments, a_report_with_everything_fits) {
  ReloadReport report;
  report.result = "partly";
  report.trigger = "SIGHUP";
  report.at = 1'700'000'000'000;
  report.applied = {{"worker.concurrency", "4", "8", true}};
  report.needs_restart = {{"http.listen", "[]", "[\"[::1]:1\"]", false}};
  report.covered = {{"worker.concurrency", "8", "env WORKER_CONCURRENCY"}};
  report.plugins.changed = {"hello"};
  report.plugins.failed = {{"docker", invalid("no such engine")}};
  report.warnings = {"two keys say the same"};
  report.error = invalid("[trust] waits");
  EXPECT_EQ(check.wrong("ReloadReport", api::encode(view_of(report))), "");
}

TEST_F(NodeDocuments, plugins_and_scripts_in_every_state_fit) {
  plugin::PluginInfo hello{"hello", "1.0.0", "MIT", "", "/p/hello.so", std::string(64, 'a')};
  hello.state = plugin::PluginState::kLoaded;
  plugin::ComponentInfo task{"hello", "skep.kind.task/1", "says hello"};
  task.params_schema = R"({"type":"object"})";
  task.permissions = {"http"};
  hello.components = {task};
  hello.generations = {generation(plugin::GenerationState::kStarting),
                       generation(plugin::GenerationState::kActive),
                       generation(plugin::GenerationState::kRetired)};
  hello.failed_sha256 = std::string(64, 'b');
  EXPECT_EQ(get_string(plugin_document(hello), "failed_sha256"), hello.failed_sha256);
  plugin::PluginInfo refused;
  refused.path = "/p/broken.so";
  refused.state = plugin::PluginState::kRefused;
  refused.reason = "no manifest";
  EXPECT_EQ(check.wrong("PluginList", to_text(plugin_list({hello, refused}))), "");
  plugin::ScriptInfo script{
      "tide", "1.0.0", "", "/s/tide.lua", "", plugin::ScriptState::kFailed, "tide.lua:1: no"};
  script.warnings = {"os.time is not there"};
  script.generations = {generation(plugin::GenerationState::kRolledBack)};
  EXPECT_EQ(check.wrong("ScriptList", to_text(script_list({script}))), "");
}

}  // namespace
}  // namespace skep::app
