#include "core/plugin/task_table.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "core/base/text.hpp"
#include "core/plugin/adapters/task_call.hpp"

namespace skep::plugin {
namespace {

/// Whoever waits looks again; the gate stays open.
void let_go(const std::shared_ptr<UniqueFd>& held) {
  if (!held) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(held->get(), &one, sizeof(one));
}

/// Until the type goes on, the call is cancelled, or its time is up; false for the last two.
bool wait_for(const UniqueFd& held, MonoMs deadline, const ports::CancelToken& cancel) {
  std::array<pollfd, 2> fds{pollfd{held.get(), POLLIN, 0}, pollfd{cancel.fd(), POLLIN, 0}};
  const SystemClock clock;
  for (;;) {
    const MonoMs left = deadline == 0 ? 1000 : deadline - clock.mono_ms();
    if (left <= 0) return false;
    const int n = ::poll(fds.data(), fds.size(), static_cast<int>(std::min<MonoMs>(left, 60'000)));
    if (n > 0) return fds[0].revents != 0;
  }
}

bool serves(const std::vector<std::shared_ptr<TaskComponent>>& components, std::string_view type) {
  return std::any_of(components.begin(), components.end(),
                     [&](const auto& c) { return c->type().name == type; });
}

}  // namespace

Status TaskTable::put(const std::shared_ptr<Generation>& generation,
                      std::vector<std::shared_ptr<TaskComponent>> components) {
  bool freed = false;
  {
    const MutexLock lock(mutex_);
    for (const auto& c : components)
      if (const auto at = entries_.find(c->type().name);
          at != entries_.end() && at->second.task.generation->owner() != generation->owner())
        return Error{
            Code::kState,
            "task type " + c->type().name + " is served by " + at->second.task.generation->owner(),
            "type-taken", "rename one of the two, or turn one off"};
    for (auto it = entries_.begin(); it != entries_.end();) {
      const bool ours = it->second.task.generation->owner() == generation->owner();
      const bool goes = ours && !serves(components, it->first);
      if (ours) let_go(it->second.held);
      it = goes ? entries_.erase(it) : std::next(it);
      freed = freed || goes;
    }
    for (auto& c : components) {
      std::string name = c->type().name;
      entries_[std::move(name)] = Entry{{generation, std::move(c)}, nullptr};
    }
  }
  tell(freed);
  return {};
}

void TaskTable::remove(std::string_view owner) {
  std::size_t removed = 0;
  {
    const MutexLock lock(mutex_);
    removed = std::erase_if(entries_, [owner](const auto& entry) {
      const bool ours = entry.second.task.generation->owner() == owner;
      if (ours) let_go(entry.second.held);
      return ours;
    });
  }
  if (removed > 0) tell(true);
}

void TaskTable::hold(std::string_view owner) {
  const auto gate = std::make_shared<UniqueFd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const MutexLock lock(mutex_);
  for (auto& [name, entry] : entries_)
    if (entry.task.generation->owner() == owner && !entry.held) entry.held = gate;
}

void TaskTable::release(std::string_view owner) {
  const MutexLock lock(mutex_);
  for (auto& [name, entry] : entries_)
    if (entry.task.generation->owner() == owner) {
      let_go(entry.held);
      entry.held.reset();
    }
}

std::vector<std::shared_ptr<TaskComponent>> TaskTable::components_of(std::string_view owner) const {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<TaskComponent>> out;
  for (const auto& [name, entry] : entries_)
    if (entry.task.generation->owner() == owner) out.push_back(entry.task.component);
  return out;
}

std::string TaskTable::owner_of(std::string_view type) const {
  const MutexLock lock(mutex_);
  const auto at = entries_.find(type);
  return at == entries_.end() ? std::string() : at->second.task.generation->owner();
}

std::optional<TaskTable::Entered> TaskTable::enter(const std::string& type, MonoMs deadline,
                                                   ports::CancelToken& cancel) {
  for (;;) {
    std::shared_ptr<UniqueFd> held;
    {
      const MutexLock lock(mutex_);
      const auto at = entries_.find(type);
      if (at == entries_.end()) return std::nullopt;
      const ServedTask& task = at->second.task;
      held = at->second.held;
      if (!held) return Entered{Generation::Visit(task.generation, &cancel), task.component};
    }
    if (!wait_for(*held, deadline, cancel)) return Entered{};
  }
}

model::Outcome TaskTable::run(const ports::RunRequest& request, MonoMs deadline,
                              ports::CancelToken& cancel, const ports::TaskEvents& events) {
  auto entered = enter(request.task.type, deadline, cancel);
  if (!entered) return unknown(request.task.type);
  if (!entered->component) {
    TaskCall call(request.task.type, deadline, cancel, events);
    call.give_up();
    return call.outcome(SKEP_E_CANCELLED);
  }
  auto run = entered->component->run(request, deadline, cancel, events, this);
  entered->visit.ended(run.end);
  return std::move(run.outcome);
}

model::Outcome TaskTable::unknown(const std::string& type) const {
  std::vector<std::string> known;
  {
    const MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) known.push_back(name);
  }
  Error error = not_found("task type", type);
  error.message += " on this worker; " + suggestion(type, known);
  error.name = ports::kUnknownType;
  error.next = "skep script list   or   skep plugin list";
  model::Outcome out = failed_outcome(error, true);
  out.cause = model::Cause::kNode;
  return out;
}

std::vector<ports::TaskType> TaskTable::types() const {
  const MutexLock lock(mutex_);
  std::vector<ports::TaskType> out;
  for (const auto& [name, entry] : entries_) out.push_back(entry.task.component->type());
  return out;
}

void TaskTable::on_change(std::function<void()> changed) {
  const MutexLock lock(listener_mutex_);
  changed_ = std::move(changed);
}

void TaskTable::on_freed(std::function<void()> freed) {
  const MutexLock lock(listener_mutex_);
  freed_ = std::move(freed);
}

void TaskTable::tell(bool freed) const {
  const MutexLock lock(listener_mutex_);
  if (changed_) changed_();
  if (freed && freed_) freed_();
}

}  // namespace skep::plugin
