#include "bytecode.hpp"

#include <cstring>
#include <map>
#include <stdexcept>

namespace skep::lua {
namespace {

constexpr signed char kAbsolute = -0x80;  ///< in line info: see the table of absolute lines

class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_(bytes) {}

  Proto chunk() {
    static constexpr std::string_view kHead("\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08", 15);
    if (take(kHead.size()) != kHead) throw std::runtime_error("not bytecode of this Lua");
    take(2 * 8 + 1);  // 0x5678, 370.5, number of upvalues
    return function();
  }

 private:
  std::string_view take(std::size_t n) {
    if (n > in_.size()) throw std::runtime_error("bytecode ends early");
    const std::string_view out = in_.substr(0, n);
    in_.remove_prefix(n);
    return out;
  }
  unsigned byte() { return static_cast<unsigned char>(take(1)[0]); }
  std::uint64_t number() {
    std::uint64_t out = 0;
    for (int i = 0; i < 10; ++i) {
      const unsigned b = byte();
      out = (out << 7) | (b & 0x7f);
      if ((b & 0x80) != 0) return out;
    }
    throw std::runtime_error("bytecode has a number without end");
  }
  std::string text() {
    const std::uint64_t n = number();
    return n == 0 ? std::string() : std::string(take(n - 1));
  }
  std::string constant() {
    switch (byte()) {
      case 0x03:
      case 0x13:
        take(8);
        return {};
      case 0x04:
      case 0x14:
        return text();
      default:  // nil and booleans
        return {};
    }
  }
  void lines(Proto& p, std::uint64_t first) {
    const std::string_view deltas = take(number());
    std::map<std::uint64_t, std::uint64_t> absolute;
    for (std::uint64_t n = number(); n > 0; --n) {
      const std::uint64_t pc = number();
      absolute[pc] = number();
    }
    auto line = static_cast<int>(first);
    for (std::size_t pc = 0; pc < deltas.size(); ++pc) {
      const auto delta = static_cast<signed char>(deltas[pc]);
      line = delta == kAbsolute ? static_cast<int>(absolute[pc]) : line + delta;
      p.lines.push_back(line);
    }
  }
  Proto function() {
    Proto p;
    text();  // source
    const std::uint64_t first = number();
    number();  // last line
    take(3);   // parameters, varargs, stack size
    const std::uint64_t instructions = number();
    const std::string_view code = take(instructions * 4);
    p.code.resize(instructions);
    std::memcpy(p.code.data(), code.data(), code.size());
    for (std::uint64_t n = number(); n > 0; --n) p.constants.push_back(constant());
    take(number() * 3);  // where upvalues come from
    for (std::uint64_t n = number(); n > 0; --n) p.inner.push_back(function());
    lines(p, first);
    for (std::uint64_t n = number(); n > 0; --n) {
      Local local{text(), 0, 0};
      local.from = number();
      local.to = number();
      p.locals.push_back(std::move(local));
    }
    for (std::uint64_t n = number(); n > 0; --n) p.upvalues.push_back(text());
    return p;
  }

  std::string_view in_;
};

}  // namespace

std::string_view Proto::local_at(std::size_t reg, std::size_t pc) const {
  for (const Local& local : locals) {
    if (local.from > pc) break;
    if (pc < local.to && reg-- == 0) return local.name;
  }
  return {};
}

Proto read_bytecode(std::string_view bytes) { return Reader(bytes).chunk(); }

}  // namespace skep::lua
