#include "core/plugin/log_line.hpp"

#include <atomic>

#include "core/base/json.hpp"
#include "core/plugin/services/masks.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

std::atomic<LogSink> g_log_sink{nullptr};

}  // namespace

void set_log_sink(LogSink sink) { g_log_sink.store(sink); }

log::Level level_of(std::uint32_t level) {
  switch (level) {
    case SKEP_LOG_DEBUG:
      return log::Level::kDebug;
    case SKEP_LOG_INFO:
      return log::Level::kInfo;
    case SKEP_LOG_WARN:
      return log::Level::kWarn;
    default:
      return log::Level::kError;
  }
}

std::string with_members(std::string_view members, std::string_view fields) {
  const auto parsed = parse_json(fields.empty() ? "{}" : fields);
  if (!parsed || !parsed->is_object()) {
    JsonOut text;
    text.object().key("text").str(clean_text(to_view(fields)));
    return with_members(members, text.end_object().text());
  }
  if (members.empty()) return fields.empty() ? "{}" : std::string(fields);
  std::string out = "{" + std::string(members);
  if (const std::string own = to_text(*parsed); own.size() > 2) return out + "," + own.substr(1);
  return out + "}";
}

void write_line(std::uint32_t level, std::string_view id, std::string_view owner,
                std::string_view event, std::string_view members, std::string_view fields) {
  const std::string said = with_members(members, fields);
  if (const LogSink sink = g_log_sink.load()) return sink(level, event, said);
  const auto masks = masks_of(owner);
  const std::string name = clean_text(to_view(event));
  if (!masks) return log::write_json(level_of(level), id, name, said);
  log::write_json(level_of(level), id, masks->hide(name), masks->hide_json(said));
}

}  // namespace skep::plugin
