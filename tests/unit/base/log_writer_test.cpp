#include "core/base/log_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <string>

#include "core/base/fd.hpp"
#include "core/base/log.hpp"

namespace skep::log {
namespace {

/// A pipe that takes a page and that nobody reads until somebody does.
struct UnreadPipe {
  UnreadPipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    out.reset(ends[0]);
    in.reset(ends[1]);
    ::fcntl(in.get(), F_SETPIPE_SZ, 4096);
  }

  /// All that comes until `word` is in it.
  std::string read_until(std::string_view word) const {
    std::string text;
    char bytes[4096];
    while (text.find(word) == std::string::npos) {
      const ssize_t n = ::read(out.get(), bytes, sizeof(bytes));
      if (n <= 0) break;
      text.append(bytes, static_cast<std::size_t>(n));
    }
    return text;
  }

  UniqueFd out;
  UniqueFd in;
};

TEST(LogWriter, a_reader_that_does_not_read_stops_nobody) {
  UnreadPipe pipe;
  Writer writer(pipe.in.get(), 16u << 10);
  const std::int64_t before = dropped_lines();
  for (int i = 0; i < 2'000; ++i) info("busy", {{"n", i}, {"text", std::string(100, 'x')}});
  EXPECT_FALSE(writer.flush(Millis{0}));
  EXPECT_GT(dropped_lines(), before);
  const std::string read = pipe.read_until("log_lines_dropped count: ");
  EXPECT_NE(read.find("busy n: 0,"), std::string::npos);
  EXPECT_NE(read.find("log_lines_dropped count: "), std::string::npos) << read;
  pipe.out.reset();
}

TEST(LogWriter, writes_every_line_in_order_while_somebody_reads) {
  const UnreadPipe pipe;
  {
    Writer writer(pipe.in.get());
    for (int i = 0; i < 3; ++i) info("said", {{"n", i}});
    EXPECT_TRUE(writer.flush(Millis{60'000}));
  }
  const std::string read = pipe.read_until("n: 2\n");
  EXPECT_LT(read.find("n: 0\n"), read.find("n: 1\n"));
  EXPECT_LT(read.find("n: 1\n"), read.find("n: 2\n"));
}

TEST(LogWriter, goes_back_to_stderr_when_it_ends) {
  const UnreadPipe pipe;
  { const Writer writer(pipe.in.get()); }
  testing::internal::CaptureStderr();
  info("after");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("after"), std::string::npos);
}

TEST(LogWriter, ends_although_nobody_reads) {
  const UnreadPipe pipe;
  {
    const Writer writer(pipe.in.get());
    info("long", {{"text", std::string(64u << 10, 'x')}});
  }
  const std::int64_t before = dropped_lines();
  info("after");
  EXPECT_EQ(dropped_lines(), before + 1);
  const Writer next;  // whoever logs afterwards writes again
}

}  // namespace
}  // namespace skep::log
