#include "core/plugin/services/host.hpp"
#include "core/plugin/services/kv_space.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

/// Runs `use(space)` on the space that the call chooses; nothing is thrown into the plugin.
template <class Use>
skep_rc with_space(const skep_host* handle, skep_call* call, skep_err* err, Use&& use) noexcept {
  try {
    const PluginHost& host = PluginHost::of(handle);
    if (const auto admitted = host.admit(SKEP_SVC_KV); !admitted)
      return put_error(err, admitted.error());
    const auto space = KvSpace::open(host.state_dir(), asker_of(host, call));
    if (!space) return put_error(err, space.error());
    const Status done = use(*space);
    return done ? SKEP_OK : put_error(err, done.error());
  } catch (const std::exception& e) {
    return put_error(err, internal_error(e.what()));
  }
}

Status refused(skep_rc rc) {
  if (rc >= 0) return {};
  return Error{code_from_abi(rc), "the receiver of the value refused it"};
}

skep_rc get(const skep_host* host, skep_call* call, skep_view key, const skep_sink* value,
            skep_err* err) noexcept {
  return with_space(host, call, err, [&](const KvSpace& space) -> Status {
    const auto found = space.get(text(key));
    if (!found) return found.error();
    return refused(value->put(value->ctx, to_view(*found)));
  });
}

skep_rc put(const skep_host* host, skep_call* call, skep_view key, skep_view value,
            skep_err* err) noexcept {
  return with_space(host, call, err,
                    [&](const KvSpace& space) { return space.put(text(key), text(value)); });
}

skep_rc remove(const skep_host* host, skep_call* call, skep_view key, skep_err* err) noexcept {
  return with_space(host, call, err, [&](const KvSpace& space) { return space.remove(text(key)); });
}

skep_rc keys(const skep_host* host, skep_call* call, const skep_sink* key, skep_err* err) noexcept {
  return with_space(host, call, err, [&](const KvSpace& space) -> Status {
    const auto names = space.keys();
    if (!names) return names.error();
    for (const std::string& name : *names) SKEP_TRY(refused(key->put(key->ctx, to_view(name))));
    return {};
  });
}

}  // namespace

const skep_svc_kv_v1& kv_service() {
  static constexpr skep_svc_kv_v1 table{sizeof(skep_svc_kv_v1), 0, get, put, remove, keys};
  return table;
}

}  // namespace skep::plugin
