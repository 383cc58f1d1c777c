#include "core/control/tasks/task_lookup.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace skep::control {
namespace {

constexpr std::size_t kIdLength = 36;
constexpr std::size_t kTimeDigits = 12;  // of a UUIDv7: 48 bits of milliseconds
constexpr std::uint32_t kRowsRead = 100;
constexpr std::size_t kPageWeight = 4u << 20;
constexpr std::size_t kMostRows = 5'000;

/// The first twelve hex digits, those that are missing as `filler`.
std::int64_t time_of(std::string_view id, char filler) {
  std::string digits;
  for (const char c : id)
    if (c != '-' && digits.size() < kTimeDigits) digits += c;
  digits.resize(kTimeDigits, filler);
  std::int64_t ms = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), ms, 16);
  return ms;
}

/// The newest row before `bound`; 0 = of all.
Result<std::optional<model::Task>> newest_before(ports::Queue& queue, std::int64_t bound) {
  ports::TaskQuery query;
  query.limit = 1;
  query.after_seq = bound;
  auto rows = queue.read(query);
  if (!rows) return rows.error();
  if (rows->empty()) return std::optional<model::Task>();
  return std::optional(std::move(rows->front()));
}

/// A bound below which the rows made after `latest` are left out, as far as rows and times of
/// creation have one order; 0 = nothing to leave out.
Result<std::int64_t> bound_of(ports::Queue& queue, std::int64_t latest) {
  const auto newest = newest_before(queue, 0);
  if (!newest) return newest.error();
  if (!*newest || time_of((*newest)->id, '0') <= latest) return 0;
  std::int64_t low = 0;                // nothing before it is too new
  std::int64_t high = (*newest)->seq;  // too new itself
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    const auto row = newest_before(queue, middle);
    if (!row) return row.error();
    if (!*row || time_of((*row)->id, '0') <= latest)
      low = middle;
    else
      high = (*row)->seq;
  }
  return high;
}

}  // namespace

bool is_id_beginning(std::string_view text) {
  return text.size() >= 4 && text.size() <= kIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
         });
}

Result<std::vector<model::Task>> tasks_beginning(ports::Queue& queue, std::string_view text,
                                                 std::uint32_t limit) {
  const std::int64_t earliest = time_of(text, '0');
  const auto bound = bound_of(queue, time_of(text, 'f'));
  if (!bound) return bound.error();
  ports::TaskQuery query;
  query.after_seq = *bound;
  query.limit = kRowsRead;
  query.max_bytes = kPageWeight;
  std::vector<model::Task> found;
  for (std::size_t seen = 0; seen < kMostRows;) {
    auto rows = queue.read(query);
    if (!rows) return rows.error();
    for (model::Task& task : *rows) {
      if (time_of(task.id, '0') < earliest) return found;
      query.after_seq = task.seq;
      if (task.id.starts_with(text)) found.push_back(std::move(task));
      if (found.size() == limit) return found;
    }
    if (rows->empty()) return found;
    seen += rows->size();
  }
  return invalid("too many tasks were made at the time that \"" + std::string(text) +
                 "\" says; give more of the id")
      .named("too-many");
}

}  // namespace skep::control
