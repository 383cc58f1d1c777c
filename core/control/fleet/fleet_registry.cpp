#include "core/control/fleet/fleet_registry.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/base/id.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"
#include "core/control/fleet/publication.hpp"
#include "core/control/fleet/schema_changes.hpp"
#include "core/control/tasks/task_totals.hpp"

namespace skep::control {
namespace {

constexpr int kTries = 4;

/// Of one at a time, for a scope; false for who came second.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& taken) : taken_(taken), mine_(!taken.exchange(true)) {}
  ~Turn() {
    if (mine_) taken_ = false;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return mine_; }

 private:
  std::atomic<bool>& taken_;
  const bool mine_;
};

Seat seat_of(const WorkerRecord& w) { return {w.profile.id, w.profile.site, w.about.arch}; }

std::string targets_of(const Release& r) { return r.sites.empty() ? "all" : join(r.sites, ","); }

/// A release of the same name, architecture and at least one of its sites that would be in force
/// without `r`.
bool has_older(const std::vector<Release>& releases, const Release& r) {
  return std::any_of(releases.begin(), releases.end(), [&](const Release& old) {
    return old.id < r.id && old.name == r.name && old.arch == r.arch &&
           old.state == ReleaseState::kActive &&
           (old.sites.empty() || r.sites.empty() ||
            std::any_of(old.sites.begin(), old.sites.end(),
                        [&](const std::string& site) { return r.covers(site); }));
  });
}

/// The newest release in force of each architecture of `name`.
std::vector<Release> tops(const std::vector<Release>& releases, const std::string& name) {
  std::map<std::string, Release> by_arch;
  for (const Release& r : releases)
    if (r.name == name && r.in_force()) by_arch[r.arch] = r;
  std::vector<Release> out;
  for (auto& [arch, release] : by_arch) out.push_back(std::move(release));
  return out;
}

Error breaks_senders(const Release& r, const std::vector<std::string>& changes) {
  return Error{
      Code::kState,
      r.name + " " + r.version + " does not take what workers take now: " + join(changes, "; "),
      "schema-change", "keep what it took (a new member with a default, say), or: --force"};
}

std::vector<Release> moved(std::vector<Release> releases, ReleaseState state,
                           const std::string& reason, std::int64_t revision, WallMs now) {
  for (Release& r : releases) {
    r.state = state;
    r.reason = reason;
    r.revision = revision;
    r.changed_ms = now;
  }
  return releases;
}

}  // namespace

std::int64_t RegistrySnapshot::revision_of(std::string_view site) const {
  std::int64_t out = 0;
  for (const Release& r : releases)
    if (r.covers(site)) out = std::max(out, r.revision);
  return out;
}

FleetRegistry::FleetRegistry(Platform& platform, WorkerDirectory& workers, FleetMetrics& metrics,
                             const EventLog& events)
    : Service("fleet"),
      store_(platform.store),
      platform_(platform),
      workers_(workers),
      metrics_(metrics),
      events_(events),
      clock_(platform.clock) {}

std::shared_ptr<const RegistrySnapshot> FleetRegistry::snapshot() const {
  const MutexLock lock(mutex_);
  return snapshot_;
}

Status FleetRegistry::load() { return refresh(); }

Status FleetRegistry::refresh() {
  auto contents = store_.load();
  if (!contents) return contents.error().within("registry");
  install(std::move(*contents));
  return {};
}

/// Makes it what everybody sees, and ends the long polls of workers for whom something changed.
void FleetRegistry::install(ReleaseStore::Contents contents) {
  auto fresh = std::make_shared<RegistrySnapshot>();
  fresh->revision = contents.revision;
  fresh->releases = std::move(contents.releases);
  fresh->watching = std::any_of(fresh->releases.begin(), fresh->releases.end(),
                                [](const auto& r) { return r.state == ReleaseState::kCanary; });
  std::shared_ptr<const RegistrySnapshot> old;
  {
    const MutexLock lock(mutex_);
    if (fresh->revision < snapshot_->revision) return;  // somebody was quicker
    old = std::exchange(snapshot_, fresh);
    watch_.follow(fresh->releases);
  }
  if (old->revision == fresh->revision) return;
  for (const auto& w : workers_.all())
    if (old->revision_of(w.profile.site) != fresh->revision_of(w.profile.site))
      platform_.waits.wake_worker(w.profile.id);
}

/// Applies a change on top of the newest contents; again when another control plane was quicker.
Result<std::vector<Release>> FleetRegistry::apply(const Act& act, const Change& change) {
  for (int attempt = 1;; ++attempt) {
    SKEP_TRY(refresh());
    auto changed = change(*snapshot());
    if (!changed || changed->empty()) return changed;
    std::vector<NewEvent> events;
    for (const Release& r : *changed) events.push_back(event_of(act, r));
    const Status done = store_.change(*changed, events_.statements(events));
    if (done) {
      tell(act, *changed);
      SKEP_TRY(refresh());
      return changed;
    }
    if (done.error().code != Code::kState || attempt == kTries) return done.error();
  }
}

Result<std::vector<std::string>> FleetRegistry::canaries_of(const Publication& p,
                                                            const Release& r) const {
  std::vector<std::string> workers;
  for (const auto& w : workers_.all()) {
    const Presence presence = workers_.presence(w, clock_.wall_ms());
    const bool here = presence == Presence::kOnline || presence == Presence::kLate;
    if (here && r.covers(w.profile.site) && (r.arch == "any" || r.arch == w.about.arch))
      workers.push_back(w.profile.id);
  }
  if (workers.empty())
    return Error{Code::kState,
                 "no worker of " + (r.sites.empty() ? "any site" : "site " + join(r.sites, ", ")) +
                     (r.arch == "any" ? "" : " and architecture " + r.arch) +
                     " is online to be a canary",
                 "no-canary", "skep worker list   or publish without --canary"};
  const double share = p.canary_percent / 100 * static_cast<double>(workers.size());
  const auto count = p.canary_count > 0 ? static_cast<std::size_t>(p.canary_count)
                                        : static_cast<std::size_t>(std::ceil(share));
  return choose_canaries(r.name, std::move(workers), std::max<std::size_t>(count, 1));
}

Result<Release> FleetRegistry::compose(const RegistrySnapshot& now, const Publication& p,
                                       const std::string& sha256) const {
  auto r = release_of(p, sha256);
  if (!r) return r;
  r->id = r->revision = now.revision + 1;
  r->published_ms = r->changed_ms = clock_.wall_ms();
  if (p.canary_count > 0 || p.canary_percent > 0) {
    auto canaries = canaries_of(p, *r);
    if (!canaries) return canaries.error();
    r->canaries = std::move(*canaries);
    r->state = ReleaseState::kCanary;
  }
  const auto totals = read_totals(platform_.store);
  if (!totals) return totals.error();
  for (const auto& t : *totals) {
    if (std::find(r->types.begin(), r->types.end(), t.type) == r->types.end()) continue;
    if (t.outcome == "succeeded") r->before.ok += t.count;
    if (t.outcome == "failed" || t.outcome == "dead") r->before.failed += t.count;
  }
  return r;
}

/// Checks what is declared by what the file says; what is not declared is taken from there, or
/// else a file brings the type of its name. A script may take its child's whole time, and whoever
/// publishes in a loop must not keep others from it.
Status FleetRegistry::look_into(Publication& p) {
  std::optional<SelfDescription> file;
  if (inspector_) {
    std::optional<Turn> turn;
    if (p.kind == api::ReleaseKind::kScript && !turn.emplace(looking_))
      return Error{Code::kBusy, "publish: another script is looked at just now", "", "try again"};
    auto said = inspector_(p);
    if (!said) return said.error();
    file = std::move(*said);
  }
  if (file) return adopt(std::move(*file), p);
  if (p.types.empty()) p.types = {p.name};
  return {};
}

Result<FleetRegistry::Published> FleetRegistry::publish(Publication p, const std::string& actor) {
  const std::string sha256 = sha256_hex(p.content);
  SKEP_TRY(check_publication(p, sha256));
  SKEP_TRY(look_into(p));
  bool stored = false;
  for (int attempt = 1;; ++attempt) {
    SKEP_TRY(refresh());
    const auto now = snapshot();
    auto r = compose(*now, p, sha256);
    if (!r) return r.error();
    const auto standing = fits_history(now->releases, *r);
    if (!standing) return standing.error();
    auto changes =
        *standing != nullptr ? std::vector<std::string>{} : schema_changes(p, *r, workers_.all());
    if (!changes.empty() && !p.force) return breaks_senders(*r, changes);
    // Also when it stands already: that repairs damaged bytes.
    if (!stored) SKEP_TRY(store_.put(sha256, p.content, clock_.wall_ms()));
    stored = true;
    if (*standing != nullptr) return Published{**standing, true, {}};
    std::vector<Release> after = now->releases;
    after.push_back(*r);
    std::vector<NewEvent> events{event_of({"release.published", actor}, *r)};
    if (r->state == ReleaseState::kCanary)
      events.push_back(event_of({"release.canary", actor}, *r));
    const Status done =
        store_.add(*r, forgettable(after), clock_.wall_ms(), events_.statements(events));
    if (done) {
      for (const NewEvent& e : events) tell({e.kind, actor}, {*r});
      SKEP_TRY(refresh());
      return Published{std::move(*r), false, std::move(changes)};
    }
    if (done.error().code != Code::kState || attempt == kTries) return done.error();
  }
}

Result<std::vector<Release>> FleetRegistry::history(const std::string& name) {
  const auto now = snapshot();
  std::vector<Release> out;
  std::vector<std::string> names;
  for (const Release& r : now->releases) {
    names.push_back(r.name);
    if (r.name == name) out.push_back(r);
  }
  if (!out.empty()) return out;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return Error{Code::kNotFound,
               "no release \"" + std::string(clip_utf8(name, 64)) + "\" was published; " +
                   (names.empty() ? "the registry is empty" : suggestion(name, names)),
               "unknown-release", "skep registry list"};
}

Result<std::vector<Release>> FleetRegistry::rollback(const std::string& name,
                                                     const std::string& reason,
                                                     const std::string& actor) {
  return apply({"release.rolled_back", actor},
               [&](const RegistrySnapshot& now) -> Result<std::vector<Release>> {
                 SKEP_TRY(history(name));
                 std::vector<Release> top = tops(now.releases, name);
                 std::erase_if(top, [&](const Release& r) {
                   return r.state != ReleaseState::kCanary && !has_older(now.releases, r);
                 });
                 if (top.empty())
                   return Error{Code::kState,
                                "release \"" + name + "\" has no older release to go back to",
                                "nothing-older", "skep registry withdraw " + name};
                 return moved(std::move(top), ReleaseState::kRolledBack, reason, now.revision + 1,
                              clock_.wall_ms());
               });
}

Result<std::vector<Release>> FleetRegistry::promote(const std::string& name,
                                                    const std::string& actor) {
  return apply({"release.promoted", actor},
               [&](const RegistrySnapshot& now) -> Result<std::vector<Release>> {
                 SKEP_TRY(history(name));
                 std::vector<Release> top = tops(now.releases, name);
                 std::erase_if(top,
                               [](const Release& r) { return r.state != ReleaseState::kCanary; });
                 if (top.empty())
                   return Error{Code::kState, "release \"" + name + "\" has no canary under way",
                                "no-canary", "skep registry show " + name};
                 return moved(std::move(top), ReleaseState::kActive, "promoted by hand",
                              now.revision + 1, clock_.wall_ms());
               });
}

Result<std::vector<Release>> FleetRegistry::withdraw(const std::string& name,
                                                     const std::string& actor) {
  return apply({"release.withdrawn", actor},
               [&](const RegistrySnapshot& now) -> Result<std::vector<Release>> {
                 auto all = history(name);
                 if (!all) return all;
                 std::erase_if(*all, [](const Release& r) { return !r.in_force(); });
                 if (all->empty())
                   return Error{Code::kState, "no release of release \"" + name + "\" is in force",
                                "already-withdrawn", "skep registry show " + name};
                 return moved(std::move(*all), ReleaseState::kWithdrawn, "withdrawn by hand",
                              now.revision + 1, clock_.wall_ms());
               });
}

Result<api::DesiredReleases> FleetRegistry::desired_of(const WorkerRecord& w) {
  const auto at = store_.revision();
  if (!at) return at.error();
  if (*at != snapshot()->revision) SKEP_TRY(refresh());
  const auto now = snapshot();
  api::DesiredReleases out;
  out.revision = now->revision_of(w.profile.site);
  for (const Release* r : desired(now->releases, seat_of(w)))
    out.items.push_back({r->kind, r->name, r->version, r->sha256, r->size, r->signature});
  return out;
}

NewEvent FleetRegistry::event_of(const Act& act, const Release& r) {
  return {r.changed_ms,
          act.event,
          r.name,
          act.actor,
          {{"id", r.name},
           {"version", r.version},
           {"sha256", r.sha256},
           {"kind", api::to_string(r.kind)},
           {"arch", r.arch},
           {"sites", targets_of(r)},
           {"canaries", join(r.canaries, ",")},
           {"reason", r.reason}}};
}

/// It is in the store: to the log, to those who count, to those who follow.
void FleetRegistry::tell(const Act& act, const std::vector<Release>& releases) {
  const bool bad = act.event == "release.rolled_back";
  for (const Release& r : releases) {
    metrics_.event(act.event.substr(act.event.find('.') + 1));
    log::write(bad ? log::Level::kWarn : log::Level::kInfo, act.event,
               {{"id", r.name},
                {"version", r.version},
                {"sha256", r.sha256},
                {"sites", targets_of(r)},
                {"canaries", join(r.canaries, ",")},
                {"reason", r.reason},
                {"actor", act.actor}});
  }
  events_.committed();
}

}  // namespace skep::control
