#include "lint.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>

#include "api.hpp"
#include "bytecode.hpp"
#include "lua_state.hpp"
#include "spec.hpp"

namespace skep::lua {
namespace {

enum Op : std::uint32_t {
  kMove = 0,
  kGetUpvalue = 9,
  kGetTabUp = 11,
  kGetField = 14,
  kSetTabUp = 15,
  kSelf = 20
};

struct Instruction {
  explicit Instruction(std::uint32_t word)
      : op(word & 0x7fu), a((word >> 7) & 0xffu), b((word >> 16) & 0xffu), c(word >> 24) {}
  std::uint32_t op, a, b, c;
};

struct Gone {
  std::string_view name;
  std::string_view instead;
};
constexpr std::array<Gone, 9> kGone{{{"io", "print, ctx.kv or ctx.exec"},
                                     {"require", "one file with all that the task needs"},
                                     {"package", "one file with all that the task needs"},
                                     {"dofile", "one file with all that the task needs"},
                                     {"loadfile", "one file with all that the task needs"},
                                     {"debug", "error() and ctx.log"},
                                     {"os.execute", "ctx.exec"},
                                     {"os.getenv", "a parameter"},
                                     {"string.dump", "nothing: scripts are text"}}};

class Linter {
 public:
  Linter(lua_State* L, std::string file, const std::vector<std::string>& permissions)
      : lua_(L), file_(std::move(file)), permissions_(permissions) {
    for (const Entry& e : api()) {
      known_.insert(std::string(e.name));
      names_.push_back(e.name);
      const std::size_t dot = e.name.rfind('.');
      if (dot != std::string_view::npos) known_.insert(std::string(e.name.substr(0, dot)));
    }
  }

  std::vector<std::string> run(const Proto& chunk) {
    assigned(chunk);
    walk(chunk);
    std::vector<std::string> out;
    for (const auto& [line, text] : found_)
      out.push_back(file_ + ":" + std::to_string(line) + ": " + text);
    return out;
  }

 private:
  static bool is_env(const Proto& p, std::uint32_t upvalue) {
    return upvalue < p.upvalues.size() && p.upvalues[upvalue] == "_ENV";
  }
  static std::string constant(const Proto& p, std::uint32_t i) {
    return i < p.constants.size() ? p.constants[i] : std::string();
  }

  void assigned(const Proto& p) {
    for (const std::uint32_t word : p.code)
      if (const Instruction i(word); i.op == kSetTabUp && is_env(p, i.a))
        assigned_.insert(constant(p, i.b));
    for (const Proto& inner : p.inner) assigned(inner);
  }

  /// What register `reg` holds before instruction `pc`, as a path, or "".
  static std::string path_of(const Proto& p, const std::map<std::uint32_t, std::string>& paths,
                             std::uint32_t reg, std::size_t pc) {
    if (p.local_at(reg, pc) == "ctx") return "ctx";
    const auto at = paths.find(reg);
    return at == paths.end() ? std::string() : at->second;
  }

  void walk(const Proto& p) {
    std::map<std::uint32_t, std::string> paths;
    for (std::size_t pc = 0; pc < p.code.size(); ++pc) {
      const Instruction i(p.code[pc]);
      const int line = pc < p.lines.size() ? p.lines[pc] : 0;
      std::string path;
      if (i.op == kGetTabUp && is_env(p, i.b)) {
        path = constant(p, i.c);
        check_global(path, line);
      } else if (i.op == kGetTabUp && i.b < p.upvalues.size() && p.upvalues[i.b] == "ctx") {
        path = "ctx." + constant(p, i.c);
        check_member(path, line);
      } else if (i.op == kGetUpvalue && i.b < p.upvalues.size() && p.upvalues[i.b] == "ctx") {
        path = "ctx";
      } else if (i.op == kMove) {
        path = path_of(p, paths, i.b, pc);
      } else if (i.op == kGetField || i.op == kSelf) {
        const std::string base = path_of(p, paths, i.b, pc);
        if (!base.empty()) {
          path = base + "." + constant(p, i.c);
          check_member(path, line);
        }
      }
      // A call leaves its results from register A on; of most others A alone is written.
      paths.erase(paths.lower_bound(i.a), paths.end());
      if (!path.empty() && i.op != kSelf) paths[i.a] = path;
    }
    for (const Proto& inner : p.inner) walk(inner);
  }

  bool is_gone(const std::string& name, int line) {
    for (const Gone& g : kGone) {
      if (g.name != name) continue;
      found_.insert({line, name + " is not available to scripts; use " + std::string(g.instead)});
      return true;
    }
    return false;
  }

  void check_global(const std::string& name, int line) {
    if (assigned_.contains(name) || is_gone(name, line)) return;
    const auto globals = lua_globals();
    if (std::find(globals.begin(), globals.end(), name) != globals.end()) return;
    found_.insert({line, "undefined global \"" + name + "\"; " +
                             suggest(name, {globals.begin(), globals.end()})});
  }

  void check_member(const std::string& path, int line) {
    const std::string root = path.substr(0, path.find('.'));
    if (root == "ctx" || root == "skep" || root == "json") return check_api(path, line);
    const std::size_t dot = path.find('.');
    if (assigned_.contains(root) || path.find('.', dot + 1) != std::string::npos ||
        is_gone(path, line) || !is_library(root))
      return;
    lua_getglobal(lua_, root.c_str());
    const bool there = lua_getfield(lua_, -1, path.substr(dot + 1).c_str()) != LUA_TNIL;
    lua_pop(lua_, 2);
    if (!there) found_.insert({line, "there is no " + path});
  }

  bool is_library(const std::string& name) {
    const bool out = lua_getglobal(lua_, name.c_str()) == LUA_TTABLE;
    lua_pop(lua_, 1);
    return out && name != "_G";
  }

  void check_api(const std::string& path, int line) {
    if (!known_.contains(path)) {
      // Behind a function there is only its result, of which nothing is known here.
      if (known_.contains(path.substr(0, path.rfind('.'))))
        found_.insert({line, "there is no " + path + "; " + suggest(path, names_)});
      return;
    }
    for (const Entry& e : api())
      if (e.name == path && !e.permission.empty() &&
          std::find(permissions_.begin(), permissions_.end(), e.permission) == permissions_.end())
        found_.insert({line, path + " needs the permission \"" + std::string(e.permission) +
                                 "\", which skep.task does not declare"});
  }

  lua_State* lua_;
  std::string file_;
  const std::vector<std::string>& permissions_;
  std::set<std::string> known_;
  std::vector<std::string_view> names_;
  std::set<std::string> assigned_;
  std::set<std::pair<int, std::string>> found_;
};

int append(lua_State*, const void* bytes, std::size_t n, void* to) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), n);
  return 0;
}

}  // namespace

std::vector<std::string> lint(lua_State* L, const std::string& file,
                              const std::vector<std::string>& permissions) {
  std::string bytes;
  lua_dump(L, append, &bytes, 0);
  return Linter(L, file, permissions).run(read_bytecode(bytes));
}

}  // namespace skep::lua
