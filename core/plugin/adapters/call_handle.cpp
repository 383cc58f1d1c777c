#include "core/plugin/adapters/call_handle.hpp"

#include <deque>
#include <type_traits>

#include "core/base/mutex.hpp"
#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/task_call.hpp"

namespace skep::plugin {
namespace {

static_assert(std::is_standard_layout_v<CallHandle>, "a handle is the address of its CallHandle");

/// So many others are lent before a handle comes again.
constexpr std::size_t kResting = 256;

struct Shelf {
  Mutex mutex;
  std::deque<CallHandle*> resting SKEP_GUARDED_BY(mutex);
};

Shelf& shelf() {
  static auto* the = new Shelf;  // threads that plugins left behind outlive everything
  return *the;
}

CallHandle* take_one() {
  Shelf& s = shelf();
  const MutexLock lock(s.mutex);
  if (s.resting.size() <= kResting) return nullptr;
  CallHandle* oldest = s.resting.front();
  s.resting.pop_front();
  return oldest;
}

}  // namespace

CallHandle& CallHandle::lend(TaskCall& call, const skep_call_ops& ops) {
  CallHandle* handle = take_one();
  if (handle == nullptr) handle = new CallHandle;
  handle->abi_.ops = &ops;
  handle->call_.store(&call);
  return *handle;
}

void CallHandle::take_back() {
  close();
  for (auto n = inside_.load(); n != 0; n = inside_.load()) inside_.wait(n);
  Shelf& s = shelf();
  const MutexLock lock(s.mutex);
  s.resting.push_back(this);
}

TaskCall* CallHandle::enter() {
  inside_.fetch_add(1);
  return call_.load();
}

void CallHandle::leave() {
  if (inside_.fetch_sub(1) == 1 && call_.load() == nullptr) inside_.notify_all();
}

CallUse::CallUse(skep_call* call)
    : call_(call), is_task_(call != nullptr && call->ops == &TaskCall::ops()) {
  if (is_task_) task_ = CallHandle::of(call).enter();
}

CallUse::~CallUse() {
  if (is_task_) CallHandle::of(call_).leave();
}

std::int32_t CallUse::cancelled() const {
  if (call_ == nullptr) return 0;
  return call_->ops->cancelled(call_);
}

std::int64_t CallUse::deadline_ns() const {
  return call_ == nullptr ? std::numeric_limits<std::int64_t>::max()
                          : call_->ops->deadline_ns(call_);
}

}  // namespace skep::plugin
