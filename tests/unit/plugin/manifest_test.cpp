#include "core/plugin/manifest.hpp"

#include "core/plugin/compat.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

std::string component(const std::string& more = {}, const std::string& kind = "skep.kind.task/1") {
  return R"({"name":"hello","kind":")" + kind + "\"" + more + "}";
}
std::string manifest(const std::string& more, const std::string& components = component()) {
  return R"({"id":"com.acme.hello","version":"1.2.0","license":"MIT","abi":"skep/1",)"
         R"("components":[)" +
         components + "]" + more + "}";
}
std::string with(std::string text, std::string_view old, std::string_view now) {
  return text.replace(text.find(old), old.size(), now);
}
std::string problem(const std::string& text) {
  const auto parsed = parse_manifest(text);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(Manifest, fills_what_the_author_left_out) {
  const auto m = parse_manifest(manifest(""));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->id, "com.acme.hello");
  EXPECT_EQ(m->unload, "keep");
  EXPECT_EQ(m->isolation, "inproc");
  ASSERT_EQ(m->components.size(), 1u);
  EXPECT_EQ(m->components[0].stability, "stable");
  EXPECT_EQ(m->components[0].reload, "parallel");
  EXPECT_EQ(m->components[0].max_concurrency, 0);
  EXPECT_EQ(m->components[0].cancel_grace_ms, 1000);
  EXPECT_FALSE(m->components[0].params_schema);
}

TEST(Manifest, reads_everything) {
  const auto m = parse_manifest(manifest(
      R"(,"description":"d","min_minor":2,"unload":"safe","isolation":{"default":"process",)"
      R"("allowed":["process","per-task"]})",
      component(R"(,"description":"c","stability":"beta","reload":"restart","max_concurrency":8,)"
                R"("cancel_grace_ms":500,"default_timeout_ms":60000,"requires":["skep.svc.log/1"],)"
                R"("permissions":["exec"],"artifacts":["report"],)"
                R"("config_schema":{"type":"object","properties":{"a":{"type":"string"}}},)"
                R"("params_schema":{"type":"object","properties":{}})")));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->min_minor, 2);
  EXPECT_EQ(m->isolation, "process");
  EXPECT_EQ(m->isolation_allowed, (std::vector<std::string>{"process", "per-task"}));
  const ManifestComponent& c = m->components[0];
  EXPECT_EQ(c.max_concurrency, 8);
  EXPECT_EQ(c.default_timeout_ms, 60000);
  EXPECT_EQ(c.required_services, std::vector<std::string>{"skep.svc.log/1"});
  EXPECT_EQ(c.permissions, std::vector<std::string>{"exec"});
  EXPECT_EQ(c.artifacts, std::vector<std::string>{"report"});
  EXPECT_TRUE(c.config_schema && c.params_schema);
}

TEST(Manifest, names_the_place_of_what_is_wrong) {
  EXPECT_EQ(problem("[]"), "manifest: must be one JSON object");
  EXPECT_TRUE(problem("{").starts_with("manifest: JSON: "));
  EXPECT_EQ(problem(with(manifest(""), "com.acme.hello", "Hello World")),
            "manifest: id must be [a-z0-9_-] with dots, 64 bytes at most");
  EXPECT_EQ(problem(with(manifest(""), "1.2.0", "1.2")),
            "manifest: version must be MAJOR.MINOR.PATCH, such as 1.0.0");
  for (const char* version : {"1.2.0-", "1.2.0+", "1.2.0-a_b"})
    EXPECT_NE(problem(with(manifest(""), "1.2.0", version)), "accepted") << version;
  EXPECT_EQ(problem(with(manifest(""), "1.2.0", "1.2.0-rc.1+b-2")), "accepted");
  EXPECT_EQ(problem(manifest(R"(,"min_minor":-1)")),
            "manifest: min_minor must be an integer from 0 to 10000");
  EXPECT_EQ(problem(manifest(R"(,"unload":"kep")")),
            R"(manifest: unload is "kep"; did you mean "keep"?)");
  EXPECT_EQ(problem(manifest(R"(,"licence":"MIT")")),
            R"(manifest: unknown field "licence"; did you mean "license"?)");
  EXPECT_EQ(problem(manifest(R"(,"isolation":{"allowed":["proces"]})")),
            R"(manifest: isolation.allowed is "proces"; did you mean "process"?)");
  EXPECT_EQ(problem(manifest(R"(,"isolation":{"default":"process","allowed":["inproc"]})")),
            "manifest: isolation.default is not among isolation.allowed");
}

TEST(Manifest, checks_every_component) {
  const auto of = [](const std::string& more) { return problem(manifest("", component(more))); };
  EXPECT_EQ(of(R"(,"reload":"parallell")"),
            R"(manifest: components[0].reload is "parallell"; did you mean "parallel"?)");
  EXPECT_EQ(of(R"(,"stabilty":"beta")"),
            R"(manifest: components[0]: unknown field "stabilty"; did you mean "stability"?)");
  EXPECT_EQ(of(R"(,"max_concurrency":1.5)"),
            "manifest: components[0].max_concurrency must be an integer from 0 to 10000");
  EXPECT_EQ(of(R"(,"requires":"skep.svc.log/1")"),
            "manifest: components[0].requires must be an array of strings");
  EXPECT_TRUE(of(R"(,"params_schema":{"type":"objekt"})")
                  .starts_with("manifest: components[0].params_schema "));
  EXPECT_EQ(problem(manifest("", component("", "task"))),
            "manifest: components[0].kind must look like \"skep.kind.task/1\"");
  EXPECT_EQ(problem(manifest("", component(R"(,"params_schema":{})", "skep.kind.queue/1"))),
            "manifest: components[0].params_schema is for task components only");
  EXPECT_EQ(problem(manifest("", component() + "," + component())),
            R"(manifest: components[1] repeats skep.kind.task/1 "hello")");
  EXPECT_EQ(problem(manifest("", "")), "manifest: components must be an array of 1 to 64 objects");
}

TEST(Manifest, of_every_shipped_plugin_and_example_fits_this_host) {
  int count = 0;
  for (const char* root : {SKEP_SOURCE_DIR "/plugins", SKEP_SOURCE_DIR "/sdk/examples"})
    for (const auto& folder : fs::directory_iterator(root)) {
      const fs::path file = folder.path() / "plugin.json";
      if (!fs::exists(file)) continue;
      ++count;
      const auto m = parse_manifest(bytes_of(file));
      ASSERT_TRUE(m) << file << ": " << m.error().message;
      const Compat compat = check_compat(*m, host_abi());
      EXPECT_TRUE(compat.ok()) << compat.table(*m, "");
    }
  EXPECT_GE(count, 3);
}

TEST(Manifest, knows_plugin_ids) {
  EXPECT_TRUE(is_plugin_id("execute_script"));
  EXPECT_TRUE(is_plugin_id("com.acme.hello-2"));
  for (const char* bad : {"", ".", "a..b", "a.", ".a", "A", "a/b", "../x", "a b"})
    EXPECT_FALSE(is_plugin_id(bad)) << bad;
  EXPECT_FALSE(is_plugin_id(std::string(65, 'a')));
}

TEST(Manifest, a_version_of_parameters_becomes_part_of_their_schema) {
  const auto of = [](const std::string& more) {
    return parse_manifest(
        R"({"id":"x","version":"1.0.0","license":"MIT","abi":"skep/1","components":[)"
        R"({"name":"x","kind":"skep.kind.task/1")" +
        more + "}]}");
  };
  const auto two = of(R"(,"params_schema":{"type":"object"},"params_version":2,)"
                      R"("migrations":[{"from":1,"drop":["a"]}])");
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->components[0].params_schema->version(), 2);
  EXPECT_TRUE(two->components[0].params_schema->migrates_from(1));
  EXPECT_EQ(of(R"(,"params_version":2)").error().message,
            "manifest: components[0].params_schema must be a schema, because params_version or "
            "migrations is there");
  EXPECT_EQ(of(R"(,"params_schema":{"type":"object"},"migrations":[{"from":1}])").error().message,
            "manifest: components[0].params_schema schema /x-migrations/0/from: must be a version "
            "before 1");
}

}  // namespace
}  // namespace skep::plugin
