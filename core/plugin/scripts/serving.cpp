#include "core/plugin/scripts/serving.hpp"

#include <algorithm>

#include "core/base/events.hpp"

namespace skep::plugin {
namespace {

constexpr std::size_t kShown = 8;

bool mostly_faults(const CallTally& tally) { return tally.faults * 2 > tally.calls; }

}  // namespace

ScriptServing::ScriptServing(std::string name, std::shared_ptr<TaskTable> table,
                             std::shared_ptr<ScriptEngine> engine, std::function<void()> wake)
    : name_(std::move(name)),
      table_(std::move(table)),
      engine_(std::move(engine)),
      wake_(std::move(wake)) {}

void ScriptServing::publish(std::string_view event, const ScriptVersion& version,
                            const std::string& reason) const {
  const GenerationInfo info = version.generation->info();
  const auto level = reason.empty() ? log::Level::kInfo : log::Level::kError;
  events::publish(level, event,
                  {{"id", name_},
                   {"version", info.version},
                   {"sha256", info.sha256},
                   {"generation", info.number},
                   {"path", version.path},
                   {"reason", reason}});
}

void ScriptServing::watch(const ScriptVersion& version) const {
  version.generation->on_end([wake = wake_](CallEnd) { wake(); });
}

Status ScriptServing::put(ScriptVersion next) {
  SKEP_TRY(table_->put(next.generation, {next.component}));
  next.generation->move_to("active");
  if (previous_.generation) leave(std::exchange(previous_, {}), "draining");
  if (current_.generation) {
    current_.generation->move_to("draining");
    watch(current_);
    watch(next);
    publish("script.draining", current_);
    previous_ = std::exchange(current_, {});
  }
  current_ = std::move(next);
  publish("script.active", current_);
  return {};
}

void ScriptServing::withdraw() {
  table_->remove(owner_of(name_));
  if (previous_.generation) leave(std::exchange(previous_, {}), "draining");
  if (current_.generation) leave(std::exchange(current_, {}), "draining");
}

void ScriptServing::leave(ScriptVersion version, std::string_view state) {
  if (version.generation->state() == "active") version.generation->move_to(state);
  watch(version);
  leaving_.push_back(std::move(version));
}

bool ScriptServing::fails_probation() const {
  const CallTally now = current_.generation->tally();
  return now.faults >= kProbationFaults && mostly_faults(now) &&
         !mostly_faults(previous_.generation->tally());
}

void ScriptServing::roll_back() {
  ScriptVersion bad = std::exchange(current_, std::exchange(previous_, {}));
  const CallTally tally = bad.generation->tally();
  const std::string reason = std::to_string(tally.faults) + " of its first " +
                             std::to_string(tally.calls) + " runs were faults of the script";
  if (!table_->put(current_.generation, {current_.component})) return;  // only ours can be there
  current_.generation->move_to("active");
  current_.generation->on_end({});
  bad.generation->move_to("rolled_back", reason);
  publish("script.rolled_back", bad, reason);
  leave(std::move(bad), "rolled_back");
}

void ScriptServing::retire(ScriptVersion& version) {
  version.generation->on_end({});
  engine_->drop(version.engine_id);
  if (version.generation->state() == "draining") {
    version.generation->move_to("retired");
    publish("script.retired", version);
  }
  past_.push_back(version.generation->info());
  if (past_.size() > kShown) past_.erase(past_.begin());
}

bool ScriptServing::settle() {
  if (previous_.generation && fails_probation()) roll_back();
  if (previous_.generation && current_.generation->tally().calls >= kProbationRuns) {
    current_.generation->on_end({});
    leave(std::exchange(previous_, {}), "draining");
  }
  for (auto it = leaving_.begin(); it != leaving_.end();) {
    const bool idle = it->generation->info().leases == 0;
    if (idle) retire(*it);
    it = idle ? leaving_.erase(it) : std::next(it);
  }
  return !leaving_.empty();
}

std::vector<GenerationInfo> ScriptServing::generations() const {
  std::vector<GenerationInfo> out = past_;
  for (const ScriptVersion& v : leaving_) out.push_back(v.generation->info());
  if (previous_.generation) out.push_back(previous_.generation->info());
  if (current_.generation) out.push_back(current_.generation->info());
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.number > b.number; });
  if (out.size() > kShown) out.resize(kShown);
  return out;
}

}  // namespace skep::plugin
