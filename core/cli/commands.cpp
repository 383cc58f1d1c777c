#include "core/cli/commands.hpp"

#include <iterator>

#include "core/cli/api/commands.hpp"
#include "core/cli/help/commands.hpp"
#include "core/cli/node/commands.hpp"
#include "core/cli/plugin/commands.hpp"
#include "core/cli/registry/commands.hpp"
#include "core/cli/script/commands.hpp"
#include "core/cli/status/commands.hpp"
#include "core/cli/task/commands.hpp"
#include "core/cli/trust/commands.hpp"
#include "core/cli/up/commands.hpp"
#include "core/cli/worker/commands.hpp"

namespace skep::cli {
namespace {

using Noun = std::vector<Command> (*)();

constexpr Noun kNouns[] = {
    up_commands,        //
    status_commands,    //
    task_commands,      //
    worker_commands,    //
    node_commands,      //
    plugin_commands,    //
    trust_commands,     //
    registry_commands,  //
    script_commands,    //
    api_commands,       //
    help_commands,
};

CommandTable build() {
  CommandTable out;
  for (const Noun noun : kNouns) {
    auto commands = noun();
    std::move(commands.begin(), commands.end(), std::back_inserter(out));
  }
  return out;
}

}  // namespace

const CommandTable& all_commands() {
  static const CommandTable commands = build();
  return commands;
}

}  // namespace skep::cli
