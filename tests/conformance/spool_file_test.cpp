// What the file spool keeps on disk: names, seals, folders, limits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "plugins/spool_file/aside.hpp"
#include "plugins/spool_file/batch.hpp"
#include "plugins/spool_file/item_name.hpp"
#include "plugins/spool_file/seal.hpp"
#include "tests/conformance/spool_component.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const std::string& dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::size_t items_in(const std::string& dir) {
  const auto names = names_in(dir);
  return static_cast<std::size_t>(std::count_if(
      names.begin(), names.end(), [](const auto& n) { return n.ends_with(".json"); }));
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::unique_ptr<ports::Spool> must_open(const std::string& dir) {
  auto spool = open_file_spool(dir);
  if (!spool) throw std::runtime_error(spool.error().message);
  return std::move(*spool);
}

TEST(ItemName, reads_what_it_writes) {
  const spool::Micros time = 1'768'048'496'123'456;
  const std::string name = spool::format_name("execution_result", time, "a-b.c_1");
  EXPECT_EQ(name, "execution_result-20260110T123456.123456Z-a-b.c_1.json");
  const auto parsed = spool::parse_name(name);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->payload_type, "execution_result");
  EXPECT_EQ(parsed->task_id, "a-b.c_1");
  EXPECT_EQ(parsed->time, time);
}

TEST(ItemName, reads_epoch_times_and_leaves_other_times_open) {
  EXPECT_EQ(spool::parse_name("logs-1768048496-t.json")->time, 1'768'048'496'000'000);
  EXPECT_EQ(spool::parse_name("logs-1768048496123-t.json")->time, 1'768'048'496'123'000);
  EXPECT_EQ(spool::parse_name("logs-yesterday-t.json")->time, std::nullopt);
}

TEST(ItemName, refuses_what_is_no_item) {
  for (const char* name : {"", ".json", "README.md", "lost+found", "gossip-1768048496-t.json",
                           "logs-1768048496-.json", "logs-1768048496-a b.json",
                           "logs-1768048496-..json", "logs.json", "logs-1768048496-t.json.tmp"})
    EXPECT_FALSE(spool::parse_name(name)) << name;
}

TEST(Seal, gives_back_the_bytes_it_sealed) {
  for (const std::string body : {"{\"a\":1}", "{ \"a\" : {} }", "{\"a\":\"}\"}"}) {
    const std::string sealed = spool::seal(body);
    EXPECT_EQ(sealed.size(), body.size() + spool::kSealBytes);
    std::string why;
    EXPECT_EQ(spool::unseal(sealed, why), body);
  }
}

TEST(Seal, finds_every_truncation) {  // S5
  const std::string sealed = spool::seal("{\"a\":\"" + std::string(1963, 'x') + "\"}");
  ASSERT_EQ(sealed.size(), 2048u);
  for (std::size_t n = 0; n < sealed.size(); ++n) {
    std::string why;
    EXPECT_FALSE(spool::unseal(sealed.substr(0, n), why)) << n;
    EXPECT_FALSE(why.empty());
  }
}

TEST(Seal, finds_every_flipped_bit) {  // S6
  std::string sealed = spool::seal("{\"a\":\"" + std::string(1200, 'x') + "\"}");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1 << (bit % 8));
    sealed[bit / 8] = static_cast<char>(sealed[bit / 8] ^ mask);
    std::string why;
    EXPECT_FALSE(spool::unseal(sealed, why)) << bit;
    sealed[bit / 8] = static_cast<char>(sealed[bit / 8] ^ mask);
  }
}

TEST(Batch, finds_the_sound_lines_around_damaged_ones) {
  std::vector<std::string> names;
  std::string bytes;
  for (int i = 0; i < 5; ++i) {
    names.push_back(spool::format_name("logs", 1'768'048'496'000'000 + i, "t"));
    bytes += spool::batch_line(names.back(), "{\n\"n\":" + std::to_string(i) + "\n}");
  }
  const std::size_t line = bytes.size() / 5;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    const std::size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    const auto parsed = spool::parse_batch(damaged);
    std::vector<std::string> found;
    for (const auto& item : parsed.items) found.push_back(item.name);
    auto expected = names;
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(at / line));
    EXPECT_EQ(found, expected) << "flip at " << at;
    EXPECT_EQ(parsed.damaged.size(), 1u);
  }
}

TEST(FileSpool, writes_no_file_of_its_own_for_an_item_that_is_delivered) {
  TempDir dir;
  const auto spool = must_open(dir.file("s"));
  const auto names =
      spool->put(std::vector{result_item("t1", "{\"a\":1}"), result_item("t2", "{\"a\":2}")});
  EXPECT_EQ(items_in(dir.file("s")), 0u);
  EXPECT_EQ(names_in(dir.file("s/.batch")).size(), 1u);
  ASSERT_TRUE(spool->ack(*names));
  EXPECT_EQ(items_in(dir.file("s")), 0u);
  EXPECT_EQ(names_in(dir.file("s/.batch")).size(), 0u);
}

TEST(FileSpool, writes_the_named_file_as_soon_as_an_item_is_deferred) {
  TempDir dir;
  const auto spool = must_open(dir.file("s"));
  const auto names =
      *spool->put(std::vector{result_item("t1", "{\"a\":1}"), result_item("t2", "{\"a\":2}")});
  ASSERT_TRUE(spool->ack(std::vector{names[0]}));
  ASSERT_TRUE(spool->defer(std::vector{names[1]}));
  EXPECT_FALSE(fs::exists(dir.file("s/" + names[0])));
  EXPECT_EQ(read_bytes(dir.file("s/" + names[1])), spool::seal("{\"a\":2}"));
  EXPECT_TRUE(names_in(dir.file("s/.batch")).empty());
  EXPECT_TRUE(names_in(dir.file("s/.tmp")).empty());
  ASSERT_TRUE(spool->ack(std::vector{names[1]}));
  EXPECT_FALSE(fs::exists(dir.file("s/" + names[1])));
}

TEST(FileSpool, opens_its_files_to_nobody_else) {  // S24
  TempDir dir;
  const auto spool = must_open(dir.file("deep/er/s"));
  const auto names =
      *spool->put(std::vector{result_item("t1", "{\"a\":1}"), result_item("t2", "{\"a\":2}")});
  ASSERT_TRUE(spool->defer(std::vector{names[0]}));
  ASSERT_TRUE(spool->reject(names[1], "no"));
  std::size_t seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir.file("deep"))) {
    struct stat st {};
    ASSERT_EQ(::lstat(entry.path().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777u, entry.is_directory() ? 0700u : 0600u) << entry.path();
    ++seen;
  }
  EXPECT_GE(seen, 8u);
}

TEST(FileSpool, sends_files_of_any_order_and_type_by_their_time) {  // S8
  TempDir dir;
  fs::create_directory(dir.file("s"));
  std::vector<std::string> names;
  const char* types[] = {"execution_result", "logs", "facts", "health"};
  for (int i = 0; i < 1000; ++i)
    names.push_back(spool::format_name(types[i % 4], 1'768'048'496'000'000 + i * 7919, "t"));
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  auto shuffled = names;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(seed));
  for (const auto& name : shuffled) write_file(dir.file("s/" + name), spool::seal("{\"a\":1}"));

  const auto spool = must_open(dir.file("s"));
  std::reverse(names.begin(), names.end());
  std::vector<std::string> sent;
  while (sent.size() < 500) {
    const auto items = *spool->next(50);
    for (const auto& item : items) {
      sent.push_back(item.name);
      ASSERT_TRUE(spool->ack(std::vector{item.name}));
    }
  }
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), names.begin()));
  const auto added = *spool->put(std::vector{result_item("new", "{\"a\":1}")});
  ASSERT_TRUE(spool->defer(added));
  EXPECT_EQ(spool->next(1)->front().name, added[0]);
}

TEST(FileSpool, names_new_items_later_than_the_newest_file_after_a_clock_step) {  // S9
  TempDir dir;
  fs::create_directory(dir.file("s"));
  const auto ahead = spool::wall_now() + 7'200'000'000;
  const std::string future = spool::format_name("logs", ahead, "t");
  write_file(dir.file("s/" + future), spool::seal("{\"a\":1}"));
  const auto spool = must_open(dir.file("s"));
  for (int i = 0; i < 100; ++i) {
    const auto names = *spool->put(std::vector{result_item("t", "{\"a\":1}")});
    EXPECT_GT(*spool::parse_name(names[0])->time, ahead);
    ASSERT_TRUE(spool->defer(names));
    EXPECT_EQ(spool->next(1)->front().name, names[0]);
  }
}

TEST(FileSpool, refuses_a_second_process_and_names_the_first) {  // S20
  TempDir dir;
  auto first = must_open(dir.file("s"));
  const auto second = open_file_spool(dir.file("s"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kState);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().message;
  first.reset();
  EXPECT_TRUE(open_file_spool(dir.file("s")));
}

TEST(FileSpool, names_its_folder_whatever_in_it_cannot_be_opened) {
  for (const char* inner : {".tmp", ".batch", "quarantine"}) {
    TempDir dir;
    fs::create_directory(dir.file("s"));
    write_file(dir.file("s/") + inner, "in the way");
    const auto refused = open_file_spool(dir.file("s"));
    ASSERT_FALSE(refused) << inner;
    EXPECT_TRUE(refused.error().message.starts_with("open the spool " + dir.file("s") + ": "))
        << refused.error().message;
  }
}

TEST(FileSpool, writes_the_reason_beside_a_rejected_item) {
  TempDir dir;
  const auto spool = must_open(dir.file("s"));
  const auto names = *spool->put(std::vector{result_item("t", "{\"a\":1}")});
  ASSERT_TRUE(spool->defer(names));
  ASSERT_TRUE(spool->reject(names[0], "status 422: no such field"));
  EXPECT_EQ(read_bytes(dir.file("s/rejected/" + names[0])), spool::seal("{\"a\":1}"));
  EXPECT_EQ(read_bytes(dir.file("s/rejected/" + names[0] + ".reason")),
            "status 422: no such field\n");
}

TEST(FileSpool, leaves_foreign_files_alone_and_reports_them) {
  TempDir dir;
  fs::create_directory(dir.file("s"));
  write_file(dir.file("s/README.txt"), "mine");
  const auto spool = must_open(dir.file("s"));
  EXPECT_TRUE(spool->next(10)->empty());
  EXPECT_TRUE(fs::exists(dir.file("s/README.txt")));
  const auto problems = *spool->verify();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].name, "README.txt");
}

TEST(FileSpool, reports_a_damaged_item_on_verify_and_leaves_it_in_place) {
  TempDir dir;
  const auto spool = must_open(dir.file("s"));
  const auto names = *spool->put(std::vector{result_item("t", "{\"a\":1}")});
  ASSERT_TRUE(spool->defer(names));
  write_file(dir.file("s/" + names[0]), "{\"a\":2}");
  const auto problems = *spool->verify();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].name, names[0]);
  EXPECT_TRUE(fs::exists(dir.file("s/" + names[0])));
}

TEST(Aside, keeps_a_thousand_files) {  // S23
  TempDir dir;
  const spool::Fd root = spool::open_folder(AT_FDCWD, dir.file("s"));
  spool::Aside aside;
  aside.open(root.get());
  for (int i = 0; i < 520; ++i)
    aside.store(i % 2 ? spool::Shelf::kRejected : spool::Shelf::kQuarantine,
                "logs-" + std::to_string(i), "bytes", "why");
  const auto count = [&] {
    return names_in(dir.file("s/quarantine")).size() + names_in(dir.file("s/rejected")).size();
  };
  EXPECT_LE(count(), 1000u);
  EXPECT_GE(count(), 990u);
}

TEST(Aside, keeps_64_mebibytes) {  // S23
  TempDir dir;
  const spool::Fd root = spool::open_folder(AT_FDCWD, dir.file("s"));
  spool::Aside aside;
  aside.open(root.get());
  const std::string big(9 << 20, 'x');
  for (int i = 0; i < 9; ++i)
    aside.store(spool::Shelf::kQuarantine, "logs-" + std::to_string(i), big, "why");
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(dir.file("s/quarantine")))
    bytes += entry.file_size();
  EXPECT_LE(bytes, 64u << 20);
  EXPECT_GE(bytes, 54u << 20);
  EXPECT_FALSE(fs::exists(dir.file("s/quarantine/logs-0")));
}

}  // namespace
}  // namespace skep::test
