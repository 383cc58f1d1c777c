#include "core/base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>

#include "core/base/clock.hpp"
#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/base/log_writer.hpp"
#include "core/base/utf8.hpp"
#include "core/base/visible.hpp"

namespace skep::log {
namespace {

std::atomic<bool> g_as_json{false};
std::atomic<Level> g_least{Level::kInfo};

std::string_view word(Level l) {
  switch (l) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "info";
}

/// Text values stay on one line; the control characters of hostile input become escapes.
std::string one_line(std::string_view s) {
  std::string out;
  while (!s.empty()) {
    const std::size_t n = utf8_length(s);
    const std::string_view character = s.substr(0, std::max<std::size_t>(n, 1));
    const auto first = static_cast<unsigned char>(character.front());
    // U+0080 to U+009F are what some terminals obey like an escape.
    const bool is_c1 = n == 2 && first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (first == '\n')
      out += "\\n";
    else if (n == 0 || first < 0x20 || first == 0x7f || is_c1)
      out += '?';
    else
      out += character;
    s.remove_prefix(character.size());
  }
  return out;
}

std::string text_value(const Field& f) {
  struct {
    std::string operator()(const std::string& s) const { return one_line(s); }
    std::string operator()(std::int64_t i) const { return std::to_string(i); }
    std::string operator()(double d) const { return fmt::format("{:.6g}", d); }
    std::string operator()(bool b) const { return b ? "True" : "False"; }
  } visitor;
  return std::visit(visitor, f.value);
}

void json_value(JsonOut& out, const Field& f) {
  struct {
    JsonOut& out;
    void operator()(const std::string& s) const { out.str(s); }
    void operator()(std::int64_t i) const { out.integer(i); }
    void operator()(double d) const { out.number(d); }
    void operator()(bool b) const { out.boolean(b); }
  } visitor{out};
  std::visit(visitor, f.value);
}

std::string head(Level level, std::string_view event) {
  return fmt::format("{} {:<5} {}", to_iso(SystemClock{}.wall_ms()),
                     level == Level::kError  ? "ERROR"
                     : level == Level::kWarn ? "WARN"
                     : level == Level::kInfo ? "INFO"
                                             : "DEBUG",
                     event);
}

void json_head(JsonOut& out, Level level, std::string_view event) {
  out.object().key("ts").str(to_iso(SystemClock{}.wall_ms()));
  out.key("level").str(word(level)).key("event").str(event);
}

bool enabled(Level level) { return level >= g_least; }

}  // namespace

bool configure(std::string_view format, std::string_view level) {
  bool known = true;
  if (format == "json" || format == "text")
    g_as_json = format == "json";
  else
    known = false;
  for (const Level l : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError})
    if (word(l) == level) {
      g_least = l;
      return known;
    }
  return false;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  if (g_as_json) {
    JsonOut out;
    json_head(out, level, event);
    for (const Field& f : fields) json_value(out.key(f.key), f);
    put_line(visible_json(out.end_object().text()));
    return;
  }
  std::string line = head(level, event);
  const char* separator = " ";
  for (const Field& f : fields) {
    line += fmt::format("{}{}: {}", separator, f.key, text_value(f));
    separator = ", ";
  }
  put_line(line);
}

void write_json(Level level, std::string_view source, std::string_view event,
                std::string_view fields_json) {
  if (!enabled(level)) return;
  const auto parsed = parse_json(fields_json.empty() ? "{}" : fields_json);
  const json::object fields =
      parsed && parsed->is_object() ? parsed->get_object() : json::object{{"text", fields_json}};
  if (g_as_json) {
    JsonOut out;
    json_head(out, level, event);
    out.key("plugin").str(source);
    for (const auto& [key, value] : fields) out.key(key).raw(plain_text(value));
    put_line(visible_json(out.end_object().text()));
    return;
  }
  std::string line = head(level, event) + fmt::format(" plugin: {}", source);
  for (const auto& [key, value] : fields)
    line += fmt::format(
        ", {}: {}", std::string_view(key),
        one_line(value.is_string() ? std::string(value.get_string()) : plain_text(value)));
  put_line(line);
}

std::string to_json(std::initializer_list<Field> fields) {
  JsonOut out;
  out.object();
  for (const Field& f : fields) json_value(out.key(f.key), f);
  return out.end_object().take();
}

}  // namespace skep::log
