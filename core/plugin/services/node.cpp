#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <initializer_list>

#include "core/base/fd.hpp"
#include "core/base/json.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

/// A folder of this user alone. No link is followed: what stands behind it is not ours to open.
Status make_own_folder(const std::string& path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return errno_error("make the folder " + path, errno);
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder || ::fchmod(folder.get(), S_IRWXU) != 0)
    return errno_error("use the folder " + path, errno);
  return {};
}

Result<std::string> state_folder(const PluginFacts& facts) {
  if (facts.state_dir.empty()) return std::string();
  std::string path = facts.state_dir;
  std::error_code ec;  // of a node it is there
  std::filesystem::create_directories(path, ec);
  for (const std::string& name : {std::string("plugin-state"), facts.id}) {
    path += "/" + name;
    SKEP_TRY(make_own_folder(path));
  }
  return path;
}

Result<std::string> facts_json(const PluginFacts& facts) {
  const auto folder = state_folder(facts);
  if (!folder) return folder.error();
  JsonOut out;
  out.object().key("node_id").str(facts.node_id).key("site").str(facts.site);
  out.key("mode").str(facts.mode).key("state_dir").str(*folder);
  out.key("plugin").str(facts.id).key("version").str(facts.version);
  return out.end_object().take();
}

skep_rc get_facts(const skep_host* handle, const skep_sink* sink, skep_err* err) noexcept {
  try {
    const PluginHost& host = PluginHost::of(handle);
    if (const auto admitted = host.admit(SKEP_SVC_NODE); !admitted)
      return put_error(err, admitted.error());
    const auto text = facts_json(host.facts());
    if (!text) return put_error(err, text.error());
    return sink->put(sink->ctx, to_view(*text));
  } catch (const std::exception& e) {
    return put_error(err, internal_error(e.what()));
  }
}

}  // namespace

const skep_svc_node_v1& node_service() {
  static constexpr skep_svc_node_v1 table{sizeof(skep_svc_node_v1), 0, get_facts};
  return table;
}

}  // namespace skep::plugin
