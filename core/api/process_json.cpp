#include "core/api/process_json.hpp"

#include <algorithm>

#include "core/base/json.hpp"

namespace skep::api {

bool Health::good() const {
  return std::all_of(checks.begin(), checks.end(),
                     [](const Check& c) { return c.problem.empty() || c.advisory; });
}

std::string encode(const Health& h) {
  JsonOut out;
  out.object().key("version").str(h.version).key("checks").object();
  for (const Health::Check& c : h.checks) out.key(c.name).str(c.problem.empty() ? "ok" : c.problem);
  out.end_object().key("status").str(h.good() ? "ok" : "unavailable").end_object();
  return out.take();
}

std::vector<std::string> troubles_of(const std::vector<Health::Check>& checks) {
  std::vector<std::string> out;
  for (const Health::Check& check : checks)
    if (!check.problem.empty()) out.push_back(check.name + ": " + check.problem);
  return out;
}

std::string encode_alive() {
  JsonOut out;
  return out.object().key("status").str("ok").end_object().take();
}

Documents process_documents() {
  using namespace shape;
  return {
      {"Health", answer({{"version", kText},
                         {"checks", told(map(kText), "\"ok\", or what is wrong.")},
                         {"status", word({"ok", "unavailable"})}})},
      {"Alive", answer({{"status", word({"ok"})}})},
      {"Metrics", told(kText, "Prometheus text format 0.0.4.")},
      {"OpenApi", told(kAnyObject, "This document: OpenAPI 3.1.")},
  };
}

}  // namespace skep::api
