#include <gtest/gtest.h>

#include <stdexcept>

#include "core/base/json.hpp"
#include "core/net/http.hpp"

namespace skep::net {
namespace {

Route row(std::string_view method, std::string_view path, Right right = Right::kOperate,
          std::size_t cap = 0) {
  return Route{method, path,      right,
               cap,    "does it", [](const HttpRequest&) { return HttpResponse::json("{}"); }};
}

Router table() {
  std::vector<Route> rows;
  rows.push_back(row("GET", "/"));
  rows.push_back(row("GET", "/health", Right::kNone));
  rows.push_back(row("GET", "/api/tasks"));
  rows.push_back(row("POST", "/api/tasks", Right::kOperate, 1 << 20));
  rows.back().documents = {"TaskSpec", "Task"};
  rows.push_back(row("GET", "/api/tasks/{id}"));
  rows.push_back(row("GET", "/api/tasks/{task}/logs"));
  rows.push_back(row("GET", "/api/workers/health"));
  rows.push_back(row("GET", "/api/workers/{id}"));
  rows.push_back(row("GET", "/api/workers/{id}/tasks"));
  return Router(std::move(rows));
}

std::string_view path_of(const RouteMatch& m) { return m.route == nullptr ? "" : m.route->path; }

TEST(Router, matches_literals_parameters_and_both_slash_forms) {
  const Router router = table();
  EXPECT_EQ(path_of(router.match("GET", "/")), "/");
  EXPECT_EQ(path_of(router.match("GET", "/health/")), "/health");
  EXPECT_EQ(path_of(router.match("GET", "/api/tasks")), "/api/tasks");
  EXPECT_EQ(path_of(router.match("GET", "/api/tasks/")), "/api/tasks");
  const RouteMatch m = router.match("GET", "/api/tasks/42/logs");
  EXPECT_EQ(path_of(m), "/api/tasks/{task}/logs");
  EXPECT_EQ(m.params.at("task"), "42");
  EXPECT_EQ(router.match("GET", "/api/tasks/42/").params.at("id"), "42");
}

TEST(Router, takes_the_version_prefix_as_an_alias) {
  const Router router = table();
  EXPECT_EQ(path_of(router.match("GET", "/api/v1/tasks/7")), "/api/tasks/{id}");
  EXPECT_EQ(path_of(router.match("GET", "/api/v1x/tasks")), "");
  EXPECT_EQ(path_of(router.match("GET", "/v1/health")), "");
}

TEST(Router, prefers_a_literal_and_falls_back_to_the_parameter) {
  const Router router = table();
  EXPECT_EQ(path_of(router.match("GET", "/api/workers/health")), "/api/workers/health");
  const RouteMatch m = router.match("GET", "/api/workers/health/tasks");
  EXPECT_EQ(path_of(m), "/api/workers/{id}/tasks");
  EXPECT_EQ(m.params.at("id"), "health");
}

TEST(Router, lists_the_methods_when_only_the_method_is_wrong) {
  const Router router = table();
  const RouteMatch m = router.match("DELETE", "/api/tasks");
  EXPECT_EQ(m.route, nullptr);
  EXPECT_EQ(m.allowed, (std::vector<std::string_view>{"GET", "HEAD", "POST"}));
  EXPECT_EQ(path_of(router.match("HEAD", "/api/tasks")), "/api/tasks");
  EXPECT_TRUE(router.match("GET", "/nothing").allowed.empty());
}

TEST(Router, matches_no_empty_parts_and_no_relative_path) {
  const Router router = table();
  EXPECT_EQ(router.match("GET", "/api/tasks//logs").route, nullptr);
  EXPECT_EQ(router.match("GET", "//health").route, nullptr);
  EXPECT_EQ(router.match("GET", "health").route, nullptr);
  EXPECT_EQ(router.match("GET", "").route, nullptr);
}

TEST(Router, survives_a_move) {
  Router first = table();
  const Router second = std::move(first);
  EXPECT_EQ(path_of(second.match("GET", "/api/tasks/1")), "/api/tasks/{id}");
}

TEST(Router, names_the_nearest_path_with_the_parts_that_were_asked) {
  const Router router = table();
  EXPECT_EQ(router.nearest_path("/api/task"), "/api/tasks");
  EXPECT_EQ(router.nearest_path("/api/v1/task/17"), "/api/tasks/17");
  EXPECT_EQ(router.nearest_path("/healthz"), "/health");
  EXPECT_EQ(router.nearest_path("/completely/else/where"), "");
}

TEST(Router, refuses_duplicate_rows_and_uncanonical_paths) {
  std::vector<Route> twice;
  twice.push_back(row("GET", "/a/{x}"));
  twice.push_back(row("GET", "/a/{y}"));
  EXPECT_THROW(Router(std::move(twice)), std::logic_error);
  for (const std::string_view path : {"/a/", "/api/v1/a", "a"}) {
    std::vector<Route> rows;
    rows.push_back(row("GET", path));
    EXPECT_THROW(Router(std::move(rows)), std::logic_error) << path;
  }
}

TEST(Router, describes_every_row_as_openapi) {
  const Router router = table();
  const Result<json::value> parsed = parse_json(router.openapi("1.2.3"));
  ASSERT_TRUE(parsed);
  const json::object& doc = parsed->as_object();
  EXPECT_EQ(get_string(doc, "openapi"), "3.1.0");
  EXPECT_EQ(get_string(doc.at("info").as_object(), "version"), "1.2.3");
  const json::object& paths = doc.at("paths").as_object();
  for (const Route& route : router.routes()) {
    const std::string method = route.method == "GET" ? "get" : "post";
    ASSERT_TRUE(paths.contains(route.path)) << route.path;
    EXPECT_TRUE(paths.at(route.path).as_object().contains(method)) << route.path;
  }
  const json::object& logs = paths.at("/api/tasks/{task}/logs").at("get").as_object();
  EXPECT_EQ(logs.at("parameters").at(0).at("name"), "task");
  EXPECT_EQ(logs.at("security").as_array().size(), 1u);
  EXPECT_TRUE(paths.at("/health").at("get").at("security").as_array().empty());
  EXPECT_TRUE(paths.at("/api/tasks").at("post").as_object().contains("requestBody"));
  EXPECT_EQ(paths.at("/api/tasks").at("post").at("tags").at(0), "tasks");
  EXPECT_EQ(paths.at("/health").at("get").at("tags").at(0), "process");
}

}  // namespace
}  // namespace skep::net
