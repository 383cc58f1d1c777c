// C++20 layer for script hosts. See skep/kind/script_host.h for the contract of each call.
#ifndef SKEP_SCRIPT_HOST_HPP
#define SKEP_SCRIPT_HOST_HPP

#include "skep/kind/script_host.h"
#include "skep/task.hpp"

namespace skep {

/// A language. load() and drop() come one at a time, run() on several threads at once, also beside
/// them.
class ScriptHost : public Component {
 public:
  /// Static text: ".lua".
  virtual const char* endings() const = 0;
  /// Returns the script's manifest; throws Fault(SKEP_E_INVALID, "FILE:LINE: ..").
  virtual std::string load(Call& call, std::string_view id, std::string_view file,
                           std::string_view source) = 0;
  virtual void drop(Call& call, std::string_view id) = 0;
  virtual skep_rc run(Call& call, std::string_view id) = 0;

  static constexpr const char* kKind = SKEP_KIND_SCRIPT_HOST;
  template <class T>
  static const skep_script_host_v1* table() {
    static const skep_script_host_v1 t{
        sizeof(skep_script_host_v1),
        0,
        [](skep_inst* inst) noexcept -> const char* { return self(inst)->endings(); },
        [](skep_inst* inst, skep_call* c, skep_view id, skep_view file, skep_view source,
           const skep_sink* manifest, skep_err* err) noexcept -> skep_rc {
          return guarded_call(c, err, [&](Call& call) {
            const std::string made = self(inst)->load(call, text(id), text(file), text(source));
            if (manifest->put(manifest->ctx, view(made)) < 0)
              throw Fault(SKEP_E_CANCELLED, "the host did not take the manifest");
          });
        },
        [](skep_inst* inst, skep_call* c, skep_view id, skep_err* err) noexcept -> skep_rc {
          return guarded_call(c, err, [&](Call& call) { self(inst)->drop(call, text(id)); });
        },
        [](skep_inst* inst, skep_call* c, skep_view id, skep_view request) noexcept -> skep_rc {
          return guarded_run(c, text(request),
                             [&](Call& call) { return self(inst)->run(call, text(id)); });
        }};
    return &t;
  }

 private:
  static ScriptHost* self(skep_inst* inst) { return static_cast<ScriptHost*>(to_component(inst)); }
};

}  // namespace skep

#endif
