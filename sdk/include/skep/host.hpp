// C++20 layer over the plugin ABI: views, errors, the host and its services.
//
// Compiled into the plugin; nothing of it crosses the boundary.
#ifndef SKEP_HOST_HPP
#define SKEP_HOST_HPP

#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "skep/abi/base.h"
#include "skep/svc/log.h"
#include "skep/text.hpp"

namespace skep {

inline std::string_view text(skep_view v) noexcept {
  return {static_cast<const char*>(v.p), static_cast<std::size_t>(v.n)};
}
inline skep_view view(std::string_view s) noexcept { return {s.data(), s.size()}; }

/// A failure with a code; throw it from any component function.
class Fault : public std::runtime_error {
 public:
  Fault(skep_rc code, const std::string& message, std::uint32_t retry_ms = 0)
      : std::runtime_error(message), code_(code), retry_ms_(retry_ms) {}
  skep_rc code() const noexcept { return code_; }
  std::uint32_t retry_ms() const noexcept { return retry_ms_; }

 private:
  skep_rc code_;
  std::uint32_t retry_ms_;
};

/// Writes a message into the caller's buffer and returns `code`.
inline skep_rc set_error(skep_err* err, skep_rc code, std::string_view message,
                         std::uint32_t retry_ms = 0) noexcept {
  if (err != nullptr && err->text != nullptr) {
    err->n = static_cast<std::uint32_t>(clip_text(message, err->cap).size());
    std::memcpy(err->text, message.data(), err->n);
    err->retry_ms = retry_ms;
  }
  return code;
}

/// Runs `body`, which may throw, and reports to the caller's skep_err.
template <class Body>
skep_rc guarded(skep_err* err, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return SKEP_OK;
  } catch (const Fault& fault) {
    return set_error(err, fault.code(), fault.what(), fault.retry_ms());
  } catch (const std::bad_alloc&) {
    return set_error(err, SKEP_E_NO_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return set_error(err, SKEP_E_INTERNAL, e.what());
  } catch (...) {
    return set_error(err, SKEP_E_INTERNAL, "an exception of unknown type");
  }
}

/// A message buffer for calls into the host; `check` throws what the host said.
class HostError {
 public:
  skep_err* out() noexcept { return &err_; }
  void check(skep_rc rc) const {
    if (rc < 0) throw Fault(rc, std::string(buffer_, err_.n), err_.retry_ms);
  }

 private:
  char buffer_[512] = {};
  skep_err err_{sizeof(skep_err), 0, sizeof(buffer_), 0, buffer_};
};

namespace detail {
inline std::atomic<const skep_host*>& host_slot() noexcept {
  static std::atomic<const skep_host*> slot{nullptr};
  return slot;
}
}  // namespace detail

/// The host of this plugin; set before the first component is made. It stays after close(): a
/// thread that the plugin left behind finds a host that answers SKEP_E_STATE. [any]
inline const skep_host* host() noexcept {
  return detail::host_slot().load(std::memory_order_acquire);
}
/// For plugins that write their own table: what their open() was given.
inline void set_host(const skep_host* handle) noexcept {
  detail::host_slot().store(handle, std::memory_order_release);
}

/// A service table of the host, or null when this host has none.
template <class Table>
const Table* service(const char* id) noexcept {
  const auto* handle = host();
  return handle == nullptr ? nullptr : static_cast<const Table*>(handle->service(handle, id));
}

/// One structured line in the host's log; `fields_json` is a JSON object or "". For one about a
/// call: Call::log().
inline void log(std::uint32_t level, std::string_view event, std::string_view fields_json = {}) {
  if (const auto* svc = service<skep_svc_log_v1>(SKEP_SVC_LOG))
    svc->write(host(), level, view(event), view(fields_json));
}

}  // namespace skep

#endif
