#include <atomic>

#include "core/plugin/services/host.hpp"
#include "core/plugin/services/secret_rules.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

std::atomic<SecretSource> g_secret_source{read_secret};

skep_rc get_secret(const skep_host* handle, skep_call* call, skep_view name, const skep_sink* value,
                   skep_err* err) noexcept {
  try {
    const PluginHost& host = PluginHost::of(handle);
    if (const auto admitted = host.admit(SKEP_SVC_SECRET); !admitted)
      return put_error(err, admitted.error());
    const auto found = g_secret_source.load()(asker_of(host, call), text(name));
    if (!found) return put_error(err, found.error());
    return value->put(value->ctx, to_view(*found));
  } catch (const std::exception& e) {
    return put_error(err, internal_error(e.what()));
  }
}

}  // namespace

void set_secret_source(SecretSource source) { g_secret_source.store(source); }

const skep_svc_secret_v1& secret_service() {
  static constexpr skep_svc_secret_v1 table{sizeof(skep_svc_secret_v1), 0, get_secret};
  return table;
}

}  // namespace skep::plugin
