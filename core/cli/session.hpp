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
#include "core/cli/target.hpp"

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

  /// The control plane that target_of() finds; made at the first call.
  Outcome<Client*> api();
  /// The node that target_of() finds.
  Outcome<Client> node();
  /// A client with the token of --token-file, else that of the target.
  Outcome<Client> connect(const Target& target);
  /// The text itself, the bytes of FILE for "@FILE", or standard input for "-" and "@-".
  Result<std::string> text_argument(const std::string& argument, std::string_view what);
  bool for_people() const { return format == Format::kTable || format == Format::kWide; }

 private:
  Transport transport_;
  std::optional<Client> client_;
};

}  // namespace skep::cli
