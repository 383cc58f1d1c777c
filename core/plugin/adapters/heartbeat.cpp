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
  struct Beat {
    std::string control_plane;
    std::string token;
    std::string json;
    std::string reply{};
  };
  const auto beat = std::make_shared<Beat>(
      Beat{std::string(control_plane), std::string(token), std::string(beat_json)});
  SKEP_TRY(call_with<skep_heartbeat_v1>(
      *route_, {"beat", timeout, 1}, beat, [](auto& t, const Inside& i, Beat& b) {
        const skep_sink sink{&b.reply, append};
        return t.beat(i.inst, i.call, to_view(b.control_plane), to_view(b.token), to_view(b.json),
                      &sink, i.err);
      }));
  return std::move(beat->reply);
}

}  // namespace skep::plugin
