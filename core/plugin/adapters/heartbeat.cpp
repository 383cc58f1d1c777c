#include "core/plugin/adapters/heartbeat.hpp"

#include <new>

#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

/// Collects the reply; nothing may be thrown back into the plugin.
skep_rc append(void* out, skep_view bytes) noexcept {
  try {
    static_cast<std::string*>(out)->append(static_cast<const char*>(bytes.p),
                                           static_cast<std::size_t>(bytes.n));
    return SKEP_OK;
  } catch (const std::bad_alloc&) {
    return SKEP_E_NO_MEMORY;
  }
}

}  // namespace

Result<std::string> HeartbeatAdapter::beat(std::string_view control_plane, std::string_view token,
                                           std::string_view beat_json, Millis timeout) {
  std::string reply;
  const skep_sink sink{&reply, append};
  SKEP_TRY(enter<skep_heartbeat_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->beat(inst, to_view(control_plane), to_view(token), to_view(beat_json),
                   timeout.count(), &sink, err);
  }));
  return reply;
}

}  // namespace skep::plugin
