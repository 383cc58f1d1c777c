// C++20 layer over the plugin ABI: components and the plugin table.
//
// Compiled into the plugin; nothing of it crosses the boundary. Plugin code may throw: every
// trampoline is noexcept and turns an exception into a code with its message.
#ifndef SKEP_PLUGIN_HPP
#define SKEP_PLUGIN_HPP

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "skep/array.hpp"
#include "skep/call.hpp"
#include "skep/host.hpp"

namespace skep {

/// Base of every component. The constructor may take the config as `std::string_view` (a complete,
/// valid JSON object); it checks, start() works.
class Component {
 public:
  Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  virtual ~Component() = default;
  virtual void start(Call& /*call*/) {}
  /// Until the call's deadline.
  virtual void drain(Call& /*call*/) {}
  virtual void stop(Call& /*call*/) {}
};

inline skep_inst* to_inst(Component* c) noexcept { return reinterpret_cast<skep_inst*>(c); }
inline Component* to_component(skep_inst* i) noexcept { return reinterpret_cast<Component*>(i); }

/// One component of a plugin: its name ("*" = whatever the manifest says), how to make it, and the
/// kind's table.
struct Entry {
  const char* name;
  Component* (*make)(std::string_view config);
  const char* kind;
  const void* table;
};

/// `T` implements a kind (Task, Queue, ..), which brings `kKind` and `table<T>()`.
template <class T>
Entry component(const char* name) {
  return {name,
          [](std::string_view config) -> Component* {
            if constexpr (std::is_constructible_v<T, std::string_view>)
              return new T(config);
            else
              return new T();
          },
          T::kKind, T::template table<T>()};
}

/// The plugin table over a fixed list of entries. `List::entries()` returns a span of Entry.
template <class List>
struct PluginTable {
  static const Entry* find(std::string_view name) {
    for (const Entry& e : List::entries())
      if (name == e.name || std::string_view(e.name) == "*") return &e;
    return nullptr;
  }
  static skep_rc open(const skep_plugin_v1*, const skep_host* h, skep_err*) noexcept {
    set_host(h);
    return SKEP_OK;
  }
  static void close(const skep_plugin_v1*) noexcept {}
  static skep_rc create(const skep_plugin_v1*, const char* name, skep_view config, skep_inst** out,
                        skep_err* err) noexcept {
    return guarded(err, [&] {
      const Entry* entry = find(name);
      if (entry == nullptr) throw Fault(SKEP_E_NOT_FOUND, std::string("no component ") + name);
      *out = to_inst(entry->make(text(config)));
    });
  }
  static skep_rc start(skep_inst* i, skep_call* c, skep_err* err) noexcept {
    return guarded_call(c, err, [&](Call& call) { to_component(i)->start(call); });
  }
  static skep_rc drain(skep_inst* i, skep_call* c, skep_err* err) noexcept {
    return guarded_call(c, err, [&](Call& call) { to_component(i)->drain(call); });
  }
  static skep_rc stop(skep_inst* i, skep_call* c, skep_err* err) noexcept {
    return guarded_call(c, err, [&](Call& call) { to_component(i)->stop(call); });
  }
  static void destroy(skep_inst* i) noexcept { delete to_component(i); }
  static const void* iface(const skep_plugin_v1*, const char* name, const char* id) noexcept {
    const Entry* entry = find(name);
    return entry != nullptr && std::strcmp(entry->kind, id) == 0 ? entry->table : nullptr;
  }
  static const skep_plugin_v1* get() noexcept {
    static const skep_plugin_v1 table{sizeof(skep_plugin_v1),
                                      SKEP_MINOR,
                                      open,
                                      close,
                                      create,
                                      start,
                                      drain,
                                      stop,
                                      destroy,
                                      iface,
                                      nullptr};
    return &table;
  }
};

}  // namespace skep

/// Ends a plugin's source: SKEP_PLUGIN(skep::component<A>("a"), skep::component<B>("b"))
#define SKEP_PLUGIN(...)                                                    \
  namespace {                                                               \
  struct SkepEntries {                                                      \
    static std::span<const skep::Entry> entries() {                         \
      static const skep::Entry list[] = {__VA_ARGS__};                      \
      return list;                                                          \
    }                                                                       \
  };                                                                        \
  }                                                                         \
  extern "C" SKEP_EXPORT const skep_plugin_v1* skep_plugin_entry_v1(void) { \
    return skep::PluginTable<SkepEntries>::get();                           \
  }

#endif
