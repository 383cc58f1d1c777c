// Reload: a new file or table into service step by step, and back again when it is worse.
#include "core/plugin/managed_plugin.hpp"

namespace skep::plugin {
namespace {

Error in_step(const Error& error, const std::string& id, std::string_view step) {
  return error.within("reload of plugin " + id + ", step " + std::string(step));
}

}  // namespace

Result<Reloaded> ManagedPlugin::reload(const PluginFile& file, ReloadHow how) {
  std::string sha256 = file.info.sha256;
  const auto failed = [&](const Error& error, std::string_view step) {
    const Error told = in_step(error, id_, step);
    const bool same = current_ && sha256 == serving().file.sha256;
    status_->set_trouble({told.with_advice(), same ? "" : sha256});
    tell_failed(step, error.message);  // who hears of it finds it in list()
    return told;
  };
  const Recipe& now = serving();
  const auto copy = copy_of(how.serving_file ? now.file.path : file.info.path);
  if (!copy) return failed(copy.error(), "stage");
  sha256 = copy->sha256;
  const bool same_table =
      file.table.text == now.table.text && parts_.intake.isolation_of(file) == now.isolation;
  const bool hangs = !current_->generation()->hung().all().empty();  // a fresh one may not
  if (copy->sha256 == now.file.sha256 && same_table && !hangs) {
    status_->clear_trouble();
    if (how.forced) end_probation();
    Reloaded unchanged = current();
    unchanged.changed = false;
    return unchanged;
  }
  Intake::Request request = request_for(file, *copy);
  request.tell = true;
  std::string_view step;
  const auto admitted = parts_.intake.admit(request, step);
  if (!admitted) return failed(admitted.error(), step);
  auto done = replace(*admitted, {how.forced});
  if (!done) return failed(done.error(), "start");
  return done;
}

Result<Reloaded> ManagedPlugin::reload_with_table(const PluginFile& file, bool file_serves) {
  if (!file_serves) {
    auto done = reload(file);
    if (done || trouble().sha256.empty()) return done;
  }
  Trouble of_file = trouble();
  PluginFile served = serving_file(serving());
  served.table = file.table;
  auto done = reload(served, {true});
  if (done) status_->set_trouble(std::move(of_file));
  return done;
}

/// The newest version before that is another one and may serve.
Result<Admitted> ManagedPlugin::way_back(const Recipe& worse,
                                         std::shared_ptr<const Recipe>& target) {
  Result<Admitted> way = not_found("version", "before");
  const auto before = before_;
  for (const auto& recipe : before) {
    const bool same_file = recipe->file.sha256 == worse.file.sha256;
    if (same_file && recipe->table.text == worse.table.text) continue;
    Intake::Request request;
    request.id = id_;
    request.source = recipe->source;
    request.vouched = recipe->file.path;
    request.table = recipe->table;
    request.isolation = recipe->isolation;
    request.number = status_->generations().last_number() + 1;
    request.uses = &uses_;
    request.serving = &worse;
    const bool first = target == nullptr;
    target = recipe;
    const auto copy = same_bytes_of(recipe->file);
    std::string_view step;
    if (copy) request.copy = *copy;
    auto admitted = copy ? parts_.intake.admit(request, step) : Result<Admitted>(copy.error());
    if (admitted) return admitted;
    if (first) way = admitted.error();
  }
  return way;
}

void ManagedPlugin::roll_back(const Condemned& bad) {
  if (!current_) return;
  const auto generation = current_->generation();
  if (generation->number() != bad.number) return;
  if (generation->state() != GenerationState::kProbation) return;
  const auto worse = current_->shared_recipe();
  const std::string which = "generation " + std::to_string(bad.number) + " (" +
                            worse->manifest.version + ", sha256 " +
                            worse->file.sha256.substr(0, 12) + ")";
  std::shared_ptr<const Recipe> target;
  const auto admitted = way_back(*worse, target);
  auto done = admitted ? replace(*admitted, {true, GenerationEvent::kCondemn, bad.reason})
                       : Result<Reloaded>(admitted.error());
  if (!done) {
    if (current_ && current_->generation() == generation) end_probation();
    if (target == nullptr) return;  // there was nothing before it
    status_->set_trouble({which + " is worse than the one before: " + bad.reason +
                              "; and going back failed: " + done.error().with_advice(),
                          worse->file.sha256});
    publish("plugin.failed", *worse, bad.number, log::Level::kError, done.error().message);
    return;
  }
  if (target->file.sha256 != worse->file.sha256)
    parts_.intake.put_into_quarantine(*worse, bad.number, bad.reason, true);
  status_->set_trouble({which + " was rolled back: " + bad.reason, worse->file.sha256});
  std::erase(before_, worse);
  std::erase(before_, target);
  publish("plugin.rolled_back", *worse, bad.number, log::Level::kError, bad.reason);
}

}  // namespace skep::plugin
