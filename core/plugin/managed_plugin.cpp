#include "core/plugin/managed_plugin.hpp"

#include <algorithm>

#include "core/base/events.hpp"
#include "core/plugin/probation.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {

bool has_tasks(const Manifest& manifest) {
  return std::any_of(manifest.components.begin(), manifest.components.end(),
                     [](const ManifestComponent& c) { return c.kind == SKEP_KIND_TASK; });
}

PluginFile serving_file(const Recipe& recipe) {
  PluginFile file;
  describe(recipe.manifest, file.info);
  file.info.path = recipe.source;
  file.info.sha256 = recipe.file.sha256;
  file.manifest = recipe.manifest;
  return file;
}

ManagedPlugin::ManagedPlugin(std::string id, PluginParts parts)
    : id_(std::move(id)), parts_(std::move(parts)), status_(std::make_shared<PluginStatus>(id_)) {}

Reloaded ManagedPlugin::current() const {
  const Recipe& recipe = serving();
  return {id_, current_->generation()->number(), recipe.manifest.version, recipe.file.sha256, true};
}

const Generation* ManagedPlugin::proven() const {
  const Generation* now = current_ ? current_->generation().get() : nullptr;
  const bool good = now && now->state() == GenerationState::kActive && serves_well(now->tally());
  return good ? now : nullptr;
}

void ManagedPlugin::tell_failed(std::string_view step, std::string_view reason) const {
  events::publish(log::Level::kError, "plugin.failed",
                  {{"id", id_},
                   {"step", step},
                   {"generation", status_->generations().last_number()},
                   {"reason", reason}});
}

Intake::Request ManagedPlugin::request_for(const PluginFile& file, const Staged& copy) const {
  Intake::Request request;
  request.id = id_;
  request.copy = copy;
  request.source = file.info.path;
  request.vouched = file.bytes();
  request.table = file.table;
  request.isolation = parts_.intake.isolation_of(file);
  request.number = status_->generations().last_number() + 1;
  request.uses = &uses_;
  request.serving = current_ ? &current_->recipe() : nullptr;
  return request;
}

/// Code that nothing runs in yet: start components, then make_current() or drop it.
Result<std::unique_ptr<Running>> ManagedPlugin::load(const PluginFile& file, bool needed) {
  const auto copy = copy_of(file.bytes());
  if (!copy) return copy.error();
  Intake::Request request = request_for(file, *copy);
  request.needed = needed;
  std::string_view step;
  const auto admitted = parts_.intake.admit(request, step);
  if (!admitted) return admitted.error();
  auto running = make_running(*admitted);
  if (const Status opened = start_code(*running); !opened) {
    running->generation()->apply(GenerationEvent::kFail, opened.error().message);
    return opened.error();
  }
  return running;
}

std::unique_ptr<Running> ManagedPlugin::make_running(const Admitted& admitted) {
  GenerationInfo info;
  info.version = admitted->manifest.version;
  info.sha256 = admitted->file.sha256;
  info.isolation = admitted->isolation;
  return std::make_unique<Running>(admitted.recipe(), status_->generations().make(std::move(info)),
                                   parts_.intake.running_host());
}

/// From now on this is what serves; returns what did before.
std::unique_ptr<Running> ManagedPlugin::make_current(std::unique_ptr<Running> next) {
  Generation& generation = *next->generation();
  if (!plugin::serves(generation.state())) generation.apply(GenerationEvent::kServe);
  current_.swap(next);
  status_->serves(serving());
  publish("plugin.active", serving(), generation.number());
  return next;
}

/// What went wrong, one a line.
std::string ManagedPlugin::start_free_types(Running& running) {
  std::string problems;
  const auto problem = [&](const std::string& text) {
    problems += (problems.empty() ? "" : "\n") + text;
  };
  std::vector<std::shared_ptr<TaskComponent>> tasks = parts_.table->components_of(id_);
  const std::size_t before = tasks.size();
  Owners shadowed;
  for (const ManifestComponent& c : running.recipe().manifest.components) {
    if (c.kind != SKEP_KIND_TASK) continue;
    const std::string owner = parts_.table->owner_of(c.name);
    if (owner == id_) continue;
    if (!owner.empty()) {
      log::error("task_type_shadowed", {{"type", c.name},
                                        {"plugin", id_},
                                        {"used", owner},
                                        {"next", "rename one of the two, or turn one off"}});
      shadowed[c.name] = owner;
      continue;
    }
    auto task = running.start_task(c);
    if (task) {
      tasks.push_back(std::move(*task));
      continue;
    }
    log::error("task_type_failed",
               {{"type", c.name}, {"plugin", id_}, {"error", task.error().message}});
    problem(task.error().with_advice());
  }
  note_shadowed(std::move(shadowed));
  const bool more = tasks.size() > before;
  if (more && current_.get() != &running) {  // list() says so before the first call
    running.generation()->apply(GenerationEvent::kServe);
    status_->serves(running.recipe());
  }
  const Status put = more ? parts_.table->put(running.generation(), std::move(tasks)) : Status();
  if (!put) problem(put.error().with_advice());
  if ((more && put) || !shadowed_.empty()) tasks_serve_ = true;
  return problems;
}

void ManagedPlugin::note_shadowed(Owners owners) {
  shadowed_ = std::move(owners);
  status_->set_shadowed(shadowed_);
}

Status ManagedPlugin::serve_tasks(const PluginFile& file) {
  if (tasks_serve_ && current_) return {};
  std::unique_ptr<Running> fresh;
  if (!current_) {
    auto loaded = load(file, false);
    if (!loaded) {
      status_->clear_trouble();
      return loaded.error();
    }
    fresh = std::move(*loaded);
  }
  tasks_serve_ = false;
  const std::string problems = start_free_types(fresh ? *fresh : *current_);
  if (fresh && !problems.empty() && !tasks_serve_) {
    fresh->generation()->apply(GenerationEvent::kFail, problems);
    status_->serves_nothing();
    status_->clear_trouble();
    return invalid(problems);
  }
  if (fresh) make_current(std::move(fresh));
  if (!problems.empty()) status_->set_trouble({problems});
  return {};
}

void ManagedPlugin::serve_freed_types() {
  const bool freed =
      current_ && std::any_of(shadowed_.begin(), shadowed_.end(), [&](const auto& shadowed) {
        return parts_.table->owner_of(shadowed.first).empty();
      });
  if (!freed) return;
  const std::string problems = start_free_types(*current_);
  if (problems.empty()) return;
  status_->set_trouble({problems});
  tell_failed("start", problems);
}

Result<std::shared_ptr<ComponentUse>> ManagedPlugin::use(const PluginFile& file,
                                                         const ManifestComponent& component,
                                                         json::object table, bool& loaded) {
  std::unique_ptr<Running> fresh;
  loaded = current_ != nullptr;
  if (!current_) {
    auto running = load(file, true);
    if (!running) return running.error();
    fresh = std::move(*running);
    loaded = true;
  }
  auto target = (fresh ? *fresh : *current_).start_component(component, table);
  if (!target) {
    if (fresh) fresh->generation()->apply(GenerationEvent::kFail, target.error().message);
    return target.error();
  }
  if (fresh) make_current(std::move(fresh));
  auto use = std::make_shared<ComponentUse>(
      ComponentUse{component.name, component.kind, std::move(table), nullptr, target->inst});
  use->route = std::make_shared<Route>(std::move(*target));
  uses_.push_back(use);
  return use;
}

void ManagedPlugin::stop_using(const std::shared_ptr<ComponentUse>& use) {
  std::erase(uses_, use);
  if (current_) current_->stop_component(use->inst);
}

void ManagedPlugin::take_out() {
  parts_.table->remove(id_);
  tasks_serve_ = false;
  before_.clear();
  status_->serves_nothing();
  if (!current_) return;
  const auto generation = current_->generation();
  generation->on_end({});
  see_out(std::move(current_), *generation, {});
}

void ManagedPlugin::note_file(bool is_there) {
  if (file_gone_ == !is_there) return;
  file_gone_ = !is_there;
  status_->clear_trouble();
  if (is_there) return;
  const std::string trouble = "its file is gone: " + serving().source +
                              "; what was loaded goes on serving\n  next: put the file back, or "
                              "turn the plugin off";
  status_->set_trouble({trouble});
  publish("plugin.failed", serving(), current_->generation()->number(), log::Level::kWarn, trouble);
}

void ManagedPlugin::stand_in_for(const PluginInfo& refused) {
  const std::string text = last_good_serves(serving().manifest.version, serving().file.sha256);
  status_->set_trouble({text, refused.sha256});
  publish("plugin.last_good", serving(), current_->generation()->number(), log::Level::kError,
          refused.path + " was refused: " + refused.reason + "\n" + text);
}

bool ManagedPlugin::is_known_as_bad(const std::string& sha256) const {
  return trouble().sha256 == sha256 && parts_.intake.quarantine().has(sha256);
}

}  // namespace skep::plugin
