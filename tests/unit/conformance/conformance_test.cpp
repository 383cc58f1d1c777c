// The conformance kit finds each rule that a plugin breaks, says what to do, and passes one that
// breaks none.
#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <sstream>

#include "core/base/json.hpp"
#include "core/conformance/report.hpp"
#include "core/conformance/samples.hpp"
#include "core/conformance/test_case.hpp"
#include "tests/unit/conformance/support.hpp"

namespace skep::conformance {
namespace {

CheckOptions options(const std::string& file, const std::string& how = {}) {
  return options_for(file, how.empty() ? "{}" : R"({"how":")" + how + R"("})");
}

struct Case {
  std::string how;
  std::string test;
  std::string message;  ///< a part of it
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.how; }

class BrokenRule : public ::testing::TestWithParam<Case> {};

TEST_P(BrokenRule, IsFound) {
  CheckOptions o = options("odd/rulebreaker.so", GetParam().how);
  o.only = GetParam().test;
  // Only where it is the subject: a child has to be up by then.
  if (GetParam().how == "start_hangs") o.timeout = Millis{15'000};
  const auto findings = found(o);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].status, TestStatus::kBroken) << findings[0].message;
  EXPECT_NE(findings[0].message.find(GetParam().message), std::string::npos) << findings[0].message;
  EXPECT_FALSE(findings[0].fix.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Kit, BrokenRule,
    ::testing::Values(
        Case{"iface_prefix", "lifecycle.interfaces", "unknown interface"},
        Case{"one_instance", "lifecycle.create-64", "there is one already"},
        Case{"positive", "lifecycle.create-64", "returned 3"},
        Case{"stop_needs_start", "lifecycle.stop-without-start", "not started"},
        Case{"stop_once", "lifecycle.stop-twice", "SIGABRT in stop()"},
        Case{"destroy_needs_stop", "lifecycle.destroy-in-each-state", "SIGABRT in destroy()"},
        Case{"needs_services", "lifecycle.without-services", "SIGSEGV in start()"},
        Case{"config_crash", "lifecycle.config-rules", "above its maximum"},
        Case{"silent_config", "lifecycle.config-rules", "no message"},
        Case{"start_hangs", "lifecycle.stop-twice", "did not end within 15 s, in start()"},
        Case{"silent", "contract.result", "no message"},
        Case{"not_json", "contract.result", "not JSON"},
        Case{"crash", "contract.result", "SIGSEGV in run()"},
        Case{"exit", "contract.result", "exit code 7 in run()"},
        Case{"keeps_view", "contract.views", "SIGSEGV"},
        Case{"reads_beyond", "contract.short-tables", "SIGSEGV in create()"},
        Case{"wants_exact_size", "contract.long-tables", "not of my age"},
        Case{"ignores_cancel", "contract.cancelled-before", "ms after its"},
        Case{"ignores_cancel", "contract.cancel-latency", "ms after its cancellation"},
        Case{"ignores_cancel", "contract.deadline", "ms after its deadline"},
        Case{"one_caller", "contract.concurrency", "SIGABRT in run()"},
        Case{"leaks_fd", "hygiene.process-state", "fd "},
        Case{"chdir", "hygiene.process-state", "cwd"},
        Case{"setenv", "hygiene.process-state", "env SKEP_RULEBREAKER"},
        Case{"signal_handler", "hygiene.process-state", "signal 10: was default, is handled"},
        Case{"leaks_thread", "hygiene.threads",
             "left 1 threads running after stop(), named: forgotten"},
        Case{"one_at_a_time", "reload.generations", "holds the lock"}));

TEST(Kit, RunsAPluginThatWasBuiltWithASanitizer) {
  CheckOptions o = options("sanitized/overruns.so");
  if (!std::filesystem::exists(o.file))
    GTEST_SKIP() << "the whole build has one, or gcc is not used";
  o.only = "contract.result";
  auto findings = found(o);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].status, TestStatus::kPassed) << findings[0].message;
  o.params = R"({"by":1})";
  o.child.insert(o.child.end(), {"--params", o.params});
  findings = found(o);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].status, TestStatus::kBroken);
  EXPECT_NE(findings[0].message.find("AddressSanitizer"), std::string::npos) << findings[0].message;
}

TEST(Kit, PassesAPluginThatKeepsTheRules) {
  for (const Finding& f : found(options("odd/rulebreaker.so")))
    EXPECT_NE(f.status, TestStatus::kBroken) << f.id << ": " << f.message;
}

TEST(Kit, FindsWhatIsWrongWithTheFile) {
  const auto broken = [](const std::string& file) {
    std::vector<std::string> ids;
    CheckOptions o = options(file);
    o.tiers = {"static"};
    for (const Finding& f : found(o))
      if (f.status == TestStatus::kBroken) ids.push_back(f.id);
    return ids;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(broken("hazards/nodelete.so"), Ids{"static.nodelete"});
  EXPECT_EQ(broken("hazards/run_path.so"), Ids{"static.run-path"});
  EXPECT_EQ(broken("hazards/static_tls.so"), Ids{"static.static-tls"});
  EXPECT_EQ(broken("hazards/exports.so"), Ids{"static.exports"});
  EXPECT_EQ(broken("bad/undefined_symbol.so"), Ids{"static.loads"});
  EXPECT_EQ(broken("bad/newer_minor.so"), Ids{"static.compat"});
  EXPECT_EQ(broken("bad/bad_manifest.so"), Ids{"static.manifest"});
  EXPECT_EQ(broken("bad/short_table.so"), Ids{"static.loads"});
}

TEST(Kit, RemarksWhatIsRegisteredWithTheProcess) {
  CheckOptions o = options("hooks/hooks.so");
  o.only = "static.process-hooks";
  const auto findings = found(o);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].status, TestStatus::kPassed);
  EXPECT_NE(findings[0].message.find("on_exit"), std::string::npos) << findings[0].message;
}

TEST(Kit, NamesTheNearestTestAndTier) {
  CheckOptions o = options("odd/rulebreaker.so");
  o.only = "contract.view";
  const auto no_test = check(o, {});
  ASSERT_FALSE(no_test);
  EXPECT_NE(no_test.error().message.find("contract.views"), std::string::npos);
  o.only = "";
  o.tiers = {"statics"};
  const auto no_tier = check(o, {});
  ASSERT_FALSE(no_tier);
  EXPECT_NE(no_tier.error().message.find("\"static\""), std::string::npos);
}

TEST(Kit, ReportsAreWellFormed) {
  const std::vector<Finding> findings{
      {"a.b", "", "rule # 1", TestStatus::kPassed, "", "", Millis{5}},
      {"a.c", "x<y", "rule", TestStatus::kBroken, "says \"no\"\n& more", "do", Millis{1'234}},
      {"a.d", "", "rule", TestStatus::kSkipped, "why", "", Millis{0}}};
  std::ostringstream out;
  TapReport tap(out, "again");
  tap.plan(findings.size());
  for (const Finding& f : findings) tap.finding(f);
  EXPECT_EQ(out.str(),
            "TAP version 14\n1..3\nok 1 - a.b - rule \\# 1\nnot ok 2 - x<y: a.c - rule\n  ---\n"
            "  message: \"says \\\"no\\\"\\n& more\"\n  fix: \"do\"\n  duration_ms: 1234\n"
            "  again: \"again --only a.c --component x<y\"\n  ...\nok 3 - a.d - rule # SKIP why\n");
  const std::string xml = junit_xml("f.so", findings);
  EXPECT_NE(xml.find("tests=\"3\" failures=\"1\" skipped=\"1\""), std::string::npos);
  EXPECT_NE(xml.find("says &quot;no&quot;\n&amp; more"), std::string::npos);
  EXPECT_TRUE(parse_json(report_json("f.so", findings)));
}

TEST(Kit, ReportsObeyNoTerminal) {
  const std::string hostile =
      "a\x1b[2J\xc2\x9b"
      "1m\r\x9b";
  const std::vector<Finding> findings{
      {"a.b", hostile, hostile, TestStatus::kBroken, hostile, hostile, Millis{5}},
      {"a.c", "", "rule", TestStatus::kSkipped, hostile, "", Millis{0}},
      {"a.d", "", "rule", TestStatus::kPassed, hostile, "", Millis{0}}};
  std::ostringstream out;
  TapReport tap(out, "again");
  for (const Finding& f : findings) tap.finding(f);
  for (const std::string& text : {out.str(), report_json("f.so", findings)}) {
    EXPECT_EQ(text.find_first_of("\x1b\x9b\r"), std::string::npos) << text;
    EXPECT_NE(text.find("1b[2J"), std::string::npos) << "shown, not left out";
  }
}

TEST(Kit, SamplesHaveALengthThatFitsIntoMemory) {
  const auto allows = api::Schema::compile(
      R"({"type":"object","properties":{"s":{"type":"string","maxLength":4000000000}}})");
  ASSERT_TRUE(allows);
  for (const Violation& v : violations(*allows, "{}")) EXPECT_LT(v.document.size(), 1000u);
  const auto demands = api::Schema::compile(
      R"({"type":"object","properties":{"s":{"type":"string","minLength":4000000000}},)"
      R"("required":["s"]})");
  ASSERT_TRUE(demands);
  EXPECT_FALSE(complete_document(*demands, "{}"));
}

TEST(Kit, HearsTheVerdictBehindAnyAmountOfOutput) {
  CheckOptions o = options("odd/rulebreaker.so", "chatters");
  o.only = "contract.result";
  const auto findings = found(o);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].status, TestStatus::kPassed) << findings[0].message;
}

TEST(Kit, SamplesFitTheirSchemaAndViolationsDoNot) {
  const auto schema = api::Schema::compile(
      R"({"type":"object","required":["host"],"properties":{
          "host":{"type":"string","minLength":3,"maxLength":9},
          "port":{"type":"integer","minimum":1,"maximum":9,"default":5},
          "mode":{"type":"string","enum":["a","b"],"default":"a"}}})");
  ASSERT_TRUE(schema);
  const auto valid = complete_document(*schema, "{}");
  ASSERT_TRUE(valid) << valid.error().message;
  const auto broken = violations(*schema, *valid);
  EXPECT_EQ(broken.size(), 10u);
  for (const Violation& v : broken) {
    auto document = parse_json(v.document);
    ASSERT_TRUE(document);
    EXPECT_FALSE(schema->apply(*document).empty()) << v.rule << " " << v.document;
  }
}

}  // namespace
}  // namespace skep::conformance
