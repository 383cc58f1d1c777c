// Backoff and the log streamer.
#include <gtest/gtest.h>

#include "core/worker/backoff.hpp"
#include "core/worker/log_streamer.hpp"

namespace skep::worker {
namespace {

TEST(Backoff, tries_fast_twenty_times_then_spreads_over_a_minute) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const BackoffLimits limits;
  for (int round = 0; round < 200; ++round) {
    Backoff backoff(seed + static_cast<std::uint64_t>(round));
    for (int i = 1; i <= 60; ++i) {
      const Millis wait = backoff.next();
      EXPECT_GE(wait, Millis{50});
      EXPECT_LE(wait, i <= Backoff::kFastTries ? limits.fast : limits.slow);
    }
  }
}

TEST(Backoff, has_a_mean_in_the_middle_of_its_range) {
  double sum = 0;
  constexpr int kSamples = 10'000;
  for (int i = 0; i < kSamples; ++i)
    sum += static_cast<double>(Backoff(static_cast<std::uint64_t>(i)).next().count());
  EXPECT_NEAR(sum / kSamples, 1525, 75);
}

TEST(Backoff, waits_at_least_as_long_as_it_was_asked_to) {
  Backoff backoff(1);
  EXPECT_GE(backoff.next(Millis{5'000}), Millis{5'000});
}

TEST(Backoff, starts_over_after_a_success) {
  Backoff backoff(1);
  for (int i = 0; i < 40; ++i) backoff.next();
  backoff.reset();
  EXPECT_LE(backoff.next(), BackoffLimits{}.fast);
}

TEST(Complaint, is_due_once_a_minute) {
  Complaint complaint;
  EXPECT_TRUE(complaint.due(1'000));
  EXPECT_FALSE(complaint.due(60'999));
  EXPECT_TRUE(complaint.due(61'000));
  complaint.reset();
  EXPECT_TRUE(complaint.due(61'001));
}

const model::Lease kLease{"t", 1, "l"};

std::string text_of(const std::vector<OutputChunk>& chunks) {
  std::string text;
  for (const OutputChunk& out : chunks)
    for (const api::LogEntry& entry : out.chunk.entries) text += entry.text;
  return text;
}

TEST(LogStreamer, gathers_output_for_200_ms) {
  LogStreamer streamer;
  EXPECT_TRUE(streamer.append(kLease, "stdout", "a", 1'000));
  EXPECT_FALSE(streamer.append(kLease, "stdout", "b", 1'100));
  EXPECT_FALSE(streamer.append(kLease, "stderr", "c", 1'150));
  EXPECT_EQ(streamer.next_due(), 1'200);
  EXPECT_TRUE(streamer.take_due(1'199).empty());
  const auto chunks = streamer.take_due(1'200);
  ASSERT_EQ(chunks.size(), 1u);
  ASSERT_EQ(chunks[0].chunk.entries.size(), 2u);
  EXPECT_EQ(chunks[0].chunk.entries[0].text, "ab");
  EXPECT_EQ(chunks[0].chunk.entries[1].stream, "stderr");
  EXPECT_EQ(streamer.next_due(), std::nullopt);
}

TEST(LogStreamer, cuts_a_chunk_at_64_kib_and_counts_them) {
  LogStreamer streamer;
  EXPECT_TRUE(streamer.append(kLease, "stdout", std::string(LogStreamer::kChunkBytes, 'x'), 1'000));
  EXPECT_EQ(streamer.take_due(1'000).at(0).chunk.chunk, 0);
  streamer.append(kLease, "stdout", "y", 1'001);
  const auto end = streamer.finish(kLease);
  ASSERT_TRUE(end.rest);
  EXPECT_EQ(end.rest->chunk.chunk, 1);
  EXPECT_EQ(end.chunks, 2);
  EXPECT_FALSE(streamer.finish(kLease).rest) << "nothing is left of the attempt";
}

TEST(LogStreamer, keeps_the_first_mebibyte_of_an_attempt_and_its_end_and_says_so) {
  LogStreamer streamer;
  std::string all;
  for (int i = 0; i < 40; ++i) {
    streamer.append(kLease, "stdout", std::string(LogStreamer::kChunkBytes, 'x'), 1'000);
    all += text_of(streamer.take_due(1'000));
  }
  streamer.append(kLease, "stderr", "why it failed", 1'000);
  if (const auto end = streamer.finish(kLease); end.rest) all += text_of({*end.rest});
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'),
            static_cast<std::ptrdiff_t>(LogStreamer::kAttemptBytes + LogStreamer::kTailBytes - 13));
  EXPECT_NE(all.find("output is cut here"), std::string::npos);
  EXPECT_NE(all.find("bytes are left out; the end:\n"), std::string::npos);
  EXPECT_TRUE(all.ends_with("why it failed"));
}

TEST(LogStreamer, sends_the_newest_progress_of_a_second) {
  LogStreamer streamer;
  EXPECT_TRUE(streamer.append(kLease, "progress", "one\n", 1'000));
  EXPECT_FALSE(streamer.append(kLease, "progress", "two\n", 1'100));
  EXPECT_EQ(streamer.next_due(), 2'000);
  EXPECT_TRUE(streamer.append(kLease, "stdout", "a", 1'200)) << "output waits for nobody";
  const auto chunks = streamer.take_due(1'400);
  ASSERT_EQ(chunks.size(), 1u);
  ASSERT_EQ(chunks[0].chunk.entries.size(), 2u);
  EXPECT_EQ(chunks[0].chunk.entries[0].stream, "progress");
  EXPECT_EQ(chunks[0].chunk.entries[0].text, "two\n");
}

TEST(LogStreamer, progress_without_end_costs_no_output) {
  LogStreamer streamer;
  std::string all;
  for (MonoMs now = 1'000; now < 4'000'000; now += 1'000) {
    streamer.append(kLease, "progress", std::string(100, 'p'), now);
    all += text_of(streamer.take_due(now + 1'000));
  }
  EXPECT_GT(all.size(), LogStreamer::kProgressBytes / 2);
  EXPECT_LE(all.size(), LogStreamer::kProgressBytes);
  streamer.append(kLease, "stdout", "done", 5'000'000);
  EXPECT_EQ(text_of(streamer.take_due(5'000'200)), "done");
}

TEST(LogStreamer, keeps_a_character_whole_across_chunks) {
  LogStreamer streamer;
  const std::string euro = "\xe2\x82\xac";
  streamer.append(kLease, "stdout", "1" + euro.substr(0, 2), 1'000);
  std::string all = text_of(streamer.take_due(1'200));
  EXPECT_EQ(all, "1");
  streamer.append(kLease, "stdout", euro.substr(2) + "\n", 1'300);
  all += text_of(streamer.take_due(1'500));
  EXPECT_EQ(all, "1" + euro + "\n");
}

TEST(LogStreamer, keeps_bytes_that_are_no_text_and_cuts_no_character_of_the_end) {
  LogStreamer streamer;
  const std::string euro = "\xe2\x82\xac";
  streamer.append(kLease, "stdout", "\xff\xfe", 1'000);
  std::string all;
  while (all.size() < LogStreamer::kAttemptBytes + 2 * LogStreamer::kTailBytes + 1) all += euro;
  streamer.append(kLease, "stdout", all, 1'100);
  std::string kept;
  for (const auto& chunk : streamer.take_due(1'200)) kept += text_of({chunk});
  EXPECT_EQ(kept.substr(0, 5), "\xff\xfe" + euro);
  const std::string end = text_of({*streamer.finish(kLease).rest});
  const std::size_t at = end.find("the end:\n") + 9;
  EXPECT_EQ(end.substr(at, 3), euro);
  EXPECT_EQ((end.size() - at) % 3, 0u);
}

TEST(LogStreamer, keeps_a_character_that_never_becomes_whole) {
  LogStreamer streamer;
  streamer.append(kLease, "stdout", "1\xe2\x82", 1'000);
  const auto last = streamer.finish(kLease).rest;
  ASSERT_TRUE(last);
  EXPECT_EQ(text_of({*last}), "1\xe2\x82");
}

TEST(LogStreamer, waits_for_the_rest_of_a_character_that_comes_alone) {
  LogStreamer streamer;
  const std::string smile = "\xf0\x9f\x98\x80";
  streamer.append(kLease, "stdout", smile.substr(0, 2), 1'000);
  EXPECT_TRUE(streamer.take_due(1'200).empty());
  EXPECT_FALSE(streamer.next_due()) << "nothing can be sent before more comes";
  streamer.append(kLease, "stdout", smile.substr(2), 1'500);
  const auto chunks = streamer.take_due(1'700);
  EXPECT_EQ(text_of(chunks), smile);
  EXPECT_EQ(chunks.at(0).chunk.chunk, 0);
}

}  // namespace
}  // namespace skep::worker
