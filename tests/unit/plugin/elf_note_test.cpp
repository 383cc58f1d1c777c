#include "core/plugin/elf_note.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <random>

#include "core/base/fd.hpp"
#include "core/plugin/manifest.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

Result<std::string> note_of(std::string_view bytes) {
  const UniqueFd fd(memfd_create("elf", MFD_CLOEXEC));
  if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("short write");
  auto of_file = read_manifest_note(fd.get());
  const auto of_bytes = read_manifest_note(bytes);
  EXPECT_EQ(of_file ? *of_file : of_file.error().message,
            of_bytes ? *of_bytes : of_bytes.error().message);
  return of_file;
}

std::string problem_of(std::string_view bytes) {
  const auto note = note_of(bytes);
  return note ? "accepted" : note.error().message;
}

std::string noop() { return bytes_of(fixture("good/noop.so")); }

template <class T>
T get(const std::string& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}
template <class T>
void put(std::string& bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

/// Where the section header of .note.skep stands.
std::size_t note_header(const std::string& elf) {
  const auto h = get<Elf64_Ehdr>(elf, 0);
  const auto names = get<Elf64_Shdr>(elf, h.e_shoff + h.e_shstrndx * sizeof(Elf64_Shdr));
  for (std::size_t i = 0; i < h.e_shnum; ++i) {
    const std::size_t at = h.e_shoff + i * sizeof(Elf64_Shdr);
    if (std::strcmp(elf.data() + names.sh_offset + get<Elf64_Shdr>(elf, at).sh_name,
                    ".note.skep") == 0)
      return at;
  }
  throw std::runtime_error("no .note.skep");
}

TEST(ElfNote, reads_the_manifest_without_loading) {
  const auto note = note_of(noop());
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(*note, bytes_of(SKEP_SOURCE_DIR "/tests/fixtures/plugins/noop.json"));
}

TEST(ElfNote, says_that_a_text_file_is_no_library) {
  EXPECT_EQ(problem_of("#!/bin/sh\n"), "not a shared library (only 10 bytes)");
  EXPECT_EQ(problem_of(std::string(500, 'x')), "not a shared library (no ELF header)");
  EXPECT_EQ(problem_of(""), "not a shared library (only 0 bytes)");
}

TEST(ElfNote, names_the_wrong_architecture) {
  std::string elf = noop();
  put<std::uint16_t>(elf, offsetof(Elf64_Ehdr, e_machine), EM_RISCV);
  const auto note = note_of(elf);
  ASSERT_FALSE(note);
  EXPECT_EQ(note.error().id(), "wrong-architecture");
  EXPECT_TRUE(note.error().message.starts_with("built for riscv; this host is "));
  EXPECT_TRUE(note.error().next.starts_with("build the plugin on"));
}

TEST(ElfNote, refuses_other_classes_and_byte_orders) {
  std::string elf = noop();
  elf[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(problem_of(elf), "a 32-bit library; this host is 64-bit");
  elf = noop();
  elf[EI_DATA] = ELFDATA2MSB;
  EXPECT_EQ(problem_of(elf), "a big-endian library; this host is little-endian");
}

TEST(ElfNote, refuses_a_program_and_a_library_without_note) {
  std::string elf = noop();
  put<std::uint16_t>(elf, offsetof(Elf64_Ehdr, e_type), ET_EXEC);
  EXPECT_EQ(problem_of(elf), "an ELF file, but not a shared library");
  elf = patched(noop(), std::string_view(".note.skep\0", 11), std::string_view(".note.skip\0", 11));
  EXPECT_TRUE(problem_of(elf).starts_with("a shared library without a .note.skep section"));
}

TEST(ElfNote, refuses_every_truncation) {
  const std::string elf = noop();
  for (std::size_t size = 0; size < elf.size(); size += 1 + elf.size() / 200)
    EXPECT_NE(problem_of(std::string_view(elf).substr(0, size)), "accepted") << size << " bytes";
}

TEST(ElfNote, refuses_two_manifests) {
  std::string elf = noop();
  const std::size_t at = note_header(elf);
  auto section = get<Elf64_Shdr>(elf, at);
  const std::string twice = elf.substr(section.sh_offset, section.sh_size) + std::string(3, '\0');
  section.sh_offset = elf.size();
  const std::string note = twice.substr(0, (section.sh_size + 3) / 4 * 4);
  section.sh_size = 2 * note.size();
  put(elf, at, section);
  EXPECT_EQ(problem_of(elf + note + note), "two manifests in .note.skep; exactly one is allowed");

  elf = noop();
  put(elf,
      note_header(elf) == get<Elf64_Ehdr>(elf, 0).e_shoff ? 0 : get<Elf64_Ehdr>(elf, 0).e_shoff,
      get<Elf64_Shdr>(elf, note_header(elf)));
  EXPECT_EQ(problem_of(elf), "two .note.skep sections; exactly one is allowed");
}

TEST(ElfNote, refuses_sizes_that_lie) {
  const std::string elf = noop();
  const std::size_t at = note_header(elf);
  for (const std::uint64_t size : {std::uint64_t{1} << 36, ~std::uint64_t{0}, kMaxNoteBytes + 1}) {
    std::string bad = elf;
    put(bad, at + offsetof(Elf64_Shdr, sh_size), size);
    EXPECT_NE(problem_of(bad), "accepted") << size;
  }
  std::string bad = elf + std::string(kMaxNoteBytes + 1, 'x');
  auto section = get<Elf64_Shdr>(bad, at);
  section.sh_offset = elf.size();
  section.sh_size = kMaxNoteBytes + 1;
  put(bad, at, section);
  EXPECT_EQ(problem_of(bad), "its .note.skep section has 262145 bytes; at most 262144 are allowed");
  section.sh_size = 8;
  put(bad, at, section);
  EXPECT_EQ(problem_of(bad), "its .note.skep section holds no note of owner SKEP");
}

TEST(ElfNote, survives_random_mutations) {
  const auto seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  const std::string elf = noop();
  const auto header = get<Elf64_Ehdr>(elf, 0);
  const auto section = get<Elf64_Shdr>(elf, note_header(elf));
  std::size_t accepted = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bad = elf;
    // Half of the hits go where the reader looks: headers, section table, note.
    for (std::uint32_t hits = 1 + random() % 8; hits > 0; --hits) {
      const std::size_t spot[] = {random() % 64,
                                  header.e_shoff + random() % (bad.size() - header.e_shoff),
                                  section.sh_offset + random() % section.sh_size,
                                  random() % bad.size(),
                                  random() % bad.size(),
                                  random() % bad.size()};
      bad[spot[random() % 6]] = static_cast<char>(random());
    }
    if (random() % 8 == 0) bad.resize(random() % bad.size());
    const auto note = note_of(bad);
    if (!note) {
      EXPECT_FALSE(note.error().message.empty());
      continue;
    }
    ++accepted;
    EXPECT_LE(note->size(), kMaxNoteBytes);
    const auto manifest = parse_manifest(*note);
    EXPECT_TRUE(manifest || !manifest.error().message.empty());
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, 2000u);
}

}  // namespace
}  // namespace skep::plugin
