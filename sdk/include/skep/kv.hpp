// C++20 layer over skep.svc.kv/1: small values that outlive a task, a reload and a restart.
#ifndef SKEP_KV_HPP
#define SKEP_KV_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/sink.hpp"
#include "skep/svc/kv.h"

namespace skep {

/// The space of this plugin, or, made with a Call's handle, the one that the call chooses. Throws
/// Fault with what the host said. Needs "skep.svc.kv/1" in the manifest's "requires".
class Kv {
 public:
  explicit Kv(skep_call* call = nullptr)
      : call_(call), svc_(&need_service<skep_svc_kv_v1>(SKEP_SVC_KV)) {}
  /// Nothing when there is no such key.
  std::optional<std::string> get(std::string_view key) const {
    TextSink value;
    HostError error;
    const skep_rc rc = svc_->get(host(), call_, view(key), value.sink(), error.out());
    if (rc == SKEP_E_NOT_FOUND) return std::nullopt;
    error.check(rc);
    return value.take();
  }
  void put(std::string_view key, std::string_view value) const {
    HostError error;
    error.check(svc_->put(host(), call_, view(key), view(value), error.out()));
  }
  void remove(std::string_view key) const {
    HostError error;
    error.check(svc_->remove(host(), call_, view(key), error.out()));
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    const skep_sink sink{&names, [](void* to, skep_view name) noexcept {
                           return guarded(nullptr, [&] {
                             static_cast<std::vector<std::string>*>(to)->emplace_back(text(name));
                           });
                         }};
    HostError error;
    error.check(svc_->keys(host(), call_, &sink, error.out()));
    return names;
  }

 private:
  skep_call* call_;
  const skep_svc_kv_v1* svc_;
};

}  // namespace skep

#endif
