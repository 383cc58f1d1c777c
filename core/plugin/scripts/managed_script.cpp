#include "core/plugin/scripts/managed_script.hpp"

#include <utility>

#include "core/base/events.hpp"

namespace skep::plugin {

ManagedScript::ManagedScript(std::string name, Parts parts)
    : name_(std::move(name)),
      parts_(std::move(parts)),
      generations_(std::make_shared<Generations>(owner_of(name_))) {}

void ManagedScript::publish(std::string_view event, const ScriptVersion& version,
                            const std::string& reason) const {
  parts_.news->push_back([event = std::string(event), id = name_, info = version.generation->info(),
                          path = version.path, reason] {
    const auto level = reason.empty() ? log::Level::kInfo : log::Level::kError;
    events::publish(level, event,
                    {{"id", id},
                     {"version", info.version},
                     {"sha256", info.sha256},
                     {"generation", info.number},
                     {"path", path},
                     {"reason", reason}});
  });
}

void ManagedScript::wake_at_ends(const ScriptVersion& version) const {
  version.generation->on_end([wake = parts_.wake](CallEnd) { wake(); });
}

Status ManagedScript::put(ScriptVersion next) {
  if (Status taken = parts_.table->put(next.generation, {next.component}); !taken) {
    next.generation->apply(GenerationEvent::kFail, taken.error().message);
    return taken;
  }
  if (previous_.generation) leave(std::exchange(previous_, {}));
  next.generation->apply(serves() ? GenerationEvent::kTry : GenerationEvent::kServe);
  if (serves()) {
    current_.generation->apply(GenerationEvent::kSetAside);
    wake_at_ends(current_);
    wake_at_ends(next);
    publish("script.draining", current_);
    previous_ = std::exchange(current_, {});
  }
  current_ = std::move(next);
  publish("script.active", current_);
  return {};
}

const ScriptVersion* ManagedScript::proven() const {
  const bool good = serves() && !previous_.generation && serves_well(current_.generation->tally());
  return good ? &current_ : nullptr;
}

void ManagedScript::withdraw() {
  parts_.table->remove(owner_of(name_));
  if (previous_.generation) leave(std::exchange(previous_, {}));
  if (serves()) leave(std::exchange(current_, {}));
}

void ManagedScript::leave(ScriptVersion version) {
  if (version.generation->state() != GenerationState::kTakenBack)
    version.generation->apply(GenerationEvent::kReplace);
  wake_at_ends(version);
  leaving_.push_back(std::move(version));
}

Status ManagedScript::ask_trust(const ScriptVersion& version) const {
  if (!parts_.admission || !version.copy) return {};
  const GenerationInfo info = version.generation->info();
  return parts_.admission(
      {name_, info.version, "lua", info.sha256, version.copy->path(), version.copy->path()});
}

void ManagedScript::roll_back(const std::string& reason) {
  if (const Status admitted = ask_trust(previous_); !admitted)
    return go_on(reason, admitted.error());
  const auto put = parts_.table->put(previous_.generation, {previous_.component});
  if (!put) return go_on(reason, put.error());
  const ScriptVersion bad = std::exchange(current_, std::exchange(previous_, {}));
  current_.generation->apply(GenerationEvent::kRestore);
  current_.generation->on_end({});
  bad.generation->apply(GenerationEvent::kCondemn, reason);
  const GenerationInfo info = bad.generation->info();
  parts_.quarantine->add(info.sha256, {name_, info.version, reason, SystemClock().wall_ms()});
  publish("script.rolled_back", bad, reason);
  leave(bad);
}

/// There is no way back.
void ManagedScript::go_on(const std::string& reason, const Error& error) {
  current_.generation->on_end({});
  current_.generation->apply(GenerationEvent::kProve, reason);
  publish("script.failed", current_, reason + "; and going back failed: " + error.with_advice());
  leave(std::exchange(previous_, {}));
}

void ManagedScript::settle_probation() {
  const Probation probation{&kScriptProbation, previous_.generation->tally(), 0};
  const auto answer = probation.judge(current_.generation->tally(), 0);
  if (answer.worse) return roll_back(*answer.worse);
  if (!answer.proved) return;
  current_.generation->on_end({});
  current_.generation->apply(GenerationEvent::kProve);
  leave(std::exchange(previous_, {}));
}

void ManagedScript::retire(const ScriptVersion& version) const {
  version.generation->on_end({});
  parts_.engine->drop(version.engine_id);
  version.generation->apply(GenerationEvent::kEmpty);
  if (version.generation->state() == GenerationState::kRetired) publish("script.retired", version);
}

bool ManagedScript::settle() {
  if (previous_.generation) settle_probation();
  std::erase_if(leaving_, [this](const ScriptVersion& version) {
    const bool idle = version.generation->info().inside == 0;
    if (idle) retire(version);
    return idle;
  });
  return !leaving_.empty();
}

}  // namespace skep::plugin
