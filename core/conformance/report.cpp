#include "core/conformance/report.hpp"

#include <algorithm>
#include <ostream>

#include "core/base/json.hpp"
#include "core/base/visible.hpp"

namespace skep::conformance {
namespace {

std::string name_of(const Finding& f) {
  return f.component.empty() ? f.id : f.component + ": " + f.id;
}

std::string_view word_of(TestStatus status) {
  switch (status) {
    case TestStatus::kPassed:
      return "passed";
    case TestStatus::kBroken:
      return "broken";
    case TestStatus::kSkipped:
      return "skipped";
  }
  return "broken";
}

/// One line, of a plugin's text as well; a # would begin a directive.
std::string tap_text(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) {
    if (c == '#' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string yaml_text(std::string_view text) { return visible_json(JsonOut().str(text).take()); }

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
      out += c;
  }
  return out;
}

std::string seconds(Millis d) {
  const std::string ms = std::to_string(d.count() % 1000);
  return std::to_string(d.count() / 1000) + "." + std::string(3 - ms.size(), '0') + ms;
}

}  // namespace

void TapReport::plan(std::size_t tests) {
  out_ << "TAP version 14\n1.." << tests << '\n' << std::flush;
}

std::string TapReport::again_of(const Finding& f) const {
  const std::string component = f.component.empty() ? "" : " --component " + f.component;
  return again_ + " --only " + f.id + component;
}

void TapReport::finding(const Finding& f) {
  const bool broken = f.status == TestStatus::kBroken;
  out_ << (broken ? "not ok " : "ok ") << ++number_ << " - " << tap_text(name_of(f)) << " - "
       << tap_text(f.rule);
  if (f.status == TestStatus::kSkipped) out_ << " # SKIP " << tap_text(f.message);
  out_ << '\n';
  if (f.status == TestStatus::kPassed && !f.message.empty())
    out_ << "# " << tap_text(f.message) << '\n';
  if (broken)
    out_ << "  ---\n  message: " << yaml_text(f.message) << "\n  fix: " << yaml_text(f.fix)
         << "\n  duration_ms: " << f.took.count() << "\n  again: " << yaml_text(again_of(f))
         << "\n  ...\n";
  out_ << std::flush;
}

std::string junit_xml(const std::string& file, const std::vector<Finding>& findings) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" +
                    xml_text(file) + "\" tests=\"" + std::to_string(findings.size()) +
                    "\" failures=\"" + std::to_string(count(findings, TestStatus::kBroken)) +
                    "\" skipped=\"" + std::to_string(count(findings, TestStatus::kSkipped)) +
                    "\">\n";
  for (const Finding& f : findings) {
    out += "  <testcase classname=\"" + xml_text(f.component) + "\" name=\"" + xml_text(f.id) +
           "\" time=\"" + seconds(f.took) + "\"";
    if (f.status == TestStatus::kPassed) {
      out += "/>\n";
      continue;
    }
    const std::string tag = f.status == TestStatus::kBroken ? "failure" : "skipped";
    out += ">\n    <" + tag + " message=\"" + xml_text(f.message) + "\">" + xml_text(f.fix) + "</" +
           tag + ">\n  </testcase>\n";
  }
  return out + "</testsuite>\n";
}

std::string report_json(const std::string& file, const std::vector<Finding>& findings) {
  JsonOut out;
  out.object().key("file").str(file);
  out.key("tests").integer(static_cast<std::int64_t>(findings.size()));
  out.key("broken").integer(static_cast<std::int64_t>(count(findings, TestStatus::kBroken)));
  out.key("skipped").integer(static_cast<std::int64_t>(count(findings, TestStatus::kSkipped)));
  out.key("findings").array();
  for (const Finding& f : findings) {
    out.object().key("id").str(f.id).key("component").str(f.component).key("rule").str(f.rule);
    out.key("verdict").str(word_of(f.status)).key("message").str(f.message);
    out.key("fix").str(f.fix).key("duration_ms").integer(f.took.count()).end_object();
  }
  out.end_array().end_object();
  return visible_json(out.take());
}

std::size_t count(const std::vector<Finding>& findings, TestStatus status) {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [&](const Finding& f) { return f.status == status; }));
}

}  // namespace skep::conformance
