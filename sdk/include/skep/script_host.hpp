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
  virtual std::string load(std::string_view id, std::string_view file, std::string_view source) = 0;
  virtual void drop(std::string_view id) = 0;
  virtual skep_rc run(std::string_view id, Call& call) = 0;

  static constexpr const char* kKind = SKEP_KIND_SCRIPT_HOST;
  template <class T>
  static const skep_script_host_v1* table() {
    static const skep_script_host_v1 t{
        sizeof(skep_script_host_v1),
        0,
        [](skep_inst* inst) noexcept -> const char* { return self(inst)->endings(); },
        [](skep_inst* inst, skep_view id, skep_view file, skep_view source,
           const skep_sink* manifest, skep_err* err) noexcept -> skep_rc {
          return guarded(err, [&] {
            const std::string made = self(inst)->load(text(id), text(file), text(source));
            if (manifest->put(manifest->ctx, view(made)) < 0)
              throw Fault(SKEP_E_CANCELLED, "the host did not take the manifest");
          });
        },
        [](skep_inst* inst, skep_view id, skep_err* err) noexcept -> skep_rc {
          return guarded(err, [&] { self(inst)->drop(text(id)); });
        },
        [](skep_inst* inst, skep_view id, skep_call* c, const skep_call_ops* ops,
           skep_view request) noexcept -> skep_rc {
          Call call(c, ops, text(request));
          try {
            return self(inst)->run(text(id), call);
          } catch (const Fault& fault) {
            return call.fail(fault.code(), fault.what(), fault.retry_ms());
          } catch (const std::bad_alloc&) {
            return call.fail(SKEP_E_NO_MEMORY, "out of memory");
          } catch (const std::exception& e) {
            return call.fail(SKEP_E_INTERNAL, e.what());
          } catch (...) {
            return call.fail(SKEP_E_INTERNAL, "an exception of unknown type");
          }
        }};
    return &t;
  }

 private:
  static ScriptHost* self(skep_inst* inst) { return static_cast<ScriptHost*>(to_component(inst)); }
};

}  // namespace skep

#endif
