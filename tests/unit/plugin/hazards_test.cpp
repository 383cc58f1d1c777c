#include "core/plugin/hazards.hpp"

#include <fcntl.h>

#include <random>

#include "core/base/fd.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

Result<std::vector<Hazard>> scan(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return hazard_scan(fd.get());
}

std::string ids_of(const std::string& library) {
  const auto found = scan(fixture("hazards/" + library + ".so"));
  if (!found) return found.error().message;
  std::string out;
  for (const Hazard& h : *found) out += (out.empty() ? "" : " ") + h.id;
  return out;
}

TEST(Hazards, each_is_found_alone) {
  EXPECT_EQ(ids_of("clean"), "");
  EXPECT_EQ(ids_of("nodelete"), "nodelete");
  EXPECT_EQ(ids_of("execstack"), "exec-stack");
  EXPECT_EQ(ids_of("rpath"), "rpath");
  EXPECT_EQ(ids_of("textrel"), "textrel");
  EXPECT_EQ(ids_of("static_tls"), "static-tls");
  EXPECT_EQ(ids_of("unique"), "unique-symbols exports");
}

TEST(Hazards, hidden_visibility_alone_is_not_enough) {
  EXPECT_NE(ids_of("regex").find("exports"), std::string::npos);
}

TEST(Hazards, the_sdk_leaves_none) {
  for (const auto& file : fs::directory_iterator(fixture("reload"))) {
    const auto found = scan(file.path().string());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_TRUE(found->empty()) << file.path() << ": " << found->front().what;
  }
}

TEST(Hazards, the_refusal_names_symbols_and_what_to_do) {
  const Status status = check_hazards(fixture("hazards/unique.so"));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("counter"), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("skep_add_plugin()"), std::string::npos);
  EXPECT_NE(status.error().next.find("isolation = \"process\""), std::string::npos);
}

TEST(Hazards, any_damage_is_an_answer_and_no_crash) {
  const TempDir dir;
  const std::string whole = bytes_of(fixture("hazards/unique.so"));
  std::minstd_rand random(7);
  for (int i = 0; i < 400; ++i) {
    std::string damaged = whole;
    if (i % 4 == 0) damaged.resize(random() % damaged.size());
    for (int n = 0; n < 24 && !damaged.empty(); ++n)
      damaged[random() % std::min<std::size_t>(damaged.size(), i % 2 == 0 ? 1024 : 1u << 20)] =
          static_cast<char>(random());
    write_bytes(dir.file("f.so"), damaged);
    static_cast<void>(scan(dir.file("f.so")));
  }
  write_bytes(dir.file("f.so"), "");
  EXPECT_FALSE(scan(dir.file("f.so")));
}

}  // namespace
}  // namespace skep::plugin
