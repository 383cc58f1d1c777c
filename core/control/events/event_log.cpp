#include "core/control/events/event_log.hpp"

#include <algorithm>

#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/utf8.hpp"
#include "core/control/events/event_feed.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kLongestText = 1024;
constexpr std::size_t kRowsAtOnce = 25;
constexpr std::string_view kTakeNumbers = "UPDATE event_sequence SET newest = newest + $1";
constexpr std::string_view kInsert =
    "INSERT INTO events (sequence, at_ms, kind, subject, actor, fields) VALUES ";

/// Text that every store takes.
std::string mended(std::string_view text) {
  std::string out = to_utf8(clip_utf8(text, kLongestText));
  std::replace(out.begin(), out.end(), '\0', '?');
  return out;
}

struct FieldWriter {
  JsonOut& out;
  void operator()(const std::string& s) const { out.str(mended(s)); }
  void operator()(std::int64_t i) const { out.integer(i); }
  void operator()(double d) const { out.number(d); }
  void operator()(bool b) const { out.boolean(b); }
};

std::string encode(const std::vector<log::Field>& fields) {
  JsonOut out;
  out.object();
  for (const log::Field& f : fields) std::visit(FieldWriter{out.key(f.key)}, f.value);
  return out.end_object().take();
}

/// "((SELECT newest FROM event_sequence) - $1, $2, $3, $4, $5, $6)", each row with its numbers.
std::string insert_rows(std::size_t rows) {
  std::string sql(kInsert);
  for (std::size_t row = 0, p = 1; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    sql += "(SELECT newest FROM event_sequence) - $" + std::to_string(p++);
    for (int column = 0; column < 5; ++column) sql += ", $" + std::to_string(p++);
    sql += ")";
  }
  return sql;
}

ports::Statement insert(std::span<const NewEvent* const> events, std::int64_t after_first) {
  static const std::string many = insert_rows(kRowsAtOnce);
  ports::Statement out{events.size() == kRowsAtOnce ? many : insert_rows(events.size())};
  out.params.reserve(events.size() * 6);
  for (const NewEvent* e : events) {
    out.params.emplace_back(after_first--);
    out.params.emplace_back(e->at);
    out.params.emplace_back(std::string(e->kind));
    out.params.emplace_back(mended(e->subject));
    out.params.emplace_back(mended(e->actor));
    out.params.emplace_back(encode(e->fields));
  }
  return out;
}

bool is_of_events(const ports::Statement& s) {
  return s.sql == kTakeNumbers || s.sql.starts_with(kInsert);
}

}  // namespace

std::string actor_of(const net::Caller& caller) {
  std::string out(net::to_string(caller.kind));
  return caller.name.empty() ? out : out + ":" + caller.name;
}

std::string worker_actor(std::string_view worker_id) { return "worker:" + std::string(worker_id); }

std::vector<std::string> EventLog::migrations() {
  return {"CREATE TABLE event_sequence (newest BIGINT NOT NULL)",
          "INSERT INTO event_sequence (newest) VALUES (0)",
          "CREATE TABLE events (sequence BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL, "
          "kind TEXT NOT NULL, subject TEXT NOT NULL, actor TEXT NOT NULL, fields TEXT NOT NULL)"};
}

bool EventLog::keeps(std::string_view kind) const { return events::matches(feed_->kept(), kind); }

void EventLog::committed() const { feed_->poke(); }

void EventLog::append(std::span<const NewEvent> events,
                      std::vector<ports::Statement>& batch) const {
  const std::vector<std::string> patterns = feed_->kept();
  std::vector<const NewEvent*> kept;
  for (const NewEvent& e : events)
    if (events::matches(patterns, e.kind)) kept.push_back(&e);
  if (kept.empty()) return;
  auto left = static_cast<std::int64_t>(kept.size());
  std::vector<ports::Statement> out{{std::string(kTakeNumbers), {left}}};
  for (std::span<const NewEvent* const> rest(kept); !rest.empty();) {
    const std::size_t n = rest.size() < kRowsAtOnce ? 1 : kRowsAtOnce;
    out.push_back(insert(rest.first(n), left - 1));
    left -= static_cast<std::int64_t>(n);
    rest = rest.subspan(n);
  }
  const auto place = std::find_if_not(batch.begin(), batch.end(), is_of_events);
  batch.insert(place, std::make_move_iterator(out.begin()), std::make_move_iterator(out.end()));
}

std::vector<ports::Statement> EventLog::statements(std::span<const NewEvent> events) const {
  std::vector<ports::Statement> out;
  append(events, out);
  return out;
}

}  // namespace skep::control
