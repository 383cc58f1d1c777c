// What a running command has at hand.
#pragma once

#include <iosfwd>
#include <map>
#include <optional>
#include <string>

#include "core/cli/base/client.hpp"
#include "core/cli/base/command.hpp"
#include "core/cli/base/console.hpp"
#include "core/cli/base/destination.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {

using Environment = std::map<std::string, std::string>;

class Invocation {
 public:
  Invocation(const CommandTable& table_, Args args_, const Console& console_, std::istream& input_,
             Environment environment_, Transport transport)
      : table(table_),
        args(std::move(args_)),
        console(console_),
        input(input_),
        environment(std::move(environment_)),
        format(parse_format(args.get("output"))),
        transport_(std::move(transport)) {}

  const CommandTable& table;  ///< every command, for help
  Args args;
  const Console& console;
  std::istream& input;
  Environment environment;
  Format format;

  /// The control plane that destination_of() finds; made at the first call.
  Expected<Client*> api();
  /// The node that destination_of() finds.
  Expected<Client> node(Reach reach = Reach::kNode);
  /// A client with the token of --token-file, else that of `to`.
  Expected<Client> connect(const Destination& to);
  /// The text itself, the bytes of FILE for "@FILE", or standard input for "-" and "@-".
  Result<std::string> text_argument(const std::string& argument, std::string_view what);
  bool for_people() const { return format == Format::kTable || format == Format::kWide; }

 private:
  Transport transport_;
  std::optional<Client> client_;
};

}  // namespace skep::cli
