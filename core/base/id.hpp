// Identifiers: made, checked, compared.
#pragma once

#include <string>
#include <string_view>

namespace skep {

/// A new UUIDv7 (RFC 9562): sorts by time of creation, 74 random bits. [any]
std::string new_id();
/// The same, and it sorts after `former` whatever the clock says now; "" = there is no former one,
/// and one of the year 3000 or later is none.
std::string new_id_after(std::string_view former);
/// Whether both are ids of new_id(), before the year 3000, and `a` was made before `b`, as far as
/// the clocks were right.
bool is_older_id(std::string_view a, std::string_view b);
/// `bytes` random bytes from the kernel as lower-case hex. [any]
std::string random_hex(std::size_t bytes);
/// [A-Za-z0-9][A-Za-z0-9._-]{0,127}: what a task, worker or site may be called.
bool is_name(std::string_view s);
/// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace skep
