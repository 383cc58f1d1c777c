// The seal of a stored object: its last member is the sha256 of every byte before it, so that a
// torn write or a flipped bit shows without a canonical form of JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace spool {

/// Bytes that seal() adds to an object.
constexpr std::size_t kSealBytes = 78 - 1;

/// Throws skep::Fault (INVALID) unless `bytes` looks like a JSON object with a member.
void check_object(std::string_view bytes);

/// `{"a":1}` becomes `{"a":1,"sha256":"<64 hex>"}` and a newline. `object` passes check_object().
std::string seal(std::string_view object);

/// The object that was sealed, or nothing; then `why` says what is wrong.
std::optional<std::string> unseal(std::string_view bytes, std::string& why);

/// Does `bytes` end like a sealed object? Cheap; says nothing about the sum.
bool looks_sealed(std::string_view bytes);

}  // namespace spool
