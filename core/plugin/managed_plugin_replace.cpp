// One generation takes over from another: beside it or after it, swap, and onto probation.
#include <algorithm>
#include <atomic>

#include "core/plugin/managed_plugin.hpp"
#include "core/plugin/probation.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

constexpr std::size_t kRecipesBefore = 3;

}  // namespace

Status ManagedPlugin::start_code(Running& running) {
  return running.recipe().isolation == "inproc" ? running.open() : Status();
}

/// The strictest mode among the components of both generations that are in use.
std::string ManagedPlugin::mode_for(const Manifest& next) const {
  std::string mode = "parallel";
  const auto see = [&](const ManifestComponent& c) {
    const bool used =
        c.kind == SKEP_KIND_TASK || std::any_of(uses_.begin(), uses_.end(), [&](const auto& use) {
          return use->component == c.name && use->kind == c.kind;
        });
    if (used && (c.reload == "restart" || mode == "parallel")) mode = c.reload;
  };
  for (const ManifestComponent& c : next.components) see(c);
  for (const ManifestComponent& c : serving().manifest.components) see(c);
  return mode;
}

/// Starts all that the plugin serves on `next`: every component, or an error.
Result<ManagedPlugin::Started> ManagedPlugin::start_all(Running& next) const {
  Started out;
  for (const ManifestComponent& c : next.recipe().manifest.components) {
    if (c.kind != SKEP_KIND_TASK || !tasks_serve_) continue;
    if (const std::string owner = parts_.table->owner_of(c.name); !owner.empty() && owner != id_) {
      out.shadowed[c.name] = owner;
      continue;
    }
    auto task = next.start_task(c);
    if (!task) return task.error();
    out.tasks.push_back(std::move(*task));
  }
  for (const auto& use : uses_) {
    const ManifestComponent* c = find_component(next.recipe().manifest, use->component, use->kind);
    if (c == nullptr) return internal_error("component " + use->component + " went away");
    auto target = next.start_component(*c, use->table);
    if (!target) return target.error();
    out.targets.push_back(std::move(*target));
  }
  return out;
}

Status ManagedPlugin::go_live(Started started, const std::shared_ptr<Generation>& generation) {
  note_shadowed(std::move(started.shadowed));
  if (tasks_serve_) SKEP_TRY(parts_.table->put(generation, std::move(started.tasks)));
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    uses_[i]->inst = started.targets[i].inst;
    uses_[i]->route->open(std::move(started.targets[i]));
  }
  return {};
}

Status ManagedPlugin::replace_beside(Running& next, GenerationEvent start) {
  SKEP_TRY(start_code(next));
  auto started = start_all(next);
  if (!started) return started.error();
  next.generation()->apply(start);
  status_->serves(next.recipe());  // list() says so before the first call
  return go_live(std::move(*started), next.generation());
}

/// The generation that served until a moment ago goes on: it was admitted when it came.
Status ManagedPlugin::bring_back(const std::shared_ptr<const Recipe>& recipe,
                                 const std::shared_ptr<Generation>& generation) {
  if (!current_)
    current_ = std::make_unique<Running>(recipe, generation, parts_.intake.running_host());
  auto started = start_all(*current_);
  if (!started) return started.error();
  if (generation->state() == GenerationState::kStopped)
    generation->apply(GenerationEvent::kRestore);
  return go_live(std::move(*started), generation);
}

/// An instance with a call inside cannot be stopped. It stays beside the next one, or goes on
/// serving when that does not start, as it may where the old one holds a lock.
Status ManagedPlugin::replace_hung(Running& next, GenerationEvent start) {
  const Status done = replace_beside(next, start);
  if (done) return done;
  next.stop();
  for (const auto& use : uses_) use->route->open();
  parts_.table->release(id_);
  return done.error().within("calls that hang keep the generation that serves from its end");
}

Status ManagedPlugin::replace_after(std::unique_ptr<Running>& next, GenerationEvent start,
                                    bool restart) {
  if (!restart) SKEP_TRY(start_code(*next));
  for (const auto& use : uses_) use->route->close();
  parts_.table->hold(id_);
  const auto old = current_->generation();
  const auto old_recipe = current_->shared_recipe();
  if (!parts_.drainer.drain_now(*current_)) {
    for (const auto& use : uses_) use->route->open();
    parts_.table->release(id_);
    return unavailable("the calls inside generation " + std::to_string(old->number()) +
                       " do not end");
  }
  if (!old->hung().all().empty()) return replace_hung(*next, start);
  current_->stop();
  if (restart) current_.reset();
  Status status = restart ? start_code(*next) : Status();
  auto started = status ? start_all(*next) : Result<Started>(status.error());
  if (started) {
    next->generation()->apply(start);
    status_->serves(next->recipe());
    return go_live(std::move(*started), next->generation());
  }
  next->stop();
  if (restart) next.reset();
  const Status back = bring_back(old_recipe, old);
  if (back) return started.error();
  parts_.table->remove(id_);
  if (plugin::serves(old->state())) old->apply(GenerationEvent::kStop, back.error().message);
  Error both = started.error();
  both.message += "; and the old generation does not start again: " + back.error().message;
  return both;
}

/// Judges the generation by its calls until it has proved itself, or has to go.
void ManagedPlugin::put_on_probation(const std::shared_ptr<Generation>& generation,
                                     const CallTally& before) {
  const Probation probation{&kPluginProbation, before, SystemClock().mono_ms()};
  generation->on_end([to = parts_.condemned, id = id_, watched = std::weak_ptr(generation),
                      probation, decided = std::make_shared<std::atomic_flag>()](CallEnd) {
    const auto fresh = watched.lock();
    if (!fresh) return;
    auto answer = probation.judge(fresh->tally(), SystemClock().mono_ms());
    if ((!answer.proved && !answer.worse) || decided->test_and_set()) return;
    fresh->on_end({});
    if (answer.worse)
      to->add({id, fresh->number(), std::move(*answer.worse)});
    else
      fresh->apply(GenerationEvent::kProve);
  });
}

void ManagedPlugin::end_probation() {
  Generation& generation = *current_->generation();
  generation.on_end({});
  if (generation.state() == GenerationState::kProbation) generation.apply(GenerationEvent::kProve);
}

/// What was stopped has nobody inside, and nothing to drain.
void ManagedPlugin::see_out(std::unique_ptr<Running> gone, Generation& old, const Change& change) {
  if (old.state() == GenerationState::kStopped) {
    old.apply(GenerationEvent::kReplace);
    return;
  }
  if (gone) return parts_.drainer.take(std::move(gone), change.old_goes, change.why);
  old.apply(change.old_goes, change.why);
  old.apply(GenerationEvent::kEmpty);
}

Result<Reloaded> ManagedPlugin::replace(const Admitted& admitted, const Change& change) {
  const std::string mode = mode_for(admitted->manifest);
  const auto old = current_->generation();
  const auto old_recipe = current_->shared_recipe();
  auto next = make_running(admitted);
  const auto generation = next->generation();
  if (!change.proven) put_on_probation(generation, old->tally());
  const auto start = change.proven ? GenerationEvent::kServe : GenerationEvent::kTry;
  const Status done = mode == "parallel" ? replace_beside(*next, start)
                                         : replace_after(next, start, mode == "restart");
  if (!done) {
    generation->on_end({});
    generation->apply(GenerationEvent::kFail, done.error().message);
    if (current_)
      status_->serves(serving());
    else
      status_->serves_nothing();
    return done.error();
  }
  old->on_end({});
  see_out(make_current(std::move(next)), *old, change);
  before_.push_front(old_recipe);
  if (before_.size() > kRecipesBefore) before_.pop_back();
  return current();
}

}  // namespace skep::plugin
