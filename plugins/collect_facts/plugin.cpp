// Task type collect_facts: runs the collectors one after another, each within its own time.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>

#include "collectors.hpp"
#include "document.hpp"
#include "read.hpp"
#include "skep/task.hpp"

namespace {

using namespace skep::facts;
using skep::Json;
using Clock = std::chrono::steady_clock;

bool is_wanted(const Json& groups, std::string_view name) {
  const auto& list = groups.items();
  return list.empty() || std::any_of(list.begin(), list.end(),
                                     [&](const Json& group) { return group.str() == name; });
}

double millis_since(Clock::time_point start) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  return static_cast<double>(micros) / 1000;
}

/// Runs one collector into `facts`; the row that says how it went.
Json collect(const Collector& collector, const Context& context, Json& facts) {
  const auto start = Clock::now();
  Json group = Json::object();
  std::string status = "ok";
  Json error;
  try {
    collector.collect(group, context);
  } catch (const OutOfTime& e) {
    status = "timeout";
    error = e.what();
  } catch (const std::exception& e) {
    status = "error";
    error = e.what();
  }
  facts.set(collector.name, std::move(group));
  return Json::object({{"name", collector.name},
                       {"status", status},
                       {"ms", millis_since(start)},
                       {"error", std::move(error)}});
}

class CollectFacts final : public skep::Task {
 public:
  skep_rc run(skep::Call& call) override {
    const auto limit = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(call.params()["timeout_seconds"].number(5)));
    const auto start = Clock::now();
    Json facts = Json::object();
    Json rows = Json::array();
    for (const Collector& collector : collectors()) {
      if (!is_wanted(call.params()["groups"], collector.name)) continue;
      if (call.cancelled()) return stopped(call, collector.name);
      rows.push(collect(collector, Context(call.handle(), Clock::now() + limit), facts));
    }
    const std::int64_t count = count_leaves(facts);
    Json units = describe(facts);
    return call.result(Json::object({{"collected_at", iso_time(std::time(nullptr))},
                                     {"duration_ms", millis_since(start)},
                                     {"fact_count", count},
                                     {"collectors", std::move(rows)},
                                     {"facts", std::move(facts)},
                                     {"units", std::move(units)}}));
  }

 private:
  static skep_rc stopped(skep::Call& call, const char* before) {
    const bool late = call.cancel_reason() == SKEP_CANCEL_DEADLINE;
    return call.fail(
        late ? SKEP_E_DEADLINE : SKEP_E_CANCELLED,
        std::string(late ? "out of time" : "cancelled") + " before the group " + before);
  }
};

}  // namespace

SKEP_TASK_PLUGIN(CollectFacts)
