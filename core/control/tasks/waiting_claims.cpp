#include "core/control/tasks/waiting_claims.hpp"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

#include "core/model/placement.hpp"

namespace skep::control {
namespace {

std::string likeness(const model::WorkerProfile& worker) {
  std::string out;
  for (const auto* names : {&worker.types, &worker.capabilities}) {
    std::vector<std::string> sorted = *names;
    std::sort(sorted.begin(), sorted.end());
    for (const std::string& name : sorted) out.append(name).append(1, '\0');
    out.append(1, '\n');
  }
  return out;
}

}  // namespace

WaitingClaims::Route::Route(const model::TaskSpec& spec) : target_worker(spec.target_worker) {
  wish.type = spec.type;
  wish.site = spec.site;
  wish.requirements = spec.requirements;
}

bool WaitingClaims::Route::operator<(const Route& other) const {
  return std::tie(wish.type, wish.site, target_worker, wish.requirements) <
         std::tie(other.wish.type, other.wish.site, other.target_worker, other.wish.requirements);
}

WaitingClaims::Routes WaitingClaims::routes_of(std::span<const model::Task> tasks) {
  Routes out;
  for (const model::Task& task : tasks) ++out[Route(task.spec)];
  return out;
}

/// Takes from `owed` what was found.
void WaitingClaims::settle(Routes& owed, const Routes& found) {
  for (const auto& [route, count] : found) {
    const auto debt = owed.find(route);
    if (debt == owed.end()) continue;
    if (debt->second <= count)
      owed.erase(debt);
    else
      debt->second -= count;
  }
}

void WaitingClaims::join(Claimant& claimant, const model::WorkerProfile& worker,
                         const std::string& kind) {
  auto& of_site = crowds_[worker.site];
  const auto [at, fresh] = of_site.try_emplace(kind);
  Crowd& crowd = at->second;
  if (fresh) crowd = {{{}, {}, worker.site, worker.capabilities, worker.types}, kind, {}};
  if (claimant.crowd == &crowd) return;
  leave(claimant);
  claimant.crowd = &crowd;
  claimant.place = ++places_;
  crowd.waiting.emplace(claimant.place, &claimant);
}

void WaitingClaims::leave(Claimant& claimant) {
  Crowd* crowd = std::exchange(claimant.crowd, nullptr);
  if (crowd == nullptr) return;
  crowd->waiting.erase(claimant.place);
  if (!crowd->waiting.empty()) return;
  const auto of_site = crowds_.find(crowd->like.site);
  of_site->second.erase(std::string(crowd->kind));
  if (of_site->second.empty()) crowds_.erase(of_site);
}

std::vector<WaitingClaims::Crowd*> WaitingClaims::crowds_for(const Route& route) {
  std::vector<Crowd*> out;
  const auto add = [&](auto& of_site) {
    for (auto& [kind, crowd] : of_site)
      if (!model::why_not(route.wish, crowd.like)) out.push_back(&crowd);
  };
  if (route.wish.site.empty()) {
    for (auto& [site, crowds] : crowds_) add(crowds);
  } else if (const auto of_site = crowds_.find(route.wish.site); of_site != crowds_.end()) {
    add(of_site->second);
  }
  return out;
}

std::vector<WaitingClaims::Claimant*> WaitingClaims::take_target(const Route& route) {
  const auto at = claimants_.find(route.target_worker);
  if (at == claimants_.end() || at->second.crowd == nullptr) return {};
  if (model::why_not(route.wish, at->second.crowd->like)) return {};
  leave(at->second);
  return {&at->second};
}

std::vector<WaitingClaims::Claimant*> WaitingClaims::take(const Route& route, std::size_t count) {
  if (!route.target_worker.empty()) return take_target(route);
  const auto later = [](const auto& a, const auto& b) { return a->place > b->place; };
  std::priority_queue<Claimant*, std::vector<Claimant*>, decltype(later)> firsts(later);
  for (Crowd* crowd : crowds_for(route)) firsts.push(crowd->waiting.begin()->second);
  std::vector<Claimant*> out;
  while (out.size() < count && !firsts.empty()) {
    Claimant* first = firsts.top();
    firsts.pop();
    const auto& line = first->crowd->waiting;
    if (const auto next = std::next(line.begin()); next != line.end()) firsts.push(next->second);
    leave(*first);
    out.push_back(first);
  }
  return out;
}

void WaitingClaims::announce(std::span<const model::Task> tasks) { announce(routes_of(tasks)); }

void WaitingClaims::announce(const Routes& routes) {
  std::vector<std::string> woken;
  {
    const MutexLock lock(mutex_);
    for (const auto& [route, count] : routes)
      for (Claimant* claimant : take(route, count)) {
        ++claimant->owed[route];
        woken.push_back(*claimant->worker_id);
      }
  }
  for (const std::string& worker_id : woken) waits_.wake(worker_id);
}

WaitingClaims::Turn::Turn(WaitingClaims& claims, std::string worker_id, bool first)
    : claims_(claims), worker_id_(std::move(worker_id)) {
  const MutexLock lock(claims_.mutex_);
  const auto [at, fresh] = claims_.claimants_.try_emplace(worker_id_);
  Claimant& self = at->second;
  if (fresh) self.worker_id = &at->first;
  if (first) ++self.claims;
  woken_for_ = std::exchange(self.owed, {});
}

void WaitingClaims::Turn::look(const model::WorkerProfile& worker) {
  const std::string kind = likeness(worker);
  const MutexLock lock(claims_.mutex_);
  claims_.join(claims_.claimants_.at(worker_id_), worker, kind);
}

void WaitingClaims::Turn::found(std::span<const model::Task> tasks) {
  has_looked_ = true;
  found_ = routes_of(tasks);
}

WaitingClaims::Turn::~Turn() {
  Routes others;
  {
    const MutexLock lock(claims_.mutex_);
    const auto at = claims_.claimants_.find(worker_id_);
    Claimant& self = at->second;
    if (waits_on_) {
      if (!has_looked_) claims_.leave(self);
    } else if (--self.claims <= 0) {
      claims_.leave(self);
      for (const auto& [route, count] : self.owed) others[route] += count;
      claims_.claimants_.erase(at);
    }
  }
  // One that looked and got nothing has seen that there is nothing left of what it was woken for.
  if (!has_looked_ || !found_.empty())
    for (const auto& [route, count] : woken_for_) others[route] += count;
  settle(others, found_);
  if (!others.empty()) claims_.announce(others);
}

}  // namespace skep::control
