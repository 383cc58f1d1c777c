#include "core/plugin/isolation/frames.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>
#include <thread>

#include "core/plugin/isolation/start_frame.hpp"
#include "core/plugin/isolation/task_frames.hpp"

namespace skep::plugin::frames {
namespace {

struct Pair {
  Pair() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    a = std::make_unique<Link>(UniqueFd(ends[0]));
    b = std::make_unique<Link>(UniqueFd(ends[1]));
  }
  std::unique_ptr<Link> a;
  std::unique_ptr<Link> b;
};

std::string receive_whole(Link& link) {
  Assembler parts;
  for (;;) {
    const auto frame = link.receive(true);
    if (!frame || !*frame) return "(none)";
    const auto whole = parts.add(**frame);
    if (!whole) return whole.error().message;
    if (*whole) return std::string(**whole);
  }
}

TEST(Link, carries_bodies_of_any_size) {
  Pair pair;
  for (const std::size_t size : {0u, 1u, 65'527u, 65'528u, 65'529u, 131'056u, 5'000'000u}) {
    const std::string body(size, 'b');
    std::thread sender([&] { EXPECT_TRUE(pair.a->send(Type::kRun, 0, body)); });
    EXPECT_EQ(receive_whole(*pair.b), body) << size;
    sender.join();
  }
}

TEST(Link, keeps_type_and_value) {
  Pair pair;
  ASSERT_TRUE(pair.a->send(Type::kDone, -14, "x"));
  const auto frame = pair.b->receive(true);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->type, Type::kDone);
  EXPECT_EQ((*frame)->value, -14);
  EXPECT_FALSE((*frame)->more);
  EXPECT_FALSE(*pair.b->receive(false)) << "nothing more is there";
}

TEST(Link, says_when_the_other_side_is_gone_or_does_not_read) {
  Pair pair;
  const std::string body(4u << 20, 'x');
  EXPECT_EQ(pair.a->send(Type::kRun, 0, body, 10).error().message, "the other side does not read");
  pair.b.reset();
  EXPECT_EQ(pair.a->send(Type::kRun, 0, body, 10).error().code, Code::kUnavailable);
  EXPECT_EQ(pair.a->receive(true).error().code, Code::kUnavailable);
}

TEST(Assembler, refuses_mixed_and_endless_parts) {
  Assembler mixed;
  ASSERT_TRUE(mixed.add({Type::kDone, true, 0, "a"}));
  EXPECT_EQ(mixed.add({Type::kAsk, false, 0, "b"}).error().code, Code::kCorrupt);
  Assembler endless;
  ASSERT_TRUE(endless.add({Type::kDone, true, 0, "12345"}, 8));
  EXPECT_EQ(endless.add({Type::kDone, true, 0, "6789"}, 8).error().code, Code::kCorrupt);
}

TEST(Fields, come_out_as_they_went_in) {
  Packer out;
  out.integer(-5).text("").text(std::string_view("a\0b", 3));
  Unpacker in(out.body());
  EXPECT_EQ(in.integer(), -5);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.text(), std::string_view("a\0b", 3));
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.integer(), 0);
  EXPECT_FALSE(in.ok());
}

TEST(Fields, carry_errors) {
  Error error = unavailable("away").named("gone-away").with_next("wait");
  error.retry_after = Millis(70);
  Packer out;
  pack_error(out, error);
  Unpacker in(out.body());
  const auto back = unpack_error(in);
  ASSERT_TRUE(back && in.ok());
  EXPECT_EQ(back->code, Code::kUnavailable);
  EXPECT_EQ(back->name, "gone-away");
  EXPECT_EQ(back->message, "away");
  EXPECT_EQ(back->next, "wait");
  EXPECT_EQ(back->retry_after, Millis(70));
}

// Whatever a hostile child sends: an answer, never a crash and never a large allocation.
TEST(Parsers, survive_mutated_messages) {
  std::mt19937 random(20'26);
  DoneFrame done;
  done.said.result = R"({"a":1})";
  done.said.message = "message";
  Packer error;
  pack_error(error, internal_error("x"));
  const std::vector<std::string> seeds{pack_done(done), pack_run({1, "o", "s", "{}"}),
                                       pack_start(ChildPlugin{}), error.body(),
                                       std::string(8, '\4')};
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[random() % seeds.size()];
    for (unsigned n = random() % 4; n-- > 0 && !bytes.empty();)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 9), '\xee');
    const auto frame = parse(bytes);
    refused += !frame;
    Unpacker in(bytes);
    static_cast<void>(unpack_error(in));
    static_cast<void>(unpack_done(bytes));
    static_cast<void>(unpack_run(bytes));
    static_cast<void>(unpack_start(bytes));
  }
  EXPECT_GT(refused, 1'000);
  EXPECT_LT(refused, 20'000) << "some mutations are still frames";
}

}  // namespace
}  // namespace skep::plugin::frames
