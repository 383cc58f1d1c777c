#include "core/api/node_json.hpp"

#include "core/base/json.hpp"

namespace skep::api {
namespace {

void write_texts(JsonOut& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).array();
  for (const std::string& text : texts) out.str(text);
  out.end_array();
}

void write_changes(JsonOut& out, std::string_view name, const std::vector<ConfigChange>& changes) {
  out.key(name).array();
  for (const ConfigChange& c : changes) {
    out.object().key("key").str(c.key);
    out.key("before").raw(c.before).key("after").raw(c.after).end_object();
  }
  out.end_array();
}

shape::Members generation_members() {
  using namespace shape;
  return {{"number", kInt},
          {"version", kText},
          {"sha256", kText},
          {"state",
           word({"starting", "active", "draining", "retired", "zombie", "failed", "rolled_back"})},
          {"reason", kText},
          {"isolation", kText},
          {"leases", told(kInt, "Calls inside now.")},
          {"calls", told(kInt, "Calls ended.")},
          {"failures", told(kInt, "Of them, failed by its own fault.")},
          {"active_at", kTimeOrNull},
          {"drain_ms", kIntegerOrNull}};
}

Documents plugin_documents() {
  using namespace shape;
  return {
      {"Generation", answer(generation_members())},
      {"Component", answer({{"name", kText},
                            {"kind", told(kText, "Such as skep.kind.task/1.")},
                            {"description", kText},
                            {"config_schema", kObjectOrNull},
                            {"params_schema", kObjectOrNull},
                            {"max_concurrency", told(kInt, "0: no limit.")},
                            {"default_timeout_ms", kInt},
                            {"permissions", kTexts}})},
      {"Plugin",
       answer({{"id", kText},
               {"version", kText},
               {"license", kText},
               {"description", kText},
               {"path", kText},
               {"sha256", kText},
               {"failed_sha256",
                told(kText, "Of its newest file while that does not serve; empty: it does.")},
               {"state", word({"available", "loaded", "disabled", "refused"})},
               {"reason", kText},
               {"components", array(ref("Component"))},
               {"generations", told(array(ref("Generation")), "Newest first.")}})},
      {"PluginList", page("Plugin")},
      {"Script",
       answer({{"name", kText},
               {"version", kText},
               {"description", kText},
               {"path", kText},
               {"sha256", kText},
               {"state", word({"active", "failed", "shadowed", "disabled", "rolled_back"})},
               {"reason", kText},
               {"permissions", kTexts},
               {"warnings", kTexts},
               {"generations", told(array(ref("Generation")), "Newest first.")}})},
      {"ScriptList", page("Script")},
      {"PluginReload", answer({{"id", kText},
                               {"version", kText},
                               {"generation", told(kInt, "That serves now.")},
                               {"sha256", kText},
                               {"changed", kBool}})},
  };
}

Documents config_documents() {
  using namespace shape;
  const std::string covered = answer({{"key", kText}, {"value", kAny}, {"by", kText}});
  const std::string table = answer(
      {{"id", kText}, {"result", word({"changed", "failed", "restart"})}, {"error", kTextOrNull}});
  return {
      {"ConfigChange", answer({{"key", kText}, {"before", kAny}, {"after", kAny}})},
      {"ReloadReport",
       answer({{"result", word({"applied", "unchanged", "partly", "refused"})},
               {"trigger", word({"file", "SIGHUP", "api"})},
               {"at", kTimeOrNull},
               {"applied", array(ref("ConfigChange"))},
               {"needs_restart", array(ref("ConfigChange"))},
               {"covered", told(array(covered), "Edited, but a variable or flag counts.")},
               {"plugins", told(array(table), "Those whose table changed.")},
               {"warnings", kTexts},
               {"error", kTextOrNull}})},
      {"ConfigOrigin", answer({{"kind", word({"default", "file", "env", "flag"})},
                               {"file", kText},
                               {"line", kInt},
                               {"column", kInt},
                               {"name", kText}},
                              {"file", "line", "column", "name"})},
      {"NodeConfig", answer({{"config", told(map(kAnyObject), "By section; secrets are ***.")},
                             {"origins", told(map(ref("ConfigOrigin")), "By section.key.")},
                             {"warnings", kTexts}})},
  };
}

}  // namespace

std::string encode(const ReloadView& r) {
  JsonOut out;
  out.object().key("result").str(r.result).key("trigger").str(r.trigger);
  out.key("at").time_or_null(r.at);
  write_changes(out, "applied", r.applied);
  write_changes(out, "needs_restart", r.needs_restart);
  out.key("covered").array();
  for (const ReloadView::Covered& c : r.covered)
    out.object().key("key").str(c.key).key("value").raw(c.value).key("by").str(c.by).end_object();
  out.end_array().key("plugins").array();
  for (const ReloadView::Table& t : r.plugins) {
    out.object().key("id").str(t.id).key("result").str(t.result);
    out.key("error").str_or_null(t.error).end_object();
  }
  out.end_array();
  write_texts(out, "warnings", r.warnings);
  return out.key("error").str_or_null(r.error).end_object().take();
}

std::string encode(const NodeView& n) {
  JsonOut out;
  out.object().key("id").str(n.id).key("site").str(n.site);
  write_texts(out, "roles", n.roles);
  out.key("state").str(n.stopping ? "stopping" : n.urls.empty() ? "starting" : "running");
  out.key("version").str(n.version).key("pid").integer(n.pid);
  out.key("started_at").time_or_null(n.started_at);
  out.key("state_dir").str(n.state_dir).key("config_file").str(n.config_file);
  write_texts(out, "urls", n.urls);
  write_changes(out, "needs_restart", n.needs_restart);
  write_texts(out, "troubles", n.troubles);
  return out.key("last_reload")
      .raw(n.last_reload ? encode(*n.last_reload) : "")
      .end_object()
      .take();
}

std::string encode(const PluginReload& p) {
  JsonOut out;
  out.object().key("id").str(p.id).key("version").str(p.version);
  out.key("generation").integer(static_cast<std::int64_t>(p.generation));
  return out.key("sha256").str(p.sha256).key("changed").boolean(p.changed).end_object().take();
}

Documents node_documents() {
  using namespace shape;
  Documents all{
      {"Node",
       answer({{"id", kText},
               {"site", kText},
               {"roles", array(word({"control", "worker"}))},
               {"state", word({"starting", "running", "stopping"})},
               {"version", kText},
               {"pid", kInt},
               {"started_at", kTimeOrNull},
               {"state_dir", kText},
               {"config_file", told(kText, "Empty: none.")},
               {"urls", kTexts},
               {"needs_restart", array(ref("ConfigChange"))},
               {"troubles", told(kTexts, "What keeps it from its work now; empty = nothing.")},
               {"last_reload", either({ref("ReloadReport"), std::string(kNothing)})}})},
      {"Event",
       answer({{"id", kText}, {"at", kTimeOrNull}, {"event", kText}, {"fields", kAnyObject}},
              {"at"})},
      {"EventStream", told(kText, "Server-Sent Events; each data line is an Event.")},
  };
  for (const Documents& more : {plugin_documents(), config_documents()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace skep::api
