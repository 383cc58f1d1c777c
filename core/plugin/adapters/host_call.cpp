#include "core/plugin/adapters/host_call.hpp"

#include <algorithm>

#include "core/base/json.hpp"
#include "core/plugin/adapters/call_wait.hpp"
#include "core/plugin/log_line.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {

std::int64_t HostCall::deadline_ns() const { return deadline_in_ns(deadline_); }

std::int32_t HostCall::cancelled() {
  if (monotonic_ns() >= deadline_ns() && cancel_.reason() == ports::CancelReason::kNone)
    cancel_.cancel(ports::CancelReason::kDeadline);
  return static_cast<std::int32_t>(cancel_.reason());
}

std::int32_t HostCall::wait(std::int64_t until_ns) {
  while (cancelled() == 0 && monotonic_ns() < until_ns)
    poll_until({cancel_.fd(), -1}, std::min(until_ns, deadline_ns()));
  return cancelled();
}

void HostCall::log(std::uint32_t level, skep_view event, skep_view fields) const {
  JsonOut member;
  member.object().key("component").str(component_).end_object();
  const std::string_view text = member.text();
  write_line(level, plugin_id_, plugin_id_, plugin::text(event), text.substr(1, text.size() - 2),
             plugin::text(fields));
}

const skep_call_ops& HostCall::table() {
  static constexpr skep_call_ops the{
      sizeof(skep_call_ops),
      0,
      [](skep_call*, std::uint32_t, skep_view) noexcept -> skep_rc { return SKEP_E_STATE; },
      [](skep_call*, std::uint32_t, skep_view) noexcept -> skep_rc { return SKEP_E_STATE; },
      [](skep_call*, skep_rc, std::uint32_t, skep_view) noexcept -> skep_rc {
        return SKEP_E_STATE;
      },
      [](skep_call* c) noexcept { return of(c).cancelled(); },
      [](skep_call* c) noexcept { return of(c).deadline_ns(); },
      [](skep_call* c, std::int64_t until_ns) noexcept { return of(c).wait(until_ns); },
      [](skep_call* c) noexcept -> std::int32_t { return of(c).cancel_.fd(); },
      [](skep_call* c, std::uint32_t level, skep_view event, skep_view fields) noexcept {
        try {
          of(c).log(level, event, fields);
        } catch (...) {
          // A line that cannot be written must not end the host.
        }
      }};
  return the;
}

}  // namespace skep::plugin
