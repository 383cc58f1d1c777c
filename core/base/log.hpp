// Structured logs: one event name and fields a line, as text or JSON lines on stderr.
//
// Event names are part of the product (docs/reference/events.md): people grep for them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace skep::log {

enum class Level { kDebug, kInfo, kWarn, kError };

struct Field {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) Field(std::string_view k, I v)
      : key(k), value(static_cast<std::int64_t>(v)) {}
};

/// Sets the format ("text" or "json") and the least level ("debug", "info", "warn", "error").
/// Unknown words leave the setting as it is and return false. [any]
bool configure(std::string_view format, std::string_view level);

/// One line. Text: `2026-01-10T12:34:56.789Z INFO  event key: value, key: value`. [any]
void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});
/// The same with fields that are already a JSON object (from a plugin), under `source`. [any]
void write_json(Level level, std::string_view source, std::string_view event,
                std::string_view fields_json);

/// The fields as one JSON object. [any]
std::string to_json(std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> f = {}) {
  write(Level::kDebug, event, f);
}
inline void info(std::string_view event, std::initializer_list<Field> f = {}) {
  write(Level::kInfo, event, f);
}
inline void warn(std::string_view event, std::initializer_list<Field> f = {}) {
  write(Level::kWarn, event, f);
}
inline void error(std::string_view event, std::initializer_list<Field> f = {}) {
  write(Level::kError, event, f);
}

}  // namespace skep::log
