#include "core/control/tasks/lease_owner.hpp"

#include <algorithm>

#include "core/base/id.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kMarkDigits = 16;
constexpr char kEndOfMark = '_';  // in no UUID
/// A queue takes claim ids of 64 bytes.
constexpr std::size_t kLongestName = 64 - kMarkDigits - 1;
constexpr std::size_t kNameBytes = 16;

std::string mark_of(std::string_view worker_id) {
  return sha256_hex(worker_id).substr(0, kMarkDigits) + kEndOfMark;
}

bool is_marked(std::string_view lease_id) {
  return lease_id.size() > kMarkDigits && lease_id[kMarkDigits] == kEndOfMark &&
         std::all_of(lease_id.begin(), lease_id.begin() + kMarkDigits,
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string marked_claim(std::string_view worker_id, std::string_view claim_id) {
  if (claim_id.empty()) return mark_of(worker_id) + random_hex(kNameBytes);
  if (claim_id.size() <= kLongestName) return mark_of(worker_id).append(claim_id);
  return mark_of(worker_id) + sha256_hex(claim_id).substr(0, kLongestName);
}

bool may_be_lease_of(std::string_view worker_id, std::string_view lease_id) {
  return !is_marked(lease_id) || lease_id.starts_with(mark_of(worker_id));
}

}  // namespace skep::control
