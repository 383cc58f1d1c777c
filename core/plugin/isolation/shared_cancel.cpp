#include "core/plugin/isolation/shared_cancel.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <new>

namespace skep::plugin {
namespace {

constexpr std::size_t kPage = 4096;
static_assert(std::atomic<int>::is_always_lock_free, "shared between processes");

}  // namespace

Result<SharedCancel> SharedCancel::create() {
  UniqueFd memory(memfd_create("skep-cancel", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory || ftruncate(memory.get(), kPage) != 0)
    return errno_error("make memory for a child", errno);
  // A child that shrank it would end us with SIGBUS.
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return errno_error("seal memory for a child", errno);
  UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return errno_error("make an event for a child", errno);
  return adopt(std::move(memory), std::move(event));
}

Result<SharedCancel> SharedCancel::adopt(UniqueFd memory, UniqueFd event) {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (page == MAP_FAILED) return errno_error("map the memory shared with a child", errno);
  return SharedCancel(std::move(memory), std::move(event), static_cast<std::atomic<int>*>(page));
}

SharedCancel::SharedCancel(SharedCancel&& other) noexcept
    : memory_(std::move(other.memory_)),
      event_(std::move(other.event_)),
      reason_(std::exchange(other.reason_, nullptr)) {}

SharedCancel::~SharedCancel() {
  if (reason_ != nullptr) munmap(static_cast<void*>(reason_), kPage);
}

void SharedCancel::reset() {
  if (reason_->exchange(0) == 0) return;
  std::uint64_t ignored = 0;
  [[maybe_unused]] const auto n = read(event_.get(), &ignored, sizeof(ignored));
}

void SharedCancel::cancel(int reason) {
  reason_->store(reason);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = write(event_.get(), &one, sizeof(one));
}

}  // namespace skep::plugin
