// Findings of the conformance kit, as programs read them.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "core/conformance/check.hpp"

namespace skep::conformance {

/// TAP version 14, written as the findings come.
class TapReport {
 public:
  /// `again` is the command that repeats one test, without its id and component.
  TapReport(std::ostream& out, std::string again) : out_(out), again_(std::move(again)) {}
  void plan(std::size_t tests);
  void finding(const Finding& f);

 private:
  std::string again_of(const Finding& f) const;
  std::ostream& out_;
  std::string again_;
  std::size_t number_ = 0;
};

std::string junit_xml(const std::string& file, const std::vector<Finding>& findings);
/// {"file","tests","broken","skipped","findings":[{"id","component","rule","verdict","message",
/// "fix","duration_ms"}]}
std::string report_json(const std::string& file, const std::vector<Finding>& findings);
std::size_t count(const std::vector<Finding>& findings, TestStatus status);

}  // namespace skep::conformance
