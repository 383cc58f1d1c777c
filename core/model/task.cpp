#include "core/model/task.hpp"

#include <array>

#include "core/base/id.hpp"
#include "core/base/text.hpp"

namespace skep::model {
namespace {

constexpr std::array<std::string_view, kTaskStates> kStateNames{
    "queued",    "retry_wait", "claimed",   "executing", "suspect",
    "succeeded", "failed",     "cancelled", "dead"};
constexpr std::array<std::string_view, 3> kOutcomeNames{"succeeded", "failed", "cancelled"};
constexpr std::array<std::string_view, 4> kPayloadNames{"facts", "logs", "execution_result",
                                                        "health"};
constexpr std::array<std::string_view, 7> kVerdictNames{
    "applied",         "applied_late", "duplicate",   "superseded",
    "orphan_recorded", "key_conflict", "wrong_worker"};

struct NamedPriority {
  std::string_view word;
  int value;
};
constexpr std::array kPriorities{NamedPriority{"low", 2}, NamedPriority{"normal", 5},
                                 NamedPriority{"high", 7}, NamedPriority{"critical", 9}};

template <class E, std::size_t N>
std::optional<E> parse_name(const std::array<std::string_view, N>& names, std::string_view word) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == word) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace

std::string_view to_string(TaskState s) { return kStateNames[static_cast<std::size_t>(s)]; }

std::string_view public_status(TaskState s) {
  if (s == TaskState::kWaiting) return "queued";
  if (s == TaskState::kSuspect) return "executing";
  return to_string(s);
}

std::vector<TaskState> states_of(std::string_view public_word) {
  std::vector<TaskState> out;
  for (std::uint32_t i = 0; i < kTaskStates; ++i)
    if (public_status(static_cast<TaskState>(i)) == public_word)
      out.push_back(static_cast<TaskState>(i));
  return out;
}

std::optional<int> parse_priority(std::string_view word) {
  for (const auto& p : kPriorities)
    if (p.word == word) return p.value;
  if (const auto n = to_int(word); n && *n >= 0 && *n <= 9) return static_cast<int>(*n);
  return std::nullopt;
}

std::string_view to_string(OutcomeKind k) { return kOutcomeNames[static_cast<std::size_t>(k)]; }
std::optional<OutcomeKind> parse_outcome(std::string_view word) {
  return parse_name<OutcomeKind>(kOutcomeNames, word);
}

std::string_view to_string(PayloadType t) { return kPayloadNames[static_cast<std::size_t>(t)]; }
std::optional<PayloadType> parse_payload_type(std::string_view word) {
  return parse_name<PayloadType>(kPayloadNames, word);
}

std::string_view to_string(Verdict v) { return kVerdictNames[static_cast<std::size_t>(v)]; }

std::string result_key(const Lease& lease) {
  return sha256_hex("execution_result|" + lease.task_id + "|" + std::to_string(lease.attempt) +
                    "|" + lease.lease_id);
}

}  // namespace skep::model
