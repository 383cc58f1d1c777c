#include "core/control/tasks/unknown_output.hpp"

#include <algorithm>

namespace skep::control {
namespace {

constexpr double kDayMs = 86'400'000;

}  // namespace

UnknownOutput::Account UnknownOutput::look(const std::string& worker_id, MonoMs now) {
  const auto known = accounts_.find(worker_id);
  if (known == accounts_.end()) return {0, 0, now};
  Account account = known->second;
  const double days = static_cast<double>(now - account.at) / kDayMs;
  account.items = std::max(0.0, account.items - days * limits_.items);
  account.bytes = std::max(0.0, account.bytes - days * limits_.bytes);
  account.at = now;
  if (account.items <= 0 && account.bytes <= 0) accounts_.erase(known);
  return account;
}

bool UnknownOutput::is_full(const std::string& worker_id, MonoMs now) {
  const MutexLock lock(mutex_);
  const Account account = look(worker_id, now);
  return account.items > limits_.items - 1 || account.bytes >= limits_.bytes;
}

void UnknownOutput::add(const std::string& worker_id, std::size_t bytes, MonoMs now) {
  const MutexLock lock(mutex_);
  Account account = look(worker_id, now);
  account.items += 1;
  account.bytes += static_cast<double>(bytes);
  accounts_[worker_id] = account;
}

}  // namespace skep::control
