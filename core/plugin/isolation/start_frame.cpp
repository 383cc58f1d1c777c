#include "core/plugin/isolation/start_frame.hpp"

#include "core/plugin/isolation/frames.hpp"

namespace skep::plugin {

std::string pack_start(const ChildPlugin& plugin) {
  frames::Packer out;
  out.integer(frames::kVersion);
  out.text(plugin.file.path).text(plugin.file.sha256).text(plugin.plugin_id);
  out.text(plugin.component).text(plugin.kind).text(plugin.config_json);
  out.integer(static_cast<std::int64_t>(plugin.generation));
  out.integer(plugin.limits.memory_mb).integer(plugin.limits.open_files);
  out.text(plugin.state_dir).text(plugin.node_id).text(plugin.site).text(plugin.version);
  out.integer(plugin.per_task ? 1 : 0);
  out.integer(static_cast<std::int64_t>(plugin.permissions.size()));
  for (const std::string& word : plugin.permissions) out.text(word);
  return std::move(out).body();
}

Result<ChildPlugin> unpack_start(std::string_view body) {
  frames::Unpacker in(body);
  if (in.integer() != frames::kVersion)
    return Error{Code::kUnsupported, "skep-plughost and skep are of different builds",
                 "plughost-mismatch", "install both from the same package"};
  ChildPlugin out;
  out.file.path = in.text();
  out.file.sha256 = in.text();
  out.plugin_id = in.text();
  out.component = in.text();
  out.kind = in.text();
  out.config_json = in.text();
  out.generation = static_cast<std::uint64_t>(in.integer());
  out.limits.memory_mb = in.integer();
  out.limits.open_files = in.integer();
  out.state_dir = in.text();
  out.node_id = in.text();
  out.site = in.text();
  out.version = in.text();
  out.per_task = in.integer() != 0;
  for (std::int64_t left = in.integer(); left > 0 && in.goes_on(); --left)
    out.permissions.emplace_back(in.text());
  if (!in.ok()) return Error{Code::kCorrupt, "the start frame does not fit"};
  return out;
}

}  // namespace skep::plugin
