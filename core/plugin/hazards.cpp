#include "core/plugin/hazards.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "core/plugin/elf_file.hpp"
#include "core/plugin/elf_note.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {
namespace {

constexpr std::uint16_t kMaxSegments = 128;
constexpr std::uint16_t kMaxSections = 4096;
constexpr std::size_t kMaxDynamic = 1024;
constexpr std::uint64_t kMaxSymbols = 4u << 20;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kShownNames = 3;

Error damaged(std::string_view what) {
  return Error{Code::kInvalid, "damaged: its " + std::string(what) + " makes no sense",
               "bad-plugin"};
}

/// Names that are worth showing, and how many there were.
struct Names {
  std::vector<std::string> shown;
  std::size_t count = 0;
  void add(std::string name) {
    if (++count <= kShownNames) shown.push_back(std::move(name));
  }
  std::string text() const {
    return join(shown, ", ") +
           (count > kShownNames ? " and " + std::to_string(count - kShownNames) + " more" : "");
  }
};

/// The tables of one library that matter here.
class Library {
 public:
  static Result<Library> read(int fd);

  std::vector<Hazard> hazards() const;

 private:
  explicit Library(BoundedFile file) : file_(file) {}
  Status read_segments(const Elf64_Ehdr& header);
  Status read_dynamic(const Elf64_Phdr& segment);
  Status read_symbols(const Elf64_Ehdr& header);
  Status read_table(const Elf64_Shdr& symbols, const Elf64_Shdr& names);
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const;
  /// Text up to its zero, at most kMaxName bytes, out of [begin, end) of the file.
  std::string name_at(std::uint64_t begin, std::uint64_t end, std::uint64_t index) const;
  std::string dynamic_name(std::uint64_t index) const;
  std::optional<std::uint64_t> dynamic(std::int64_t tag) const;
  bool flag(std::int64_t tag, std::uint64_t bit) const {
    return (dynamic(tag).value_or(0) & bit) != 0;
  }

  BoundedFile file_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Dyn> dynamic_;
  Names unique_;
  Names exports_;
};

Result<Library> Library::read(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return errno_error("stat", errno);
  Library out(BoundedFile(fd, static_cast<std::uint64_t>(st.st_size)));
  Elf64_Ehdr header{};
  if (!out.file_.read(0, &header, sizeof(header)) ||
      !std::equal(header.e_ident, header.e_ident + SELFMAG, ELFMAG) ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN)
    return Error{Code::kInvalid, "not a 64-bit shared library", "bad-plugin"};
  SKEP_TRY(out.read_segments(header));
  SKEP_TRY(out.read_symbols(header));
  return out;
}

Status Library::read_segments(const Elf64_Ehdr& header) {
  if (header.e_phnum == 0 || header.e_phnum > kMaxSegments ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return damaged("program header");
  segments_.resize(header.e_phnum);
  if (!file_.read(header.e_phoff, segments_.data(), segments_.size() * sizeof(Elf64_Phdr)))
    return damaged("program header");
  for (const Elf64_Phdr& segment : segments_)
    if (segment.p_type == PT_DYNAMIC) return read_dynamic(segment);
  return damaged("dynamic section (there is none)");
}

Status Library::read_dynamic(const Elf64_Phdr& segment) {
  const std::size_t count =
      std::min<std::uint64_t>(segment.p_filesz / sizeof(Elf64_Dyn), kMaxDynamic);
  for (std::size_t i = 0; i < count; ++i) {
    Elf64_Dyn entry{};
    if (!file_.read(segment.p_offset + i * sizeof(entry), &entry, sizeof(entry)))
      return damaged("dynamic section");
    if (entry.d_tag == DT_NULL) return {};
    dynamic_.push_back(entry);
  }
  return damaged("dynamic section (it has no end)");
}

Status Library::read_symbols(const Elf64_Ehdr& header) {
  if (header.e_shnum == 0) return damaged("section table (there is none)");
  if (header.e_shnum > kMaxSections || header.e_shentsize != sizeof(Elf64_Shdr))
    return damaged("section table");
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!file_.read(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr)))
    return damaged("section table");
  for (const Elf64_Shdr& s : sections)
    if (s.sh_type == SHT_DYNSYM) {
      if (s.sh_entsize != sizeof(Elf64_Sym) || s.sh_link >= sections.size())
        return damaged("symbol table");
      return read_table(s, sections[s.sh_link]);
    }
  return damaged("symbol table (there is none)");
}

Status Library::read_table(const Elf64_Shdr& symbols, const Elf64_Shdr& names) {
  const std::uint64_t count = symbols.sh_size / sizeof(Elf64_Sym);
  if (count > kMaxSymbols || !file_.covers(symbols.sh_offset, symbols.sh_size) ||
      !file_.covers(names.sh_offset, names.sh_size))
    return damaged("symbol table");
  std::array<Elf64_Sym, 256> chunk{};
  for (std::uint64_t at = 0; at < count; at += chunk.size()) {
    const std::size_t n = std::min<std::uint64_t>(chunk.size(), count - at);
    if (!file_.read(symbols.sh_offset + at * sizeof(Elf64_Sym), chunk.data(),
                    n * sizeof(Elf64_Sym)))
      return damaged("symbol table");
    for (std::size_t i = 0; i < n; ++i) {
      const Elf64_Sym& s = chunk[i];
      const auto bind = ELF64_ST_BIND(s.st_info);
      const auto visibility = ELF64_ST_VISIBILITY(s.st_other);
      if (s.st_shndx == SHN_UNDEF || bind == STB_LOCAL || visibility == STV_HIDDEN ||
          visibility == STV_INTERNAL)
        continue;
      std::string name = name_at(names.sh_offset, names.sh_offset + names.sh_size, s.st_name);
      if (bind == STB_GNU_UNIQUE) unique_.add(name);
      if (name != SKEP_PLUGIN_ENTRY_SYMBOL) exports_.add(std::move(name));
    }
  }
  return {};
}

std::optional<std::uint64_t> Library::offset_of(std::uint64_t address) const {
  for (const Elf64_Phdr& s : segments_)
    if (s.p_type == PT_LOAD && address >= s.p_vaddr && address - s.p_vaddr < s.p_filesz)
      return s.p_offset + (address - s.p_vaddr);
  return std::nullopt;
}

std::string Library::name_at(std::uint64_t begin, std::uint64_t end, std::uint64_t index) const {
  if (end < begin || index >= end - begin) return "?";
  std::array<char, kMaxName> text{};
  const std::size_t n = std::min<std::uint64_t>(text.size(), end - begin - index);
  if (!file_.read(begin + index, text.data(), n)) return "?";
  return std::string(text.data(), std::find(text.data(), text.data() + n, '\0'));
}

std::string Library::dynamic_name(std::uint64_t index) const {
  const auto names = offset_of(dynamic(DT_STRTAB).value_or(0));
  if (!names) return "?";
  return name_at(*names, *names + dynamic(DT_STRSZ).value_or(0), index);
}

std::optional<std::uint64_t> Library::dynamic(std::int64_t tag) const {
  for (const Elf64_Dyn& entry : dynamic_)
    if (entry.d_tag == tag) return entry.d_un.d_val;
  return std::nullopt;
}

std::vector<Hazard> Library::hazards() const {
  std::vector<Hazard> out;
  const std::string sdk = "build it with skep_add_plugin(), which brings the linker's options";
  const auto add = [&](bool found, const char* id, std::string what, const std::string& next) {
    if (found) out.push_back({id, std::move(what), next});
  };
  add(unique_.count > 0, "unique-symbols",
      "has symbols that are unique in the process, so two generations would share them: " +
          unique_.text(),
      sdk);
  add(exports_.count > 0, "exports",
      "exports more than " SKEP_PLUGIN_ENTRY_SYMBOL ": " + exports_.text(), sdk);
  add(flag(DT_FLAGS_1, DF_1_NODELETE), "nodelete",
      "marked as never to be unloaded (DF_1_NODELETE), as Go libraries are",
      "run it with isolation = \"process\"");
  add(dynamic(DT_TEXTREL).has_value() || flag(DT_FLAGS, DF_TEXTREL), "textrel",
      "its code is changed while it is loaded (TEXTREL)", "compile it with -fPIC");
  add(flag(DT_FLAGS, DF_STATIC_TLS), "static-tls",
      "its thread-local data takes the process's fixed reserve (DF_STATIC_TLS), which a few "
      "generations use up",
      "compile it without -ftls-model=initial-exec");
  for (const std::int64_t tag : {DT_RPATH, DT_RUNPATH})
    if (const auto path = dynamic(tag))
      add(true, "rpath", "brings its own library path: " + dynamic_name(*path),
          "link private libraries statically");
  for (const Elf64_Dyn& entry : dynamic_)
    if (entry.d_tag == DT_NEEDED)
      if (const std::string name = dynamic_name(entry.d_un.d_val);
          name.find('/') != std::string::npos)
        add(true, "private-library", "needs the library " + name,
            "link private libraries statically");
  const auto stack = std::find_if(segments_.begin(), segments_.end(),
                                  [](const Elf64_Phdr& s) { return s.p_type == PT_GNU_STACK; });
  add(stack == segments_.end() || (stack->p_flags & PF_X) != 0, "exec-stack",
      "asks for an executable stack", "link it with -Wl,-z,noexecstack");
  add(std::any_of(segments_.begin(), segments_.end(),
                  [](const Elf64_Phdr& s) {
                    return s.p_type == PT_LOAD && (s.p_flags & PF_W) != 0 &&
                           (s.p_flags & PF_X) != 0;
                  }),
      "writable-code", "has memory that is writable and executable", sdk);
  return out;
}

}  // namespace

Result<std::vector<Hazard>> hazard_scan(int fd) {
  const auto library = Library::read(fd);
  if (!library) return library.error();
  return library->hazards();
}

Status check_hazards(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno_error("open " + path, errno);
  const auto found = hazard_scan(fd.get());
  if (!found) return found.error();
  if (found->empty()) return {};
  std::string message = "cannot be replaced in a running process";
  for (const Hazard& h : *found) message += "\n  " + h.id + ": " + h.what + "  <- " + h.next;
  return Error{Code::kInvalid, std::move(message), "reload-hazard",
               "heal the file, or set isolation = \"process\" for this plugin"};
}

}  // namespace skep::plugin
