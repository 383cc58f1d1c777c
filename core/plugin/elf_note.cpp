#include "core/plugin/elf_note.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "skep/abi/base.h"

namespace skep::plugin {
namespace {

static_assert(std::endian::native == std::endian::little, "the reader copies little-endian fields");

constexpr std::string_view kSection{".note.skep\0", 11};
constexpr std::string_view kOwner{SKEP_NOTE_OWNER "\0", sizeof(SKEP_NOTE_OWNER)};
constexpr std::uint64_t kMaxSections = 4096;

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#else
#error "name the ELF machine number of this architecture here"
#endif

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "x86 (32 bit)";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "arm (32 bit)";
    case EM_AARCH64:
      return "aarch64";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390x";
    default:
      return "machine number " + std::to_string(machine);
  }
}

Error bad(std::string message) { return Error{Code::kInvalid, std::move(message), "bad-plugin"}; }

Error no_manifest() {
  return bad("a shared library without a .note.skep section: it is not a skep plugin, or its "
             "manifest was not embedded")
      .with_next("build it with skep_add_plugin() (share/doc/skep/docs/write-a-plugin.md)");
}

/// Bytes of known size, read by position.
class Bounded {
 public:
  explicit Bounded(std::uint64_t size) : size_(size) {}
  virtual ~Bounded() = default;

  std::uint64_t size() const { return size_; }
  bool covers(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size_ && length <= size_ - offset;
  }
  /// Fills `out`; false when the range is not in there or cannot be read.
  bool read(std::uint64_t offset, void* out, std::size_t length) const {
    return covers(offset, length) && fetch(offset, static_cast<char*>(out), length);
  }

 private:
  virtual bool fetch(std::uint64_t offset, char* to, std::size_t length) const = 0;
  const std::uint64_t size_;
};

class FileBytes final : public Bounded {
 public:
  FileBytes(int fd, std::uint64_t size) : Bounded(size), fd_(fd) {}

 private:
  bool fetch(std::uint64_t offset, char* to, std::size_t length) const override {
    while (length > 0) {
      const auto n = ::pread(fd_, to, length, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      to += n;
      offset += static_cast<std::uint64_t>(n);
      length -= static_cast<std::size_t>(n);
    }
    return true;
  }
  const int fd_;
};

class MemoryBytes final : public Bounded {
 public:
  explicit MemoryBytes(std::string_view bytes) : Bounded(bytes.size()), bytes_(bytes) {}

 private:
  bool fetch(std::uint64_t offset, char* to, std::size_t length) const override {
    bytes_.copy(to, length, offset);
    return true;
  }
  const std::string_view bytes_;
};

Status check_header(const Elf64_Ehdr& h, Machine machine) {
  if (std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
    return bad("not a shared library (no ELF header)");
  if (h.e_ident[EI_CLASS] != ELFCLASS64) return bad("a 32-bit library; this host is 64-bit");
  if (h.e_ident[EI_DATA] != ELFDATA2LSB)
    return bad("a big-endian library; this host is little-endian");
  if (machine == Machine::kHost && h.e_machine != kMachine)
    return bad("built for " + machine_name(h.e_machine) + "; this host is " +
               machine_name(kMachine))
        .named("wrong-architecture")
        .with_next("build the plugin on, or for, " + machine_name(kMachine));
  if (h.e_type != ET_DYN) return bad("an ELF file, but not a shared library");
  if (h.e_shnum == 0) return bad("an ELF file without section headers; was it stripped of them?");
  if (h.e_shnum > kMaxSections || h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shstrndx >= h.e_shnum)
    return bad("damaged: its section table makes no sense");
  return Status();
}

bool is_note_section(const Bounded& file, const Elf64_Shdr& names, const Elf64_Shdr& s) {
  char name[kSection.size()];
  if (names.sh_size < kSection.size() || s.sh_name > names.sh_size - kSection.size()) return false;
  return file.covers(names.sh_offset, names.sh_size) &&
         file.read(names.sh_offset + s.sh_name, name, sizeof(name)) &&
         std::string_view(name, sizeof(name)) == kSection;
}

Result<Elf64_Shdr> find_section(const Bounded& file, const Elf64_Ehdr& h) {
  std::vector<Elf64_Shdr> sections(h.e_shnum);
  if (!file.read(h.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr)))
    return bad("damaged or cut off: its section table lies beyond its end");
  std::optional<Elf64_Shdr> found;
  for (const Elf64_Shdr& s : sections) {
    if (!is_note_section(file, sections[h.e_shstrndx], s)) continue;
    if (found) return bad("two .note.skep sections; exactly one is allowed");
    found = s;
  }
  if (!found) return no_manifest();
  if (found->sh_type == SHT_NOBITS || !file.covers(found->sh_offset, found->sh_size))
    return bad("damaged or cut off: its .note.skep section lies beyond its end");
  if (found->sh_size > kMaxNoteBytes)
    return bad("its .note.skep section has " + std::to_string(found->sh_size) +
               " bytes; at most 262144 are allowed");
  return *found;
}

std::uint64_t aligned(std::uint64_t n) { return (n + 3) & ~std::uint64_t{3}; }

/// The descriptor of the only SKEP note among the notes of a section.
Result<std::string> find_note(std::string_view notes) {
  std::optional<std::string> found;
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr h;
    std::memcpy(&h, notes.data(), sizeof(h));
    notes.remove_prefix(sizeof(h));
    const std::uint64_t name_span = aligned(h.n_namesz);
    if (name_span > notes.size() || h.n_descsz > notes.size() - name_span)
      return bad("damaged: a note in .note.skep is longer than its section");
    const bool ours = notes.substr(0, h.n_namesz) == kOwner && h.n_type == SKEP_NOTE_TYPE;
    if (ours && found) return bad("two manifests in .note.skep; exactly one is allowed");
    if (ours) found = std::string(notes.substr(name_span, h.n_descsz));
    notes.remove_prefix(std::min<std::uint64_t>(notes.size(), name_span + aligned(h.n_descsz)));
  }
  if (!found) return bad("its .note.skep section holds no note of owner SKEP");
  return std::move(*found);
}

Result<std::string> note_of(const Bounded& file, Machine machine) {
  if (file.size() > kMaxPluginBytes)
    return bad("has " + std::to_string(file.size() >> 20) + " MiB; at most 256 are allowed");
  Elf64_Ehdr header{};
  if (!file.read(0, &header, sizeof(header)))
    return bad("not a shared library (only " + std::to_string(file.size()) + " bytes)");
  SKEP_TRY(check_header(header, machine));
  const auto section = find_section(file, header);
  if (!section) return section.error();
  std::string notes(section->sh_size, '\0');
  if (!file.read(section->sh_offset, notes.data(), notes.size()))
    return bad("its .note.skep section cannot be read");
  return find_note(notes);
}

}  // namespace

Result<std::string> read_manifest_note(int fd, Machine machine) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return errno_error("stat", errno);
  return note_of(FileBytes(fd, static_cast<std::uint64_t>(st.st_size)), machine);
}

Result<std::string> read_manifest_note(std::string_view bytes, Machine machine) {
  return note_of(MemoryBytes(bytes), machine);
}

}  // namespace skep::plugin
