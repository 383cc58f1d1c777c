// How many files this process may have open, and how many connections that leaves room for.
#pragma once

#include <cstddef>

namespace skep::app {

/// Raises the soft limit towards the hard one, to 65,536 at most, and returns what it is then. The
/// programs that it starts keep a small one (core/proc/launch.cpp).
std::size_t raise_open_files();

/// `wanted` connections, or as many as `open_files` leave when `reserve` of them are for databases,
/// plugins, scripts and the rest; half of the files at least.
std::size_t connections_within(std::size_t wanted, std::size_t open_files, std::size_t reserve);

}  // namespace skep::app
