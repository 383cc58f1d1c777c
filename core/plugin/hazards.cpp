#include "core/plugin/hazards.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/base/file.hpp"
#include "core/base/text.hpp"
#include "core/plugin/elf_note.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {
namespace {

constexpr std::size_t kNamesShown = 5;
/// Every process of this machine has these once and for all.
constexpr std::array<std::string_view, 14> kRuntimes{"libc.so.6",
                                                     "libm.so.6",
                                                     "libdl.so.2",
                                                     "libpthread.so.0",
                                                     "librt.so.1",
                                                     "libgcc_s.so.1",
                                                     "libstdc++.so.6",
                                                     "libc++.so.1",
                                                     "libc++abi.so.1",
                                                     "libunwind.so.1",
                                                     "libatomic.so.1",
                                                     "libresolv.so.2",
                                                     "ld-linux-x86-64.so.2",
                                                     "ld-linux-aarch64.so.1"};
constexpr std::array<std::string_view, 8> kSystemFolders{"/lib",
                                                         "/usr/lib",
                                                         "/lib64",
                                                         "/usr/lib64",
                                                         "/lib/x86_64-linux-gnu",
                                                         "/usr/lib/x86_64-linux-gnu",
                                                         "/lib/aarch64-linux-gnu",
                                                         "/usr/lib/aarch64-linux-gnu"};

/// What registers code with the whole process, to be called when nobody expects it any more.
constexpr std::array<std::string_view, 6> kHooks{
    "__register_atfork", "on_exit", "pthread_key_create", "sigaction", "signal", "tss_create"};

Error damaged(std::string_view what) {
  return Error{Code::kInvalid, "damaged: " + std::string(what), "bad-plugin"};
}

/// The file's bytes, read by position, never beyond the end.
class Image {
 public:
  explicit Image(std::string bytes) : bytes_(std::move(bytes)) {}

  bool covers(std::uint64_t offset, std::uint64_t length) const {
    return offset <= bytes_.size() && length <= bytes_.size() - offset;
  }
  template <class T>
  std::optional<T> at(std::uint64_t offset) const {
    if (!covers(offset, sizeof(T))) return std::nullopt;
    T out;
    std::memcpy(&out, bytes_.data() + offset, sizeof(T));
    return out;
  }
  /// `count` records of type T from `offset`; nothing when they are not all there.
  template <class T>
  std::optional<std::vector<T>> table(std::uint64_t offset, std::uint64_t count) const {
    if (count > bytes_.size() / sizeof(T) || !covers(offset, count * sizeof(T)))
      return std::nullopt;
    std::vector<T> out(count);
    if (count > 0) std::memcpy(out.data(), bytes_.data() + offset, count * sizeof(T));
    return out;
  }
  /// The text at `index` of a string table; "?" when it is not inside.
  std::string text(const Elf64_Shdr& strings, std::uint64_t index) const {
    if (!covers(strings.sh_offset, strings.sh_size) || index >= strings.sh_size) return "?";
    const std::string_view all(bytes_.data() + strings.sh_offset, strings.sh_size);
    return std::string(all.substr(index, all.find('\0', index) - index));
  }

 private:
  std::string bytes_;
};

struct Facts {
  std::vector<std::string> exports;
  std::vector<std::string> unique;
  std::vector<std::string> needed;
  std::vector<std::string> hooks;
  std::string run_path;
  bool text_relocations = false;
  bool never_unloaded = false;
  bool static_tls = false;
  bool executable_stack = true;  // without PT_GNU_STACK the kernel gives one
  bool writable_code = false;
};

void read_segment(const Elf64_Phdr& p, Facts& facts) {
  if (p.p_type == PT_GNU_STACK) facts.executable_stack = (p.p_flags & PF_X) != 0;
  if (p.p_type == PT_LOAD && (p.p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
    facts.writable_code = true;
}

void read_dynamic(const Image& image, const Elf64_Shdr& strings, const Elf64_Dyn& d, Facts& facts) {
  switch (d.d_tag) {
    case DT_NEEDED:
      facts.needed.push_back(image.text(strings, d.d_un.d_val));
      break;
    case DT_RPATH:
    case DT_RUNPATH:
      facts.run_path = image.text(strings, d.d_un.d_val);
      break;
    case DT_TEXTREL:
      facts.text_relocations = true;
      break;
    case DT_FLAGS:
      facts.text_relocations = facts.text_relocations || (d.d_un.d_val & DF_TEXTREL) != 0;
      facts.static_tls = (d.d_un.d_val & DF_STATIC_TLS) != 0;
      break;
    case DT_FLAGS_1:
      facts.never_unloaded = (d.d_un.d_val & DF_1_NODELETE) != 0;
      break;
    default:
      break;
  }
}

void read_symbol(const Image& image, const Elf64_Shdr& strings, const Elf64_Sym& s, Facts& facts) {
  const auto binding = ELF64_ST_BIND(s.st_info);
  if (binding == STB_LOCAL || s.st_shndx == SHN_ABS) return;
  std::string name = image.text(strings, s.st_name);
  if (s.st_shndx == SHN_UNDEF) {
    if (std::find(kHooks.begin(), kHooks.end(), name) != kHooks.end())
      facts.hooks.push_back(std::move(name));
    return;
  }
  if (binding == STB_GNU_UNIQUE) facts.unique.push_back(name);
  if (name != SKEP_PLUGIN_ENTRY_SYMBOL) facts.exports.push_back(std::move(name));
}

Status read_section(const Image& image, const std::vector<Elf64_Shdr>& sections,
                    const Elf64_Shdr& s, Facts& facts) {
  if (s.sh_type != SHT_DYNAMIC && s.sh_type != SHT_DYNSYM) return {};
  if (s.sh_link >= sections.size()) return damaged("a section without its string table");
  const Elf64_Shdr& strings = sections[s.sh_link];
  if (s.sh_type == SHT_DYNAMIC) {
    const auto entries = image.table<Elf64_Dyn>(s.sh_offset, s.sh_size / sizeof(Elf64_Dyn));
    if (!entries) return damaged("its dynamic section lies beyond its end");
    for (const Elf64_Dyn& d : *entries) read_dynamic(image, strings, d, facts);
    return {};
  }
  const auto symbols = image.table<Elf64_Sym>(s.sh_offset, s.sh_size / sizeof(Elf64_Sym));
  if (!symbols) return damaged("its symbol table lies beyond its end");
  for (const Elf64_Sym& symbol : *symbols) read_symbol(image, strings, symbol, facts);
  return {};
}

Result<Facts> read_facts(const Image& image) {
  const auto header = image.at<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return Error{Code::kInvalid, "not a 64-bit little-endian ELF file", "bad-plugin"};
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_phentsize != sizeof(Elf64_Phdr))
    return damaged("its header sizes make no sense");
  const auto segments = image.table<Elf64_Phdr>(header->e_phoff, header->e_phnum);
  const auto sections = image.table<Elf64_Shdr>(header->e_shoff, header->e_shnum);
  if (!segments || !sections) return damaged("its header tables lie beyond its end");
  Facts facts;
  for (const Elf64_Phdr& p : *segments) read_segment(p, facts);
  for (const Elf64_Shdr& s : *sections) SKEP_TRY(read_section(image, *sections, s, facts));
  return facts;
}

std::string shown(std::vector<std::string> names) {
  const std::size_t more = names.size() > kNamesShown ? names.size() - kNamesShown : 0;
  names.resize(names.size() - more);
  return join(names, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

bool is_runtime(const std::string& library) {
  return std::find(kRuntimes.begin(), kRuntimes.end(), library) != kRuntimes.end();
}

bool is_of_system(const std::string& library) {
  std::error_code ec;
  return std::any_of(kSystemFolders.begin(), kSystemFolders.end(), [&](std::string_view folder) {
    return std::filesystem::exists(std::string(folder) + "/" + library, ec);
  });
}

void judge_needed(const Facts& facts, std::vector<Hazard>& out) {
  std::vector<std::string> strange;
  std::vector<std::string> shared;
  for (const std::string& library : facts.needed)
    if (!is_runtime(library)) (is_of_system(library) ? shared : strange).push_back(library);
  if (!strange.empty())
    out.push_back({"needed",
                   "needs libraries that this system does not bring: " + shown(strange) +
                       "; two plugins, or two versions of one, would share the copy loaded first",
                   "link them statically: skep_add_plugin(.. LIBRARIES libfoo.a)"});
  if (!shared.empty())
    out.push_back({"needed", "shares libraries of the system with everybody: " + shown(shared),
                   "link them statically where versions matter", false});
}

void judge_symbols(const Facts& facts, std::vector<Hazard>& out) {
  const std::string fix = "build with skep_add_plugin(), whose version script hides them";
  if (!facts.unique.empty())
    out.push_back({"unique-symbols",
                   "has process-wide unique symbols: " + shown(facts.unique) +
                       "; the next version of the plugin would go on with the statics of this one",
                   fix});
  if (!facts.exports.empty())
    out.push_back({"exports",
                   "exports more than " SKEP_PLUGIN_ENTRY_SYMBOL ": " + shown(facts.exports), fix});
}

void judge_code(const Facts& facts, std::vector<Hazard>& out) {
  if (facts.text_relocations)
    out.push_back({"text-relocations", "its code is changed while it is loaded (DT_TEXTREL)",
                   "compile every source with -fPIC"});
  if (facts.writable_code)
    out.push_back({"writable-code", "has memory that is writable and executable at once",
                   "remove sections with the flags \"awx\", and the linker option -N"});
  if (facts.executable_stack)
    out.push_back({"executable-stack", "asks for an executable stack",
                   "link with -z noexecstack; in assembly add .section "
                   ".note.GNU-stack,\"\",@progbits"});
}

void judge_hooks(const Facts& facts, std::vector<Hazard>& out) {
  if (facts.hooks.empty()) return;
  out.push_back({"process-hooks",
                 "registers handlers with the whole process by " + shown(facts.hooks) +
                     "; they outlive their generation",
                 "take them back in stop(), or advise isolation = \"process\"", false});
}

std::vector<Hazard> judge(const Facts& facts) {
  std::vector<Hazard> out;
  judge_symbols(facts, out);
  judge_code(facts, out);
  if (facts.never_unloaded)
    out.push_back({"nodelete", "asks never to be unloaded (DF_1_NODELETE), as Go libraries do",
                   "link without -z nodelete; run Go plugins with isolation = \"process\""});
  if (!facts.run_path.empty())
    out.push_back({"run-path", "searches libraries in " + facts.run_path,
                   "link without -rpath; CMake: set_target_properties(.. SKIP_BUILD_RPATH ON)"});
  if (facts.static_tls)
    out.push_back({"static-tls",
                   "uses thread-locals of the initial-exec model, of which a process has room for "
                   "a few copies only",
                   "compile without -ftls-model=initial-exec"});
  judge_needed(facts, out);
  judge_hooks(facts, out);
  return out;
}

}  // namespace

const std::vector<std::string>& hazard_ids() {
  static const std::vector<std::string> ids{
      "exports",          "unique-symbols", "nodelete",   "text-relocations", "writable-code",
      "executable-stack", "run-path",       "static-tls", "needed",           "process-hooks"};
  return ids;
}

Result<std::vector<Hazard>> scan_hazards(const std::string& path) {
  auto bytes = load_file(path, kMaxPluginBytes);
  if (!bytes) return bytes.error();
  const auto facts = read_facts(Image(std::move(*bytes)));
  if (!facts) return facts.error();
  return judge(*facts);
}

std::string sanitizer_runtime(const std::string& path) {
  auto bytes = load_file(path, kMaxPluginBytes);
  const auto facts = bytes ? read_facts(Image(std::move(*bytes))) : Result<Facts>(bytes.error());
  if (!facts) return {};
  for (const std::string& name : facts->needed)
    if (name.starts_with("libasan.so") || name.starts_with("libtsan.so")) return name;
  return {};
}

Status refuse_hazards(const std::vector<Hazard>& hazards) {
  const Hazard* first = nullptr;
  std::string rest;
  for (const Hazard& h : hazards) {
    if (!h.fatal) continue;
    if (first == nullptr)
      first = &h;
    else
      rest += "; " + h.message;
  }
  if (first == nullptr) return {};
  return Error{Code::kDenied, first->message + rest, "plugin-hazard", first->fix};
}

}  // namespace skep::plugin
