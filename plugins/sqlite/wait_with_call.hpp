// Waiting for a condition no longer than a call goes on.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "skep/call.hpp"

namespace skep::sqlite {

/// True once `holds()`, false when the call is cancelled or out of time before. Cancellation has no
/// part in the condition variable, so it is looked for every now and then: what is waited for here
/// takes milliseconds as a rule.
template <class Condition>
bool wait_with_call(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                    const Call& call, Condition holds) {
  constexpr std::chrono::milliseconds kLook{50};
  while (!holds()) {
    if (call.cancelled()) return false;
    changed.wait_until(lock, std::min(call.deadline(), Call::Clock::now() + kLook));
  }
  return true;
}

}  // namespace skep::sqlite
