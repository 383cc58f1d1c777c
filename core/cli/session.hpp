// What a running command has at hand.
#pragma once

#include <iosfwd>
#include <map>
#include <optional>
#include <string>

#include "core/cli/client.hpp"
#include "core/cli/command.hpp"
#include "core/cli/console.hpp"
#include "core/cli/output.hpp"

namespace skep::cli {

using Environment = std::map<std::string, std::string>;

class Session {
 public:
  Session(Args args_, const Console& console_, std::istream& input_, Environment environment_,
          Transport transport)
      : args(std::move(args_)),
        console(console_),
        input(input_),
        environment(std::move(environment_)),
        format(parse_format(args.get("output"))),
        transport_(std::move(transport)) {}

  Args args;
  const Console& console;
  std::istream& input;
  Environment environment;
  Format format;

  /// The control plane of --server, with the token of --token-file; made at the first call.
  Outcome<Client*> api();
  /// A client of another server, with the same token and time limit.
  Outcome<Client> connect(const std::string& server);
  /// The text itself, the bytes of FILE for "@FILE", or standard input for "-" and "@-".
  Result<std::string> text_argument(const std::string& argument, std::string_view what);
  bool for_people() const { return format == Format::kTable || format == Format::kWide; }

 private:
  Transport transport_;
  std::optional<Client> client_;
};

}  // namespace skep::cli
