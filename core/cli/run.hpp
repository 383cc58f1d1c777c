// One command from its words to its exit code; main() without the process around it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_tty = false;
  bool err_is_tty = false;
  Clock* time = nullptr;  ///< null = the machine's clock
  std::size_t width = 0;  ///< columns of `out`; 0 = not known
};

/// `words` is argv without the program.
int run(const std::vector<std::string>& words, const Environment& environment,
        const Terminal& terminal, Transport transport);

}  // namespace skep::cli
