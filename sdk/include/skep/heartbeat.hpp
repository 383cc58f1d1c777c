// C++20 layer for heartbeat carriers. See skep/kind/heartbeat.h for the contract.
#ifndef SKEP_HEARTBEAT_HPP
#define SKEP_HEARTBEAT_HPP

#include "skep/kind/heartbeat.h"
#include "skep/plugin.hpp"

namespace skep {

class Heartbeat : public Component {
 public:
  /// Returns the reply's JSON object.
  virtual std::string beat(Call& call, std::string_view control_plane, std::string_view token,
                           std::string_view beat_json) = 0;

  static constexpr const char* kKind = SKEP_KIND_HEARTBEAT;
  template <class T>
  static const skep_heartbeat_v1* table() {
    static const skep_heartbeat_v1 t{
        sizeof(skep_heartbeat_v1), 0,
        [](skep_inst* i, skep_call* c, skep_view url, skep_view token, skep_view beat,
           const skep_sink* reply, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) {
            auto& self = *static_cast<Heartbeat*>(to_component(i));
            const std::string answer = self.beat(call, text(url), text(token), text(beat));
            HostError{}.check(reply->put(reply->ctx, view(answer)));
          });
        }};
    return &t;
  }
};

}  // namespace skep

#endif
